"""What an operator on trial is seen to do, and what the checks say of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    SERVICE,
    VALIDATING_WEBHOOKS,
    Kind,
)
from aicr_pytest.errors import ApiError, Inconclusive, NotAllowed, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.robust_controller.observed import (
    Children,
    Offer,
    Presence,
    Reconciled,
    Removal,
    Replacement,
    Survival,
)
from aicr_pytest.requirements.robust_controller.solutions.kuberay import KUBERAY
from aicr_pytest.requirements.robust_controller.trial import Trial
from aicr_pytest.requirements.robust_controller.webhooks import Answer, Webhook
from aicr_pytest.settings import Settings
from aicr_pytest.workloads.manifests import render_actor
from tests.conformance import test_robust_controller as suite
from tests.unit.requirements.judging import judged

OWN = Webhook(name="v.ray.io", configuration="c", failure_policy="Fail", asks="ns/ray", own=True)
POLICY = Webhook(name="p.test", configuration="c", failure_policy="Fail", asks="ns/p", own=False)
FLAW = "whose two worker groups have the same name"
DENIED = 'admission webhook "v.ray.io" denied the request: no'


class Quiet:
    """Evidence and waits that nobody looks at."""

    deadlines = SimpleNamespace(operator_back=1.0, looked_again=1.0)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def poll(self, what: str, look: Any, *, until: Any, **_: Any) -> Any:
        if not until(seen := look()):
            raise WaitTimeout(what)
        return seen

    def for_object(self, what: str, kind: Kind, name: str, *_: Any, until: Any, **__: Any) -> Any:
        if not until({"status": {"availableReplicas": 0 if name.startswith("down") else 1}}):
            raise WaitTimeout(what)


class Api:
    """An API server with the operator, its webhook, and a say on what is offered."""

    run_id = "20261124-042422-30ad"

    def __init__(self, **there: Any) -> None:
        self.established = there.get("established", "True")
        self.selector = there.get("selector", {"app": "ray"})
        self.name = there.get("name", "kuberay-operator")
        self.refuses: dict[str, str] = there.get("refuses", {})
        self.offered: list[str] = []

    def ours(self, obj: Any) -> Any:
        return obj

    def get(self, kind: Kind, name: str) -> Any:
        assert (kind, name) == (CUSTOM_RESOURCE_DEFINITION, "rayclusters.ray.io")
        versions = [{"name": "v1", "served": True}, {"name": "v1alpha1", "served": False}]
        conditions = [{"type": "Established", "status": self.established}]
        return {"spec": {"versions": versions}, "status": {"conditions": conditions}}

    def serves(self, group: str, version: str) -> Any:
        return {("ray.io", "v1"): ["RayService", "RayCluster", "RayJob"]}[group, version]

    def list(self, kind: Kind) -> Any:
        if kind == DEPLOYMENT:
            pods = {"containers": [{"name": "manager", "image": "x"}]}
            template = {"metadata": {"labels": {"app": "ray"}}, "spec": pods}
            metadata = {"name": self.name, "namespace": "ray"}
            return [{"metadata": metadata, "spec": {"template": template}}]
        rule = {
            "apiGroups": ["ray.io"],
            "apiVersions": ["v1"],
            "resources": ["rayclusters"],
            "operations": ["CREATE"],
        }
        hook = {
            "name": "v.ray.io",
            "rules": [rule],
            "clientConfig": {"service": {"namespace": "ray", "name": "hooks"}},
        }
        found = [{"metadata": {"name": "hooks"}, "webhooks": [hook]}]
        return found if kind == VALIDATING_WEBHOOKS else []

    def find(self, kind: Kind, name: str, namespace: str) -> Any:
        assert (kind, name, namespace) == (SERVICE, "hooks", "ray")
        return {"spec": {"selector": self.selector}}

    def create(self, obj: Any, *, dry_run: bool) -> None:
        assert dry_run
        groups = [group["groupName"] for group in obj["spec"]["workerGroupSpecs"]]
        what = "flawed" if len(set(groups)) < len(groups) else "mended"
        self.offered.append(what)
        if message := self.refuses.get(what):
            raise ApiError(403, "Forbidden", message, request="POST rayclusters")


class Resource:
    """A custom resource, as an operator left it."""

    namespace, request = "ns", "GET /it"

    def __init__(self, pods: int = 2, ready: int = 2, services: int = 1) -> None:
        self.gone = False
        self.done = 0
        self.pods = [self._pod(number, number < ready) for number in range(pods)]
        self.services = [{"metadata": {"name": "s"}}] * services

    def __str__(self) -> str:
        return "RayCluster ns/sound"

    @staticmethod
    def _pod(number: int, ready: bool) -> Any:
        condition = {"type": "Ready", "status": str(ready)}
        metadata = {"name": f"pod-{number}", "uid": f"uid-{number}"}
        return {"metadata": metadata, "status": {"phase": "Running", "conditions": [condition]}}

    def reconciled(self) -> None:
        self.done += 1

    def object(self) -> Any:
        return {"status": {"state": "ready"}}

    def children(self) -> Any:
        pods, services = KUBERAY.children
        return [(pods, self.pods), (services, self.services)]

    def replaceable(self) -> Any:
        return self.pods

    def replaces(self, lost: Any, before: Any) -> Any:
        assert lost in before
        return self._pod(len(before), ready=True)

    def delete(self) -> None:
        self.gone = True


def trial(api: Api | None = None, resource: Resource | None = None, allow: str = "") -> Trial:
    quiet: Any = Quiet()
    workspaces = SimpleNamespace(
        at=lambda: SimpleNamespace(namespace="ns", waiter=quiet, kept=False),
        fill=lambda actor, *, image, name, **values: render_actor(
            actor, actor=name, image=image, **values
        ),
    )
    platform: Any = SimpleNamespace(
        cluster=api or Api(),
        workspaces=workspaces,
        evidence=quiet,
        settings=Settings(allow=frozenset({allow} if allow else ())),
    )
    candidate: Any = SimpleNamespace(solution=KUBERAY)
    made = Trial(candidate, platform)
    if resource:
        made._resources = {"sound": resource, "interrupted": resource}  # type: ignore[dict-item]
    return made


def test_presence_is_crd_controllers_and_webhooks() -> None:
    seen = trial().presence()

    assert (seen.crd, seen.established, seen.unavailable) == ("rayclusters.ray.io", "True", ())
    assert seen.own_webhooks == ('webhook "v.ray.io"',)
    assert seen.because() == ""


def test_definition_is_shown_with_what_is_served_of_it() -> None:
    looked_at = trial()
    shown: dict[str, list[Any]] = {}
    vars(looked_at)["_platform"].evidence = SimpleNamespace(
        yaml=lambda *_, **__: None,
        table=lambda title, columns, rows, **_: shown.update({title: [columns, *rows]}),
    )

    looked_at.presence()

    assert shown["Definition of RayCluster"] == [
        ("CRD", "versions served", "Established", "NamesAccepted", "kinds of ray.io/v1"),
        ("rayclusters.ray.io", "v1", "True", "", "RayCluster, RayJob, RayService"),
    ]


def test_what_is_missing_is_seen() -> None:
    api = Api(established="False", selector={"app": "other"}, name="down-kuberay-operator")

    seen = trial(api).presence()

    assert seen.established == "False"
    assert seen.unavailable == ("Deployment ray/down-kuberay-operator",)
    assert seen.own_webhooks == ()


def test_controller_that_is_not_there_cannot_be_looked_at() -> None:
    with pytest.raises(Inconclusive, match="no Deployment whose name ends in kuberay-operator"):
        trial(Api(name="somebody")).presence()


def test_flawed_and_mended_resource_are_offered_and_answered() -> None:
    api = Api(refuses={"flawed": DENIED})

    flawed, mended = trial(api).offer_flawed(), trial(api).offer_mended()

    assert api.offered == ["flawed", "mended"]
    assert (flawed.admitted, flawed.denied_by) == (False, 'webhook "v.ray.io"')
    assert (flawed.resource, flawed.flaw, flawed.product) == ("RayCluster", FLAW, "KubeRay")
    assert flawed.own_webhooks == ('webhook "v.ray.io"',)
    assert (mended.admitted, mended.flaw) == (True, "")


def test_policy_that_refuses_whatever_is_offered_accuses_nobody() -> None:
    stranger = 'admission webhook "p.test" denied the request: no'
    everything = Api(refuses={"flawed": stranger, "mended": stranger})

    with pytest.raises(PolicyRefused, match=r'webhook "p.test" refuses any RayCluster of ours'):
        trial(everything).offer_flawed()
    with pytest.raises(PolicyRefused, match="refuses any"):
        trial(everything).offer_mended()
    assert trial(Api(refuses={"flawed": stranger})).offer_flawed().denied_by == 'webhook "p.test"'


def test_own_webhook_that_denies_everything_is_no_policy() -> None:
    offered = trial(Api(refuses={"flawed": DENIED, "mended": DENIED})).offer_mended()

    assert (offered.admitted, offered.denied_by) == (False, 'webhook "v.ray.io"')


def test_children_are_counted_once_the_status_says_that_it_is_reconciled() -> None:
    resource = Resource(pods=2, ready=1, services=3)

    seen = trial(resource=resource).reconciliation()

    assert resource.done == 1
    assert seen.status == "state ready; 0 of 0 workers ready"
    assert seen.children == (
        Children(kind="Pod", wanted=2, owned=2, ready=1),
        Children(kind="Service", wanted=1, owned=3, ready=3),
    )


def test_replacement_is_none_of_those_that_were_there() -> None:
    seen = trial(resource=Resource()).replacement()

    assert (seen.lost, seen.instead) == ("uid-1", "uid-2")
    assert seen.before == {"uid-0", "uid-1"}


def test_removal_is_of_what_was_owned() -> None:
    resource, nothing = Resource(), Resource(pods=0, services=0)

    removal = trial(resource=resource).removal()
    assert (removal.owned, removal.gone, resource.gone) == (3, True, True)
    removal = trial(resource=nothing).removal()
    assert (removal.owned, removal.gone, nothing.gone) == (0, False, False)


def test_survival_is_seen_of_pods_that_were_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[str] = []
    where = "aicr_pytest.requirements.robust_controller.controllers"
    monkeypatch.setattr(f"{where}.delete_pods", lambda *_: {"uid": "manager-0"})
    monkeypatch.setattr(f"{where}.run_again", lambda *_: came.append("again"))
    resource = Resource()
    monkeypatch.setattr(resource, "reconciled", lambda: came.append("reconciled"))

    seen = trial(resource=resource, allow="disruption").survival()

    assert (seen.deleted, seen.reconciled) == (("manager-0",), True)
    assert came == ["again", "reconciled"], "till then the old pods might do the work"


def test_survival_of_no_pod_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    where = "aicr_pytest.requirements.robust_controller.controllers"
    monkeypatch.setattr(f"{where}.delete_pods", lambda *_: {})

    seen = trial(resource=Resource(), allow="disruption").survival()

    assert (seen.deleted, seen.reconciled) == ((), False)


def test_pods_are_deleted_only_where_that_is_allowed() -> None:
    with pytest.raises(NotAllowed):
        trial(resource=Resource()).survival()


# -- what the checks say ---------------------------------------------------------------------------


def presence(**changes: Any) -> Presence:
    fine = {"unavailable": (), "established": "True", "webhooks": (OWN, POLICY)}
    told: dict[str, Any] = {**fine, **changes}
    return Presence(product="KubeRay", resource="RayCluster", crd="rayclusters.ray.io", **told)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        (
            {"unavailable": ("Deployment a/b",)},
            "Deployment a/b has no pod that is available",
        ),
        ({"established": "False"}, "CRD rayclusters.ray.io is not established"),
        (
            {"webhooks": (POLICY,)},
            ("no webhook of KubeRay is asked about a new RayCluster; webhooks that are: p.test "
            "(asks ns/p, failurePolicy Fail)"),
        ),
        (
            {"unavailable": ("Deployment a/b",), "webhooks": ()},
            ("Deployment a/b has no pod that is available\n"
            "no webhook of KubeRay is asked about a new RayCluster; webhooks that are: none"),
        ),
    ],
)  # fmt: skip
def test_operator_has_to_be_there_whole(changes: dict[str, Any], words: str) -> None:
    check = suite.test_operator_runs_and_is_asked_about_its_resources
    assert judged(check, presence=presence(**changes)) == words


def offer(flaw: str, *webhooks: Webhook, **answer: Any) -> Offer:
    return Offer(
        resource="RayCluster",
        flaw=flaw,
        product="KubeRay",
        answer=Answer(**{"admitted": False, **answer}),
        webhooks=webhooks or (OWN, POLICY),
    )


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        (offer(FLAW, text="no", denied_by='webhook "v.ray.io"'), ""),
        (
            offer(FLAW, admitted=True),
            (f"a RayCluster {FLAW} is admitted; webhooks that are asked: v.ray.io (asks ns/ray, "
            "failurePolicy Fail); p.test (asks ns/p, failurePolicy Fail)"),
        ),
        (
            offer(FLAW, text="late", unanswered_by="v.ray.io"),
            f"webhook v.ray.io gives no answer to a RayCluster {FLAW}: late",
        ),
        (
            offer(FLAW, text="no", denied_by='webhook "p.test"'),
            (f'a RayCluster {FLAW} is refused by webhook "p.test", not by one of KubeRay\'s own '
            '(webhook "v.ray.io"): no'),
        ),
        (
            offer(FLAW, POLICY, text="Duplicate value"),
            (f"a RayCluster {FLAW} is refused by no webhook, not by one of KubeRay's own (there is "
            "none): Duplicate value"),
        ),
    ],
)  # fmt: skip
def test_flaw_has_to_be_denied_by_the_operators_own_webhook(offered: Offer, words: str) -> None:
    check = suite.test_flawed_resource_is_denied_by_the_operators_own_webhook
    assert judged(check, offer_flawed=offered) == words


def test_mended_resource_has_to_be_admitted() -> None:
    check = suite.test_resource_with_the_flaw_mended_is_admitted
    denied = offer("", text="no", denied_by='webhook "v.ray.io"')

    assert judged(check, offer_mended=offer("", admitted=True)) == ""
    assert judged(check, offer_mended=denied) == "a RayCluster without a flaw is refused: no"


@pytest.mark.parametrize(
    ("pods", "services", "words"),
    [
        (2, 1, ""),
        (3, 2, ""),
        (1, 2, "the status of it says ready, but it owns 4 Pod of 2, of which 1 are ready"),
        (3, 0, "the status of it says ready, but it owns 4 Service of 1, of which 0 are ready"),
    ],
)
def test_every_kind_of_child_has_to_be_ready(pods: int, services: int, words: str) -> None:
    children = (
        Children(kind="Pod", wanted=2, owned=4, ready=pods),
        Children(kind="Service", wanted=1, owned=4, ready=services),
    )
    seen = Reconciled(name="it", status="ready", children=children)

    assert judged(suite.test_resource_is_reconciled, reconciliation=seen) == words


@pytest.mark.parametrize(("lost", "instead", "fine"), [("a", "c", True), ("a", "b", False)])
def test_child_that_comes_back_has_to_be_another(lost: str, instead: str, fine: bool) -> None:
    seen = Replacement(lost=lost, before=frozenset({"a", "b"}), instead=instead)

    said = judged(suite.test_child_that_was_deleted_comes_back, replacement=seen)

    assert (said == "") is fine


def test_what_was_owned_has_to_be_gone() -> None:
    check = suite.test_deletion_removes_what_the_operator_made

    assert judged(check, removal=Removal(name="it", owned=3, gone=True)) == ""
    assert judged(check, removal=Removal(name="it", owned=3, gone=False)) != ""
    assert judged(check, removal=Removal(name="it", owned=0, gone=True)) == (
        "it owns nothing, so that nothing could be seen to go"
    )


def test_pods_have_to_be_lost_and_the_resource_reconciled() -> None:
    check = suite.test_operator_survives_the_loss_of_its_pod_while_it_reconciles
    seen = {"product": "KubeRay"}

    assert judged(check, survival=Survival(deleted=("a",), reconciled=True, **seen)) == ""
    assert judged(check, survival=Survival(deleted=("a",), reconciled=False, **seen)) != ""
    for reconciled in (False, True):
        nobody = Survival(deleted=(), reconciled=reconciled, **seen)
        assert judged(check, survival=nobody) == "KubeRay has no pod"
