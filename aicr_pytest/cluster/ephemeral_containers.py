"""A container that is added to a running pod, as ``kubectl debug`` does."""

from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.refusals import policies_told
from aicr_pytest.errors import ProbeFailed, WaitFailed, WaitTimeout

_BY_NAME = "application/strategic-merge-patch+json"
"""Others' ephemeral containers stay, which the API server wants."""


def add_container(pod: Pod, container: Object) -> None:
    """Add a container to a running pod and wait until it runs; nothing where it is there already.

    Args:
        container: as in a pod's ``containers``; its ``resources`` are left out, as the API wants.

    Raises:
        AccessDenied: we may not.
        PolicyRefused: a policy is against it.
        ProbeFailed: it does not start.
    """
    name = container["name"]
    there = pod.object()["spec"].get("ephemeralContainers") or ()
    if any(one["name"] == name for one in there):
        return
    added = {key: value for key, value in container.items() if key != "resources"}
    patch = {"spec": {"ephemeralContainers": [added]}}
    with policies_told(whatever=True):
        pod.cluster.patch(
            POD, pod.name, pod.namespace, patch, _BY_NAME, subresource="ephemeralcontainers"
        )
    try:
        pod.waiter.for_object(
            f"{pod}: its ephemeral container {name} runs",
            POD,
            pod.name,
            pod.namespace,
            until=lambda obj: "running" in _state(obj, name),
            unless=lambda obj: _ended(_state(obj, name)),
            describe=lambda obj: str(_state(obj, name) or "it has no status"),
            timeout=pod.waiter.deadlines.pod_ready,
        )
    except (WaitFailed, WaitTimeout) as error:
        raise ProbeFailed(f"There is nothing to look into: {error}") from error


def _state(pod: Object, name: str) -> Object:
    """The container's state, as kubelet says; empty while it says nothing."""
    for one in (pod.get("status") or {}).get("ephemeralContainerStatuses") or ():
        if one["name"] == name:
            return dict(one.get("state") or {})
    return {}


def _ended(state: Object) -> str | None:
    return f"it has ended: {state['terminated']}" if "terminated" in state else None
