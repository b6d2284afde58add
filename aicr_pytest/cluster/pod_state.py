"""What a pod and its events say about its start. Pure: no requests, no clock of its own."""

import dataclasses
import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from aicr_pytest.cluster import responsibility
from aicr_pytest.cluster.kinds import Object

PERMANENT_IMAGE_REASONS = frozenset({"ErrImageNeverPull", "InvalidImageName"})
IMAGE_REASONS = PERMANENT_IMAGE_REASONS | {
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
START_REASONS = frozenset(
    {
        "CreateContainerError",
        "CreateContainerConfigError",
        "RunContainerError",
        "StartError",
        "CrashLoopBackOff",
        "PostStartHookError",
    }
)
EVENT_REASONS = {
    # How often kubelet says it before it is certain. Sandboxes fail while a node's network settles,
    # however often; a device that cannot be prepared twice in a row is no hiccup.
    "FailedPrepareDynamicResources": 2,
    "FailedCreatePodSandBox": math.inf,
    "UnexpectedAdmissionError": 1,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What keeps a pod from becoming ready."""

    reason: str
    """Kubernetes' reason, e.g. ``CreateContainerError``."""
    message: str
    """Kubelet's words."""
    certain: bool
    """Nothing will change it; otherwise kubelet tries again."""
    container: str = ""
    """The container that it is about; empty where it is about the whole pod."""
    image: str = ""
    """The image that it is about, as it was asked for; empty where it is about none."""
    ran: bool = False
    """Whether that container ran, so that its log may tell more."""

    @property
    def of_image(self) -> bool:
        """Whether it is only the image that is not to be had."""
        return self.reason in IMAGE_REASONS

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


def phase(pod: Object) -> str:
    """``status.phase``, ``Pending`` where nobody has set it."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def condition(obj: Object, kind: str) -> dict[str, Any]:
    """A condition by its type; empty where it is not set."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return {}


def images_asked(pod: Object) -> dict[str, str]:
    """Container → its image, as it was asked for; init containers too."""
    spec = pod.get("spec") or {}
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return {one["name"]: str(one.get("image") or "") for one in every}


def images_of(pod: Object) -> dict[str, str]:
    """Image as it was asked for → digest that the node has pulled for it, as kubelet says."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    asked = images_asked(pod)
    return {
        asked[status["name"]]: str(status.get("imageID", ""))
        for status in statuses
        if status["name"] in asked
    }


def is_ready(pod: Object, ours: Collection[str] = ()) -> bool:
    """Running, and every container ready.

    Args:
        ours: containers as they were sent; what was put beside them may have ended.
    """
    if phase(pod) != "Running" or condition(pod, "Ready").get("status") == "True":
        return phase(pod) == "Running"
    if not ours:
        return False
    mains = [(name, one) for name, is_init, one in containers(pod) if not is_init]
    ended = {name for name, one in mains if "terminated" in (one.get("state") or {})}
    ready = {name for name, one in mains if one.get("ready")}
    return ready.issuperset(ours) and bool(ended) and ready | ended == {name for name, _ in mains}


def phase_of(pod: Object, container: str) -> str:
    """The pod's phase, as its program has it: what was put beside it may go on for ever."""
    for name, _, one in containers(pod):
        ended = (one.get("state") or {}).get("terminated")
        if name == container and ended and phase(pod) == "Running":
            return "Succeeded" if ended.get("exitCode") == 0 else "Failed"
    return phase(pod)


def node_of(pod: Object) -> str:
    """The node it is bound to; empty while it is not."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def unschedulable(pod: Object) -> str:
    """The scheduler's words why the pod has no node; empty while it has said nothing."""
    scheduled = condition(pod, "PodScheduled")
    if node_of(pod) or scheduled.get("status") != "False":
        return ""
    return f"{scheduled.get('reason', '')}: {scheduled.get('message', '')}".strip(": ")


def extended_resources(pod: Object) -> set[str]:
    """Resources beyond Kubernetes' own that its containers ask for, e.g. ``nvidia.com/gpu``."""
    spec = pod.get("spec") or {}
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    limits = [(one.get("resources") or {}).get("limits") or {} for one in every]
    return {name for one in limits for name in one if "/" in name}


def occurrences(events: Iterable[Object], reason: str) -> int:
    """How often something was said of the pod, over all events with this reason."""
    return sum(_times(event) for event in events if event.get("reason") == reason)


def _times(event: Object) -> int:
    return max(event.get("count") or 0, (event.get("series") or {}).get("count") or 0, 1)


def newest(events: Iterable[Object], reason: str = "") -> Object | None:
    """The event that was said last, of one reason or of any."""
    chosen = [event for event in events if not reason or event.get("reason") == reason]
    return max(chosen, key=said_at, default=None)


def said_at(event: Object) -> str:
    """When an event was last said; RFC 3339 in UTC, so that texts compare as times do."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def said_by(event: Object) -> str:
    """Which program said an event; empty where it does not tell."""
    source = event.get("source") or {}
    return str(event.get("reportingComponent") or source.get("component") or "")


_TAKES = ("Evicted", "TaintManagerEviction", "DeviceTaintManagerEviction", "NodeNotReady")
"""Reasons of events by which kubelet or a controller says that it takes a pod away."""


def taken_by(pod: Object, events: Iterable[Object]) -> str:
    """Who takes a pod away, and why, in their own words; empty where nobody has said so."""
    told = condition(pod, "DisruptionTarget")
    if not told:
        told = newest(event for event in events if event.get("reason") in _TAKES) or {}
    return ": ".join(str(told[key]) for key in ("reason", "message") if told.get(key))


_TOLD_OF_A_POD = 25
"""Events of a pod that a kubelet sends, then one in five minutes: what comes after is not told."""


def is_pulling(events: Iterable[Object]) -> bool:
    """Whether the node has begun more pulls than it has ended, as far as its events tell all."""
    listed = list(events)
    if sum(_times(event) for event in listed if said_by(event) == "kubelet") >= _TOLD_OF_A_POD:
        return False
    # Of an image that is there already "Pulled" is said, too; of one that failed "Failed" twice.
    pulled = [e for e in listed if "already present" not in str(e.get("message", ""))]
    failed = [e for e in listed if str(e.get("message", "")).startswith("Failed to pull image")]
    ended = occurrences(pulled, "Pulled") + occurrences(failed, "Failed")
    return occurrences(listed, "Pulling") > ended


def troubles(pod: Object, events: list[Object]) -> Iterator[Trouble]:
    """Everything that keeps the pod from becoming ready, worst first."""
    yield from _ended(pod)
    images = images_asked(pod)
    for name, _, status in containers(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in IMAGE_REASONS:
            yield Trouble(
                reason=reason,
                message=message or f"image {status.get('image', '')}",
                certain=reason in PERMANENT_IMAGE_REASONS,
                container=name,
                image=images.get(name, ""),
            )
        elif reason in START_REASONS:
            yield Trouble(
                reason=reason,
                message=f"container {name}: {_why(status, message)}",
                certain=_tried_twice(status, events),
                container=name,
                ran=reason == "CrashLoopBackOff",
            )
    if _has_started(pod):
        return  # events about what came before the containers no longer hold
    for reason, enough in EVENT_REASONS.items():
        told = [event for event in events if event.get("reason") == reason]
        lasting = [e for e in told if not responsibility.passes(reason, str(e.get("message", "")))]
        if event := newest(lasting or told):
            often = occurrences(lasting, reason) >= enough
            yield Trouble(reason=reason, message=event.get("message", ""), certain=often)


def _ended(pod: Object) -> Iterator[Trouble]:
    whole = _whole_pod(pod)
    if whole and whole.reason not in ("Failed", "Succeeded"):
        yield whole  # evicted, refused by kubelet: containers only tell that they were stopped
    policy = (pod.get("spec") or {}).get("restartPolicy", "Always")
    for name, is_init, one in containers(pod):
        ended = (one.get("state") or {}).get("terminated")
        if not ended or policy == "Always" or (is_init and ended.get("exitCode") == 0):
            continue
        if policy == "OnFailure" and ended.get("exitCode") != 0:
            continue
        yield Trouble(
            reason=ended.get("reason") or "Terminated",
            message=f"container {name} {_exit(ended)}",
            certain=True,
            container=name,
            ran=True,
        )
    if whole:
        yield whole


def _whole_pod(pod: Object) -> Trouble | None:
    status = pod.get("status") or {}
    if phase(pod) not in ("Failed", "Succeeded"):
        return None
    return Trouble(
        reason=status.get("reason") or phase(pod),
        message=status.get("message") or f"the pod is {phase(pod)}",
        certain=True,
    )


def containers(pod: Object) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Name, whether it is an init container, and status of every container that has one."""
    status = pod.get("status") or {}
    for one in status.get("initContainerStatuses") or ():
        yield one["name"], True, one
    for one in status.get("containerStatuses") or ():
        yield one["name"], False, one


def _has_started(pod: Object) -> bool:
    return any(
        one.get("restartCount") or {"running", "terminated"} & (one.get("state") or {}).keys()
        for _, _, one in containers(pod)
    )


def _tried_twice(status: dict[str, Any], events: list[Object]) -> bool:
    if status.get("restartCount"):
        return True
    of_images = ("Failed to pull image", *(f"Error: {reason}" for reason in IMAGE_REASONS))
    failures = [e for e in events if not str(e.get("message", "")).startswith(of_images)]
    return occurrences(failures, "Failed") >= 2


def _why(status: dict[str, Any], message: str) -> str:
    last = (status.get("lastState") or {}).get("terminated")
    return f"{_exit(last)}; {message}" if last else message


def _exit(ended: dict[str, Any]) -> str:
    text = f"ended with exit code {ended.get('exitCode')}"
    text += f" ({ended['reason']})" if ended.get("reason") else ""
    return text + (f": {ended['message']}" if ended.get("message") else "")


def line(pod: Object | None, events: list[Object]) -> str:
    """The pod in one line, as messages and the live line show it."""
    if pod is None:
        return "the pod does not exist"
    parts = [phase(pod)]
    if reason := unschedulable(pod):
        parts.append(reason)
    elif not node_of(pod):
        parts.append("the scheduler has said nothing")
    else:
        parts.append(f"on {node_of(pod)}")
    for name, _, status in containers(pod):
        for state in ("waiting", "terminated"):
            if said := (status.get("state") or {}).get(state):
                words = " ".join(filter(None, [said.get("reason"), said.get("message")]))
                parts.append(f"{name} {words or state}")
    warnings = [event for event in events if event.get("type") == "Warning"]
    if (event := newest(warnings)) and not is_ready(pod):
        parts.append(f"event {event.get('reason')}: {event.get('message', '')}")
    return "; ".join(" ".join(part.split())[:400] for part in parts)
