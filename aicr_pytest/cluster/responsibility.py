"""Who is responsible where a pod, a claim, a namespace or a Deployment does not come up.

The API server, the scheduler, kubelet and policies say why in words; the tables below say whose
doing that is. The platform is accused only for its device path: accelerators that are free and are
not given, claims that are not allocated or prepared, containers that the device runtime cannot
start. Everything else is somebody's policy, a lack of room, an image, a node's condition, or not
known, and then we could not look. Pure: no requests, no clock.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.errors import (
    ImageNotPullable,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    SchedulerSilent,
)

Who = Literal[
    "platform", "policy", "room", "image", "node", "somebody", "scheduler", "moment", "unknown"
]
"""``moment``: nobody yet, for it passes by itself; ``somebody``: who is not us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Who is responsible, with the words that say so and the way out."""

    who: Who
    reason: str
    """Verbatim, as the API server, the scheduler or kubelet said it."""
    way_out: str = ""
    """What the user can do; empty where the platform is accused."""

    @property
    def accuses(self) -> bool:
        """Whether the platform is responsible."""
        return self.who == "platform"

    def excuse(self, subject: str) -> Inconclusive:
        """Why we could not look, for a subject such as ``Pod ns/name``."""
        text = f"{subject}: {self.reason}"
        if self.who == "room":
            return NoCapacity(text, hint=self.way_out, held=False)
        kinds: dict[Who, type[Inconclusive]] = {
            "policy": PolicyRefused,
            "image": ImageNotPullable,
            "scheduler": SchedulerSilent,
        }
        return kinds.get(self.who, Inconclusive)(text, hint=self.way_out)

    def excuse_unless_accusing(self, subject: str) -> Inconclusive | None:
        """As ``excuse``; None where the platform is accused."""
        return None if self.accuses else self.excuse(subject)


@dataclass(frozen=True, slots=True)
class _Rule:
    words: str
    """Regular expression, searched for."""
    who: Who
    way_out: str = ""

    def finding(self, said: str) -> Finding | None:
        if re.search(self.words, said) is None:
            return None
        return Finding(who=self.who, reason=said, way_out=self.way_out)


EXEMPT = "Exempt namespaces aicr-* from it; where it wants a label, name one with --aicr-label."
_QUOTA = "Raise the quota of namespaces aicr-*, or exempt them."
_QUOTA_STATUS = "See why the quota has no status yet: kubectl describe quota -A"
_POD_POLICY = "Make room for the probe pod in the namespace's policy, or exempt namespaces aicr-*."
_NODE_ROOM = "Make room on the node, or choose other nodes with --aicr-nodes."
_PLACEMENT = (
    "Name taints with --aicr-toleration, and exempt namespaces aicr-* from default node"
    " selectors, e.g. by the annotation openshift.io/node-selector=''."
)
_GATES = "Exempt namespaces aicr-* from queues that hold pods without a queue's name."
_IMAGE = "Name a reachable copy with --aicr-image NAME=REF or --aicr-registry."
_NODE = "See to the node, or choose other nodes with --aicr-nodes."
_AGAIN = "Run it again; see who else works on namespaces aicr-*."
_TAKEN = (
    "Run it again; see who drains nodes or clears namespaces aicr-*, or choose other nodes with"
    " --aicr-nodes."
)
_SLOW = "Give it more time: --aicr-timeout-scale."
_SERVER = "See to the API server and its etcd, and run it again."
_NEWER = (
    "It wants another driver or accelerator than the node has: name one that fits the node with"
    " --aicr-image NAME=REF."
)

_DENIED = (
    r'admission webhook "[^"]*" (?:denied the request|attempted to modify the object)'
    r"|[Pp]olicy '[^']*'(?: with binding '[^']*')? denied request"
)
_UNANSWERED = re.compile(r'failed calling (?:admission )?webhook "([^"]+)"')
_ADMISSION = (
    _Rule(r"status unknown for quota", "moment", _QUOTA_STATUS),
    _Rule(r"Operation cannot be fulfilled on resourcequotas", "moment", _QUOTA_STATUS),
    _Rule(r"resource quota evaluat\w+ timed? ?out", "moment", _QUOTA_STATUS),
    _Rule(r"no PriorityClass with name", "moment", _AGAIN),
    _Rule(
        r"error looking up service account|serviceaccount \"[^\"]*\" not found"
        r"|no API token found for service account",
        "moment",
        "See why the namespace gets no service account: kubectl get serviceaccounts -A",
    ),
    _Rule(r"because it is being terminated|namespaces \"[^\"]*\" not found", "somebody", _AGAIN),
    _Rule(_DENIED, "policy", EXEMPT),
    _Rule(_UNANSWERED.pattern, "policy", f"See to the webhook, which gives no answer. {EXEMPT}"),
    _Rule(
        r"etcdserver: |request did not complete within"
        r"|the server is currently unable to handle the request",
        "moment",
        _SERVER,
    ),
    _Rule(r"(?:exceeded|failed|insufficient) quota", "policy", _QUOTA),
    _Rule(
        r"violates PodSecurity|unable to validate against any security context constraint"
        r"|(?:maximum|minimum) \S+ usage per (?:Container|Pod|PersistentVolumeClaim)"
        r"|max limit to request ratio per (?:Container|Pod)",
        "policy",
        _POD_POLICY,
    ),
    # Whatever other admission plugin; where RBAC refuses, a user is named.
    _Rule(r" is forbidden: (?!User )", "policy", EXEMPT),
)

_NODES = r"nodes are (?:un)?available: "
"""What Kubernetes' scheduler, and those made of it, say before a node's reasons."""
_ELSEWHERE = (
    r"didn't match Pod's node affinity|didn't match the requested node|NodeAffinity"
    r"|untolerated taint|(?:were|was) unschedulable"
)
"""Why *other* nodes do not suit a pod that is made for one: no reason beside a real one."""
_ROOM = (
    r"Insufficient |Too many pods|free ports|[Vv]olume|persistentvolumeclaim|topology spread"
    r"|affinity|ephemeral|attach|memory|cpu"
)
_DEVICES = r"cannot allocate all claims|device class \S+ does not exist"
_AFTERWARDS = r"\.?\s*(?:still not schedulable|preemption: |no new claims to deallocate)"
"""What follows the reasons: why nothing that could be done about them helps."""
_EXTENDED = re.compile(r"Insufficient (?P<resource>[\w.-]+/[\w./-]+)")

_DEVICE_RUNTIME = (
    r"(?i)\bCDI\b|nvidia-(?:container|ctk|cdi|smi)|libnvidia|\bNVML\b"
    r"|(?:habana|amd|rocm)-container|/dev/(?:nvidia|dri|kfd|accel|neuron|vfio|dxg)"
    r"|\bno (?:\S+ )?devices?\b|\bdevices? (?:is |are )?(?:not found|unavailable|plugin)"
    r"|driver (?:error|not loaded|/library version mismatch)|CUDA (?:error|driver)"
)
"""What names the device runtime; words such as gpu are in our own names, and in those of images."""
_ANSWERLESS = (
    r"(?:connection refused|connection reset|no route to host|i/o timeout|TLS handshake timeout"
    r"|(?:context )?deadline exceeded|unexpected EOF|: EOF|server is currently unable)"
)
_START = (
    _Rule(
        r"^(?:ErrImage|ImagePull|ImageInspectError|RegistryUnavailable|SignatureValidationFailed"
        r"|InvalidImageName|FailedToRetrieveImagePullSecret)"
        r"|exec format error|no match for platform",
        "image",
        _IMAGE,
    ),
    _Rule(
        r"(?i)no space left on device|read-only file system|too many open files"
        r"|device or resource busy|cannot allocate memory|OOMKilled",
        "node",
        _NODE,
    ),
    _Rule(r"^OutOf|^Evicted|^Preempt", "room", _NODE_ROOM),
    _Rule(
        r"^TopologyAffinityError|(?i:topology (?:locality|manager))"
        r"|^UnexpectedAdmissionError.*(?i:not enough cpus|cpu ?manager|memory ?manager)",
        "room",
        "The node's topology, CPU or memory manager has no place for it; see --aicr-nodes.",
    ),
    _Rule(
        r"^(?:NodeShutdown|NodeAffinity|NodeLost|Terminated: Pod was terminated|Shutdown|Sysctl"
        r"|AppArmor|NetworkNotReady|FailedMount|FailedAttachVolume|NodeNotReady|Unreachable)"
        r"|(?i:node (?:is )?shut(?:ting)? ?down|imminent node shutdown)",
        "node",
        _NODE,
    ),
    # To the API server; a driver's own socket is a path, and its silence the driver's.
    _Rule(
        r"(?s)^FailedPrepareDynamicResources(?!.*dial unix)"
        rf".*(?:https://\S+/apis?/.*{_ANSWERLESS}|etcdserver: )",
        "moment",
        _SERVER,
    ),
    # The scheduler still counted what kubelet or the plugin, started again, does not know yet.
    _Rule(
        r"^UnexpectedAdmissionError.*unregistered device",
        "moment",
        "Kubelet or the device plugin was starting: see why, and run it again.",
    ),
    _Rule(
        r"^UnexpectedAdmissionError.*maximum request size for shared resources",
        "policy",
        "The device plugin gives a container one share at most (MPS, failRequestsGreaterThanOne): "
        "choose nodes with whole devices with --aicr-nodes.",
    ),
    _Rule(r"^FailedPrepareDynamicResources|^UnexpectedAdmissionError", "platform"),
    _Rule(
        r"requirement error: unsatisfied condition|driver version is insufficient"
        r"|no kernel image is available|unsupported toolchain",
        "image",
        _NEWER,
    ),
    _Rule(r"(?i)CUDA[^\n]*out of memory|CUDA_ERROR_OUT_OF_MEMORY", "node", _NODE),
    _Rule(
        r"^FailedCreatePodSandBox.*"
        r"(?:network for (?:pod )?sandbox|plugin type=|\bCNI\b|networkPlugin)",
        "node",
        "See to the node's network, or choose other nodes with --aicr-nodes.",
    ),
    _Rule(
        r"^FailedCreatePodSandBox.*(?:no runtime for|[Rr]untime ?[Hh]andler)",
        "node",
        "See why the node has no such runtime: kubectl get runtimeclasses",
    ),
    _Rule(_DEVICE_RUNTIME, "platform"),
    _Rule(r"^FailedCreatePodSandBox", "node", _NODE),
    _Rule(r"^CreateContainerConfigError", "policy", _POD_POLICY),
)
"""Kubelet's words, ``Reason: message``."""


def of_answer(message: str) -> Finding | None:
    """Whose doing it is that the API server refuses an object; None where its words do not tell.

    The same words are in events of controllers, as ``FailedCreate`` of a ReplicaSet.
    """
    return _first(_ADMISSION, message)


def is_policy(message: str) -> bool:
    """Whether a webhook or an admission policy names itself as who refuses."""
    return re.search(_DENIED, message) is not None


def unanswered(message: str) -> str:
    """The webhook for whose missing answer an object is refused; empty where it is for none."""
    found = _UNANSWERED.search(message)
    return found[1] if found else ""


def of_events(events: Iterable[Object]) -> Finding | None:
    """Whose doing it is that a controller cannot create what it should, by its last such event."""
    failed = [e for e in events if e.get("type", "Warning") == "Warning"]
    for event in reversed(failed):
        if finding := of_answer(str(event.get("message") or "")):
            return finding
    return None


def of_start(reason: str, message: str, *, log: str = "") -> Finding:
    """Whose doing it is that a pod with a node does not start, by kubelet's words.

    Args:
        log: the end of what a container has written, where one ended by itself.
    """
    said = f"{reason}: {message}" if message else reason
    if found := _first(_START, f"{said}\n{log}" if log else said):
        return Finding(who=found.who, reason=said, way_out=found.way_out)
    return Finding(who="unknown", reason=said, way_out=_NODE)


def passes(reason: str, message: str) -> bool:
    """Whether kubelet's words tell of what ends by itself, and of nobody's doing."""
    return of_start(reason, message).who == "moment"


def of_pending(
    pod: Object, said: str, *, events: Sequence[Object] = (), asked: Collection[str] = ()
) -> Finding:
    """Whose doing it is that a pod gets no node.

    Args:
        said: the scheduler's words; empty where it has said nothing.
        events: of the pod.
        asked: extended resources that were asked for, as they were sent.
    """
    gates = [gate["name"] for gate in (pod.get("spec") or {}).get("schedulingGates") or ()]
    if gates or said.startswith("SchedulingGated"):
        held = ", ".join(gates) or "a scheduling gate"
        reason = f"{held} has not been taken from it" + (f": {said}" if said else "")
        return Finding(who="policy", reason=reason, way_out=_GATES)
    reasons = [text for text in _reasons(said) if not re.search(_ELSEWHERE, text)]
    others = [text for text in reasons if not _is_of_devices(text, asked)]
    if reasons and not others:
        return Finding(who="platform", reason=said)
    if refused := of_events(events):
        return refused
    if unmade := [e for e in events if e.get("reason") == "FailedResourceClaimCreation"]:
        return Finding(who="platform", reason=f"{said}; {unmade[-1].get('message', '')}")
    if not said:
        return Finding(who="scheduler", reason="the scheduler has said nothing", way_out=_SLOW)
    if not others:
        return Finding(who="room", reason=said, way_out=_PLACEMENT)
    known = any(re.search(_ROOM, text) for text in others)
    return Finding(who="room" if known else "unknown", reason=said, way_out=_NODE_ROOM)


def is_of_nodes(finding: Finding) -> bool:
    """Whether it is nodes or a policy that keep a pod waiting, whoever schedules it.

    Schedulers of gangs have words of their own, and gates that they take from a pod: those tell of
    the scheduler. What a node lacks they say as Kubernetes' does.
    """
    if finding.who == "room":
        return re.search(_NODES, finding.reason) is not None
    return finding.who in ("policy", "moment", "somebody") and finding.way_out != _GATES


def of_moved(finding: Finding, changes: Sequence[object]) -> Finding:
    """The same, where no node suits a pod: whoever changed on admission where it may run."""
    if finding.way_out != _PLACEMENT or not changes:
        return finding
    reason = f"{'; '.join(map(str, changes))}: {finding.reason}"
    return Finding(who="policy", reason=reason, way_out=_PLACEMENT)


def of_slow_start(seen: str) -> Finding:
    """A pod whose node says nothing against it, and which is not ready yet."""
    return Finding(who="unknown", reason=f"not ready in time; last seen: {seen}", way_out=_SLOW)


def of_deletion(why: str) -> Finding:
    """A pod that somebody else has deleted, or is deleting."""
    return Finding(who="somebody", reason=why, way_out=_TAKEN)


def of_namespace(message: str) -> Finding:
    """A namespace that the API server does not let us make, or does not make usable."""
    found = of_answer(message)
    return found or Finding(who="unknown", reason=message, way_out=EXEMPT)


def _first(rules: Iterable[_Rule], said: str) -> Finding | None:
    return next((found for rule in rules if (found := rule.finding(said))), None)


def _reasons(said: str) -> list[str]:
    """The scheduler's reasons, each of one or several nodes.

    They read ``0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had … . preemption: …``.
    """
    text = re.split(_NODES, said, maxsplit=1)[-1]
    text = re.split(_AFTERWARDS, text)[0]
    # A comma within a taint's braces separates nothing.
    parts = re.split(r",\s*(?=\d+ )", text)
    return [part.strip(" .,") for part in parts if part.strip(" .,")]


def _is_of_devices(reason: str, asked: Collection[str]) -> bool:
    if re.search(_DEVICES, reason):
        return True
    found = _EXTENDED.search(reason)
    return found is not None and found["resource"] in asked
