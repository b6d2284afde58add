"""What holds every pod of ours back, whoever makes it: no token, and no place taken from others.

A pod displaces pods of lower priority where no room is left, unless its PriorityClass says
``preemptionPolicy: Never``. The field of that name in a pod's own spec is refused by admission
where it differs from the class', and without a class from ``PreemptLowerPriority``; so there has
to be a class. Workspaces make one each, unless the user names one.
"""

import copy
from collections.abc import Iterator

from aicr_pytest.cluster.kinds import PRIORITY_CLASS, Object

NEVER = "Never"
_VALUE = 0
"""That of a pod without a class, where a cluster has no other default: what is scheduled or scaled
out for such a pod is for ours, and who may displace such a pod may displace ours. Cluster
Autoscaler would ignore what is below -10."""
_GROUPS = ("scheduling.k8s.io", "scheduling.run.ai", "scheduling.volcano.sh")
"""API groups whose PodGroups name a PriorityClass beside that of their pods."""
USERS_BY_NAMESPACE = ("security.openshift.io", "v1")
"""Served where each namespace has a range of users of its own, and pods that name another one are
refused: OpenShift's security context constraints."""


def pod_specs(part: object) -> Iterator[Object]:
    """Every pod specification inside an object, however deep; known by its containers."""
    if isinstance(part, dict):
        if isinstance(part.get("containers"), list):
            yield part
        for value in part.values():
            yield from pod_specs(value)
    if isinstance(part, list):
        for item in part:
            yield from pod_specs(item)


def needs_class(obj: Object) -> bool:
    """Whether pods come of an object, or a group that displaces others for its pods."""
    return _is_group(obj) or any(True for _ in pod_specs(obj))


def restrained(obj: Object, priority_class: str, *, users_are_given: bool = False) -> Object:
    """A copy whose pods are of a PriorityClass and mount no token, unless it says otherwise.

    Args:
        users_are_given: whether the platform says as which user a pod runs, other than as root.
    """
    new = copy.deepcopy(obj)
    for spec in pod_specs(new):
        spec.setdefault("automountServiceAccountToken", False)
        spec.setdefault("priorityClassName", priority_class)
        if users_are_given:
            _leave_the_user_open(spec)
    if _is_group(new):
        new["spec"].setdefault("priorityClassName", priority_class)
    return new


def own_class(name: str) -> Object:
    """A PriorityClass that displaces nobody."""
    return {
        "apiVersion": PRIORITY_CLASS.api_version,
        "kind": PRIORITY_CLASS.name,
        "metadata": {"name": name},
        "value": _VALUE,
        "preemptionPolicy": NEVER,
        "globalDefault": False,
        "description": "Pods of conformance checks, which displace nobody; goes with their run.",
    }


def _leave_the_user_open(spec: Object) -> None:
    for part in (spec, *spec["containers"], *(spec.get("initContainers") or ())):
        context = part.get("securityContext") or {}
        for name in ("runAsUser", "runAsGroup", "fsGroup"):
            if context.get(name):  # 0 is root, which is asked for on purpose
                del context[name]


def _is_group(obj: Object) -> bool:
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    return obj.get("kind") == "PodGroup" and group in _GROUPS and isinstance(obj.get("spec"), dict)
