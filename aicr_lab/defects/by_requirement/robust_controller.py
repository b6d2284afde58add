"""Defects that the checks of ``robust_controller`` must notice."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.api_access import RestrictedUser, everything_but
from aicr_lab.defects.injections.operator_controllers import (
    ControllersDown,
    MayNotCreate,
    NoGarbageCollector,
    StatusLies,
)
from aicr_lab.defects.injections.operator_webhooks import (
    ForeignPolicy,
    SchemaInstead,
    WebhooksChanged,
    WebhooksMissing,
)

PRESENT = "test_operator_runs_and_is_asked_about_its_resources"
DENIED = "test_flawed_resource_is_denied_by_the_operators_own_webhook"
MENDED = "test_resource_with_the_flaw_mended_is_admitted"
RECONCILED = "test_resource_is_reconciled"
COMES_BACK = "test_child_that_was_deleted_comes_back"
REMOVED = "test_deletion_removes_what_the_operator_made"
SURVIVES = "test_operator_survives_the_loss_of_its_pod_while_it_reconciles"

_WITH_RESOURCES = frozenset({RECONCILED, COMES_BACK, REMOVED, SURVIVES})
"""Checks that need a custom resource to be reconciled."""
_NO_RESOURCES = RestrictedUser(
    name="no-operators", rules=everything_but("ray.io/*", "jobset.x-k8s.io/*")
)

DEFECTS = (
    Defect(
        id="op-webhook-missing",
        requirement="robust_controller",
        sentence="No webhook of the operator is registered.",
        injection=WebhooksMissing(),
        detected_by=DENIED,
        also_fails=frozenset({PRESENT, SURVIVES}),
        expected_message=r"is admitted; webhooks that are asked: (none|mjobset\.kb\.io \([^;]*)$",
    ),
    Defect(
        id="op-webhook-fail-open",
        requirement="robust_controller",
        sentence="The operator's webhook cannot be reached, and failing it is ignored.",
        injection=WebhooksChanged(
            change={"failurePolicy": "Ignore", "clientConfig": {"service": {"port": 9}}}
        ),
        detected_by=DENIED,
        also_fails=frozenset({SURVIVES}),
        expected_message=r"is admitted; webhooks that are asked: .*failurePolicy Ignore",
    ),
    Defect(
        id="op-webhook-denies-all",
        requirement="robust_controller",
        sentence="The operator's webhook is asked at the path of another kind, and denies all.",
        injection=WebhooksChanged(
            change={"clientConfig": {"service": {"path": "/validate--v1-pod"}}}
        ),
        detected_by=MENDED,
        also_fails=_WITH_RESOURCES,
        expected_message=r"without a flaw is refused: .*denied the request",
    ),
    Defect(
        id="op-schema-only",
        requirement="robust_controller",
        sentence="Only the CRD's schema refuses the flaw; the operator has no webhook.",
        injection=SchemaInstead(),
        detected_by=DENIED,
        also_fails=frozenset({PRESENT, SURVIVES}),
        expected_message=r"is refused by no webhook, not by one of .*(Duplicate|Unsupported) value",
    ),
    Defect(
        id="op-foreign-webhook",
        requirement="robust_controller",
        sentence="A policy engine refuses the flaw; the operator has no webhook.",
        injection=ForeignPolicy(instead=True),
        detected_by=DENIED,
        also_fails=frozenset({PRESENT, SURVIVES}),
        expected_message=r'is refused by webhook "\w+\.policy\.example\.com", not by one of',
    ),
    Defect(
        id="op-foreign-policy-denies-all",
        requirement="robust_controller",
        sentence="A policy engine refuses every custom resource, whatever the operator thinks.",
        injection=ForeignPolicy(instead=False),
        expects="Inconclusive",
        detected_by=MENDED,
        also_fails=_WITH_RESOURCES | {DENIED},
        expected_message=r'webhook "\w+\.policy\.example\.com" refuses any',
    ),
    Defect(
        id="op-controller-down",
        requirement="robust_controller",
        sentence="The operator's controller has no pod.",
        injection=ControllersDown(),
        detected_by=PRESENT,
        also_fails=_WITH_RESOURCES | {DENIED, MENDED},
        expected_message=r"Deployment \S+ has no pod that is available",
    ),
    Defect(
        id="op-reconciles-nothing",
        requirement="robust_controller",
        sentence="The operator runs and its webhook answers, but it may not create children.",
        injection=MayNotCreate(),
        detected_by=RECONCILED,
        also_fails=_WITH_RESOURCES,
        expected_message=r"reconciled: not within .*owns 0 (Job|Pod) of 2",
    ),
    Defect(
        id="op-status-lies",
        requirement="robust_controller",
        sentence="The status says ready, and no child is.",
        injection=StatusLies(),
        detected_by=RECONCILED,
        also_fails=_WITH_RESOURCES,
        expected_message=r"the status of .* says .*ready.*, but it owns . (Job|Pod) of 2, of "
        r"which 0 are",
    ),
    Defect(
        id="op-children-orphaned",
        requirement="robust_controller",
        sentence="Children stay when their custom resource is deleted.",
        injection=NoGarbageCollector(),
        detected_by=REMOVED,
        also_fails=frozenset({SURVIVES}),
        expected_message=r"gone with everything that it owns: not within .*still there: "
        r"(Job|Pod|Service) ",
    ),
    Defect(
        id="op-rbac-denied",
        requirement="robust_controller",
        sentence="The suite's user may not create custom resources of the operator.",
        injection=_NO_RESOURCES,
        kubeconfig=_NO_RESOURCES.kubeconfig,
        expects="Inconclusive",
        detected_by=DENIED,
        also_fails=_WITH_RESOURCES | {MENDED},
        expected_message=r"no-operators may not create (rayclusters|jobsets)",
    ),
)
