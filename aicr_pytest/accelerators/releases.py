"""Pods that give their devices back."""

import time
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import RESOURCE_CLAIM, Object
from aicr_pytest.cluster.watching import Subject, Views

if TYPE_CHECKING:
    from aicr_pytest.cluster.pods import Pod


def release(pod: "Pod") -> float:
    """Delete a pod gracefully and wait until its devices are free again.

    Returns:
        Seconds from the deletion until no claim of it is allocated any more.

    Raises:
        WaitTimeout: it is not gone, or a claim of it not released, in time.
    """
    found = pod.object()
    named = _claims(found["spec"].get("resourceClaims", ()))
    made = _claims(found.get("status", {}).get("resourceClaimStatuses", ()))
    started = time.monotonic()
    pod.delete()
    pod.gone()
    for claim in dict.fromkeys([*named, *made]):
        _await_released(pod, claim)
    for claim in named:
        pod.cluster.delete(RESOURCE_CLAIM, claim, pod.namespace)
    return time.monotonic() - started


def _claims(uses: list[Object]) -> list[str]:
    return [name for use in uses if (name := use.get("resourceClaimName"))]


def _await_released(pod: "Pod", claim: str) -> None:
    """Until nothing is allocated to a claim; one that was made for the pod goes with it."""

    def allocated(views: Views) -> bool:
        objects = (obj for obj in views[0].values() if obj["metadata"]["name"] == claim)
        return any(obj.get("status", {}).get("allocation") for obj in objects)

    pod.waiter.until(
        f"ResourceClaim {pod.namespace}/{claim} to be released",
        [Subject(kind=RESOURCE_CLAIM, namespace=pod.namespace, name=claim)],
        judge=lambda views: not allocated(views) or None,
        describe=lambda views: "allocated" if allocated(views) else "free",
        timeout=pod.waiter.deadlines.claim_released,
    )
