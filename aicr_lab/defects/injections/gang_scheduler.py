"""Ways to break gang scheduling: what ties pods together is dropped, loosened or held up."""

from dataclasses import dataclass

from aicr_lab.defects.injections.admission_policies import refusing, rewriting, rule
from aicr_lab.defects.injections.device_path import release_claims
from aicr_lab.defects.injections.injection import Applied, await_effect, dry_run
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

_PODS = rule("", ["pods"], ["CREATE"])
_POD_GROUPS = rule("scheduling.k8s.io", ["podgroups"], ["CREATE"], version="v1beta1")
_SCHEDULER = "kube-scheduler"


def _member(lab: Lab, group: str) -> Object | None:
    """What the API server makes of a pod that belongs to a group."""
    container = {"name": "probe", "image": "probe"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {"containers": [container], "schedulingGroup": {"podGroupName": group}},
    }
    return dry_run(lab, pod)


def _min_count(lab: Lab) -> int:
    """What the API server makes of a PodGroup that wants three."""
    group = {
        "apiVersion": "scheduling.k8s.io/v1beta1",
        "kind": "PodGroup",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {"schedulingPolicy": {"gang": {"minCount": 3}}},
    }
    made = dry_run(lab, group)
    return int(made["spec"]["schedulingPolicy"]["gang"]["minCount"]) if made else 0


def untied(name: str, *, prefix: str = "") -> Applied:
    """Pods do not belong to the groups that they name, as with a scheduler that knows no groups.

    Args:
        prefix: only to groups whose names begin so.
    """

    def effective(lab: Lab) -> bool:
        made = _member(lab, f"{prefix}probe")
        return made is not None and "schedulingGroup" not in made["spec"]

    return Applied(
        objects=tuple(
            rewriting(
                name,
                [_PODS],
                when="has(object.spec.schedulingGroup) && "
                f"object.spec.schedulingGroup.podGroupName.startsWith('{prefix}')",
                patches=['[JSONPatch{op: "remove", path: "/spec/schedulingGroup"}]'],
            )
        ),
        effective=effective,
    )


def wanting(name: str, expression: str) -> Applied:
    """Groups want fewer members than they were asked for, as a webhook's defaults may have it."""
    path = "/spec/schedulingPolicy/gang/minCount"
    return Applied(
        objects=tuple(
            rewriting(
                name,
                [_POD_GROUPS],
                when="has(object.spec.schedulingPolicy.gang)",
                patches=[f'[JSONPatch{{op: "replace", path: "{path}", value: {expression}}}]'],
            )
        ),
        effective=lambda lab: _min_count(lab) < 3,
    )


_KUEUE_GROUP = "kueue.x-k8s.io/pod-group-name"
_KUEUE_COUNT = "kueue.x-k8s.io/pod-group-total-count"
_KUEUE_TIES = (
    "/metadata/labels/" + _KUEUE_GROUP.replace("/", "~1"),
    # Without the group its webhook refuses the number of members.
    "/metadata/annotations/" + _KUEUE_COUNT.replace("/", "~1"),
)


def _is_ungrouped(lab: Lab) -> bool:
    made = dry_run(
        lab,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "aicr-lab-probe",
                "namespace": "default",
                "labels": {_KUEUE_GROUP: "probe", "kueue.x-k8s.io/queue-name": "probe"},
                # Without it Kueue's webhook refuses the pod, and nobody could tell.
                "annotations": {_KUEUE_COUNT: "2"},
            },
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        },
    )
    return made is not None and _KUEUE_GROUP not in made["metadata"].get("labels", {})


UNGROUPED = Applied(
    objects=tuple(
        rewriting(
            "gang-ungrouped",
            [_PODS],
            when=f"has(object.metadata.labels) && '{_KUEUE_GROUP}' in object.metadata.labels",
            patches=[f'[JSONPatch{{op: "remove", path: "{path}"}}]' for path in _KUEUE_TIES],
        )
    ),
    effective=_is_ungrouped,
)
"""Kueue does not learn which pods belong together: it admits each for itself."""


def _is_gated(lab: Lab) -> bool:
    made = _member(lab, "probe")
    return made is not None and bool(made["spec"].get("schedulingGates"))


GATED = Applied(
    objects=tuple(
        rewriting(
            "gang-gates",
            [_PODS],
            when="has(object.spec.schedulingGroup)",
            merge=(
                "Object{spec: Object.spec{schedulingGates: "
                '[Object.spec.schedulingGates{name: "quota.example/admission"}]}}'
            ),
        )
    ),
    effective=_is_gated,
)
"""A quota admits nothing, for ever: its gate stays on every member."""

MEMBERS_NEVER_RELEASED = Applied(
    objects=tuple(
        refusing(
            "gang-release",
            [rule("resource.k8s.io", ["resourceclaims/status"], ["UPDATE"])],
            expression=(
                "!object.metadata.name.startsWith('gang-') || "
                "!has(oldObject.status) || !has(oldObject.status.allocation) || "
                "(has(object.status) && has(object.status.allocation))"
            ),
            message="unprepare failed: device is busy",
        )
    ),
    afterwards=release_claims,
)
"""What a member held is never given back; other pods' devices are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerDown:
    """The scheduler is stopped: it is native gang scheduling's controller."""

    def inject(self, lab: Lab) -> None:
        """Stop it."""
        lab.stop(_SCHEDULER)

    def revert(self, lab: Lab) -> None:
        """Start it and wait until it is well."""
        if not lab.processes.alive(_SCHEDULER):
            lab.restart(_SCHEDULER)
        lab.await_healthy(_SCHEDULER)
        await_effect("no pod waits for the scheduler", lambda: not _waiting(lab))


def _waiting(lab: Lab) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in lab.api.list("v1", "Pod")
        if not pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")
    ]
