"""A pod of ours, from its creation to its end."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import EVENT, POD, Object
from aicr_pytest.cluster.observer import Execution
from aicr_pytest.cluster.pod_state import Trouble
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AicrError,
    ImageNotPullable,
    NoCapacity,
    PodFailed,
    WaitFailed,
    WaitTimeout,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_SHOWN = 300
"""Characters of a line of a log in a message."""

WhyPending = Callable[[Object, str], None]
"""Gets a pod without a node and the scheduler's words; may raise, e.g. ``NoCapacity``."""


class Pod:
    """A handle on one created pod.

    Args:
        obj: the pod as the API server answered its creation.
        why_pending: asked when the pod gets no node in time; what it raises goes before
            ``WaitTimeout``.
    """

    def __init__(
        self,
        cluster: "Cluster",
        waiter: Waiter,
        obj: Object,
        *,
        why_pending: WhyPending | None = None,
    ) -> None:
        self.cluster = cluster
        self.waiter = waiter
        self.name: str = obj["metadata"]["name"]
        """Name of the pod."""
        self.namespace: str = obj["metadata"]["namespace"]
        """Namespace of the pod."""
        self.uid: str = obj["metadata"]["uid"]
        """Uid; another pod of the same name is not this pod."""
        self.created_at = time.monotonic()
        """When it was created, by this process' clock."""
        self.created = obj
        """As the API server answered its creation."""
        self._last = obj
        self._why_pending = why_pending

    def __str__(self) -> str:
        return f"Pod {self.namespace}/{self.name}"

    __repr__ = __str__

    def object(self) -> Object:
        """The pod now."""
        self._last = self.cluster.get(POD, self.name, self.namespace)
        return self._last

    @property
    def node(self) -> str:
        """Name of its node; empty while it has none."""
        return pod_state.node_of(self._last) or pod_state.node_of(self.object())

    def ready(self) -> "Pod":
        """Wait until every container is ready.

        Raises:
            PodFailed: it cannot start, has ended, or was deleted; with kubelet's words.
            NoCapacity: it had to give way to a pod of higher priority.
            ImageNotPullable: the node cannot get an image.
            WaitTimeout: not in time; the scheduler's words where it got no node.
        """
        __tracebackhide__ = True
        start = _Start(self, self._why_pending)
        self._last = self.waiter.until(
            f"{self}: ready",
            self._subjects(),
            judge=start.judge,
            describe=self._describe,
            timeout=start.timeout,
            expired=start.expired,
        )
        return self

    def start_judge(self) -> Callable[[Views], Object | None]:
        """Judges its start as ``ready`` does, in a wait that follows more.

        The first two subjects of that wait are this pod and its events.
        """
        return _Start(self, self._why_pending).judge

    def run(self, *command: str, container: str = "", timeout: float = 30.0) -> Execution:
        """Run a command in it; the words are not passed through a shell."""
        return self.cluster.exec(
            self.name, self.namespace, command, container=container, timeout=timeout
        )

    def logs(self, *, container: str = "", tail: int | None = None) -> str:
        """What a container has written; the last ``tail`` lines, or all."""
        return self.cluster.logs(self.name, self.namespace, container=container, tail=tail)

    def events(self) -> list[Object]:
        """What was said of it, oldest first."""
        fields = f"involvedObject.uid={self.uid}"
        found = self.cluster.list(EVENT, self.namespace, fields=fields)
        return sorted(found, key=pod_state.said_at)

    def pending_reason(self, timeout: float | None = None) -> str:
        """Wait until the scheduler says why it does not place the pod.

        Raises:
            WaitFailed: it was placed.
            WaitTimeout: the scheduler has said nothing.
        """
        __tracebackhide__ = True
        what = f"{self}: a reason why it stays pending"
        return self.waiter.until(
            what,
            self._subjects(),
            judge=lambda views: self._reason(views, what) or None,
            describe=self._describe,
            timeout=timeout if timeout is not None else self.waiter.deadlines.pending_reason,
        )

    def stays_pending(self, seconds: float) -> str:
        """Watch that it gets no node; the last reason that was given, empty where none was.

        Raises:
            WaitFailed: it got a node.
        """
        __tracebackhide__ = True
        what = f"{self}: stays pending for {seconds:g} s"
        reason = ""
        end = time.monotonic() + seconds * self.waiter.scale

        def judge(views: Views) -> bool | None:
            nonlocal reason
            reason = self._reason(views, what) or reason
            return True if time.monotonic() >= end else None

        self.waiter.until(
            what,
            self._subjects(),
            judge=judge,
            describe=self._describe,
            timeout=seconds,
        )
        if node := pod_state.node_of(self.object()):  # the last look
            raise WaitFailed(f"{what}: it was bound to node {node}.")
        return reason

    def delete(self) -> None:
        """Ask for its deletion; it ends by itself within its grace period."""
        self.cluster.delete(POD, self.name, self.namespace, uid=self.uid)

    def gone(self) -> None:
        """Wait until it is gone, hence its devices are unprepared.

        Raises:
            WaitTimeout: not in time.
        """
        __tracebackhide__ = True
        self.waiter.until_gone(
            f"{self}: gone",
            POD,
            self.name,
            self.namespace,
            uid=self.uid,
            timeout=self.waiter.deadlines.pod_gone,
        )

    def find(self, views: Views) -> Object | None:
        """This very pod among those followed."""
        pods = (one for one in views[0].values() if one["metadata"]["uid"] == self.uid)
        return next(pods, None)

    def _subjects(self) -> list[Subject]:
        return [
            Subject(kind=POD, namespace=self.namespace, name=self.name),
            Subject(kind=EVENT, namespace=self.namespace, fields=f"involvedObject.uid={self.uid}"),
        ]

    def _describe(self, views: Views) -> str:
        return pod_state.line(self.find(views), list(views[1].values()))

    def _reason(self, views: Views, what: str) -> str:
        pod = self.find(views)
        if pod is None:
            raise WaitFailed(f"{what}: it was deleted.")
        if node := pod_state.node_of(pod):
            raise WaitFailed(f"{what}: it was bound to node {node}.")
        said = pod_state.newest(views[1].values(), "FailedScheduling")
        return pod_state.unschedulable(pod) or (said or {}).get("message", "")


class _Start:
    """Judges one pod's start; remembers what it saw before."""

    def __init__(self, pod: Pod, why_pending: WhyPending | None) -> None:
        self._pod = pod
        self._why_pending = why_pending
        self._deadlines = pod.waiter.deadlines
        # Pods that were created together are awaited one after the other; the scheduler has had
        # them all the while.
        waited = (time.monotonic() - pod.created_at) / pod.waiter.scale
        self._schedule = max(1.0, self._deadlines.schedule - waited)
        self._since: dict[str, float] = {}
        self._image_reasons: list[str] = []

    def judge(self, views: Views) -> Object | None:
        obj = self._pod.find(views)
        if displaced := _displaced(obj, views):
            raise NoCapacity(
                f"{self._pod}: had to give way to pods of higher priority: {displaced}",
                hint="Try again when less waits for room, or name a higher PriorityClass that never"
                " preempts: --aicr-priority-class NAME.",
            )
        if obj is None:
            raise PodFailed(f"{self._pod}: was deleted while it was awaited.")
        if pod_state.is_ready(obj):
            return obj
        if obj["metadata"].get("deletionTimestamp"):
            why = pod_state.condition(obj, "DisruptionTarget").get("message", "by whom is unknown")
            raise PodFailed(f"{self._pod}: is being deleted while it was awaited: {why}")
        now = time.monotonic()
        found = list(pod_state.troubles(obj, list(views[1].values())))
        reasons = {trouble.reason for trouble in found}
        self._since = {r: self._since.get(r, now) for r in reasons}
        for trouble in found:
            self._weigh(trouble, now)
        return None

    def _weigh(self, trouble: Trouble, now: float) -> None:
        # Who shortens our deadlines does not quicken kubelet, which tries again every 10 to 15 s.
        patience = self._deadlines.refusal_persists * max(1.0, self._pod.waiter.scale)
        certain = trouble.certain or now - self._since[trouble.reason] >= patience
        if trouble.culprit == "image":
            if trouble.reason not in self._image_reasons[-1:]:
                self._image_reasons.append(trouble.reason)
            # ErrImagePull, then ImagePullBackOff: the second sighting.
            if certain or len(self._image_reasons) > 1:
                raise ImageNotPullable(
                    f"{self._pod}: {trouble}",
                    hint="Name a reachable copy with --aicr-image NAME=REF or --aicr-registry.",
                )
        elif certain:
            raise PodFailed(f"{self._pod}: {trouble}{self._log(trouble)}")

    def _log(self, trouble: Trouble) -> str:
        if not trouble.container:
            return ""
        try:
            log = self._pod.logs(container=trouble.container, tail=10).strip()
        except AicrError as error:
            return f"\n  Its log cannot be read: {error}"
        indented = "\n    ".join(line[:_SHOWN] for line in log.splitlines()[-10:])
        return f"\n  The end of its log:\n    {indented}" if log else "\n  Its log is empty."

    def timeout(self, views: Views) -> float:
        obj = self._pod.find(views)
        if obj is not None and not pod_state.node_of(obj):
            return self._schedule
        if pod_state.is_pulling(views[1].values()):
            return max(self._deadlines.image_pull, self._deadlines.pod_ready)
        return self._deadlines.pod_ready

    def expired(self, views: Views) -> None:
        obj = self._pod.find(views)
        if obj is not None and not pod_state.node_of(obj):
            reason = pod_state.unschedulable(obj) or "the scheduler has said nothing"
            if self._why_pending:
                self._why_pending(obj, reason)
            raise WaitTimeout(
                f"{self._pod}: no node within {self._deadlines.schedule * self._pod.waiter.scale:g}"
                f" s.\n  The scheduler says: {reason}"
            )
        if pod_state.is_pulling(views[1].values()):
            raise ImageNotPullable(
                f"{self._pod}: its images were still being pulled after"
                f" {self.timeout(views) * self._pod.waiter.scale:g} s."
            )


def _displaced(pod: Object | None, views: Views) -> str:
    """The scheduler's words where it has taken a pod's place for another; empty where not."""
    condition = pod_state.condition(pod or {}, "DisruptionTarget")
    if condition.get("reason") == "PreemptionByScheduler":
        return str(condition.get("message", "it does not say for whom"))
    return str((pod_state.newest(views[1].values(), "Preempted") or {}).get("message", ""))
