"""As whom the suite's pods run, and what becomes of root where a platform has none."""

import copy

from aicr_pytest.cluster.kinds import Object

LEVEL = "aicr-pytest/pod-security"
"""Annotation of a manifest's pod: the Pod Security level it needs; ``restricted`` without it."""

_USER = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def without_root(pod: Object) -> Object | None:
    """The same pod as any user may have it; None where it is so, or needs more than root.

    It sees what it sees; only what root alone can try is not tried.
    """
    spec = pod["spec"]
    as_root = not spec.get("securityContext", {}).get("runAsNonRoot")
    if not as_root or any("hostPath" in volume for volume in spec.get("volumes", ())):
        return None
    pod = copy.deepcopy(pod)
    pod["metadata"]["annotations"].pop(LEVEL, None)
    pod["spec"]["securityContext"] = copy.deepcopy(_USER)
    for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
        container["securityContext"] = copy.deepcopy(_CONTAINER)
    return pod
