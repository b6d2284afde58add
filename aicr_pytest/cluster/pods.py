"""A pod of ours, from its creation to its end."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster import admission, pod_state, responsibility
from aicr_pytest.cluster.kinds import EVENT, NODE, POD, Object
from aicr_pytest.cluster.observer import Execution
from aicr_pytest.cluster.pod_start import Start, WhyPending
from aicr_pytest.cluster.pod_state import Trouble
from aicr_pytest.cluster.refusals import policies_told
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AicrError,
    ApiError,
    Inconclusive,
    NoCapacity,
    PodFailed,
    ProbeFailed,
    WaitFailed,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_PLACEMENT = ("nodeSelector.**", "affinity**", "topologySpreadConstraints**", "tolerations**")
"""Fields by which somebody sends a pod to other nodes than ours."""
_NO_LOG = "Its log cannot be read"
_SHOWN = 300
"""Characters of a line of a log in a message."""


class Pod:
    """A handle on one created pod.

    Args:
        obj: the pod as the API server answered its creation.
        sent: as we sent it, or its template; None: as it was answered.
        why_pending: asked when the pod gets no node in time; what it raises goes before.
    """

    def __init__(
        self,
        cluster: "Cluster",
        waiter: Waiter,
        obj: Object,
        *,
        sent: Object | None = None,
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
        self.sent = sent or obj
        """As we sent it: what is judged."""
        self._last = obj
        self._why_pending = why_pending
        self._is_given_up = False

    def __str__(self) -> str:
        return f"Pod {self.namespace}/{self.name}"

    __repr__ = __str__

    def object(self) -> Object:
        """The pod now.

        Raises:
            Inconclusive: somebody else has deleted it.
        """
        try:
            self._last = self.cluster.get(POD, self.name, self.namespace)
        except ApiError as error:
            if error.status != 404 or self._is_given_up:
                raise
            raise self._gone() from error
        return self._last

    @property
    def node(self) -> str:
        """Name of its node; empty while it has none."""
        return pod_state.node_of(self._last) or pod_state.node_of(self.object())

    @property
    def containers(self) -> tuple[str, ...]:
        """Names of the containers that we sent; somebody may have put others beside them."""
        return tuple(one["name"] for one in self.sent["spec"].get("containers") or ())

    @property
    def container(self) -> str:
        """Name of the container with our program: the first that we sent."""
        return next(iter(self.containers), "")

    def changes(self) -> list[admission.Change]:
        """What of it is not as we sent it."""
        return admission.changes(self.sent, self.created)

    def ready(self) -> "Pod":
        """Wait until every container is ready.

        Raises:
            PodFailed: the platform's device path cannot start it; with kubelet's words.
            WaitTimeout: the scheduler gives it none of the accelerators that are free.
            Inconclusive: it does not start, and ``responsibility`` does not find that the platform
                is responsible.
        """
        __tracebackhide__ = True
        start = Start(self, self._why_pending)
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
        return Start(self, self._why_pending).judge

    def run(self, *command: str, container: str = "", timeout: float = 30.0) -> Execution:
        """Run a command in it; the words are not passed through a shell.

        Raises:
            PodFailed: the platform's device path has ended it since it was ready.
            Inconclusive: a policy or whoever took it away is in the way, or nobody knows what.
        """
        with self._looked_into():
            return self.cluster.exec(
                self.name,
                self.namespace,
                command,
                container=container or self.container,
                timeout=timeout,
            )

    def logs(self, *, container: str = "", tail: int | None = None) -> str:
        """What a container has written; the last ``tail`` lines, or all."""
        with self._looked_into():
            return self._read_log(container or self.container, tail)

    def _read_log(self, container: str, tail: int | None) -> str:
        return self.cluster.logs(self.name, self.namespace, container=container, tail=tail)

    @contextlib.contextmanager
    def _looked_into(self) -> Iterator[None]:
        """Say whose doing it is that nobody can look into it any more: no answer here accuses."""
        try:
            with policies_told():
                yield
        except ApiError as error:
            if self._is_given_up:
                raise
            self._see_that_it_is_there()
            raise ProbeFailed(f"{self} cannot be looked into: {error}") from error

    def see_that_it_is_ours(self) -> tuple[Object, list[Object]]:
        """The pod now and its events.

        Raises:
            Inconclusive: others have taken it away or ended it.
        """
        obj, events = self.object(), self.events()
        if taken := self.taken(obj, events):
            raise taken
        return obj, events

    def _see_that_it_is_there(self) -> None:
        """Raise whose doing it is where it has been taken away or has ended."""
        obj, events = self.see_that_it_is_ours()
        for trouble in self.troubles(obj, events):
            self.tell(trouble, at_last=True)

    def taken(self, obj: Object | None, events: Sequence[Object]) -> Inconclusive | None:
        """Why we cannot look, where others have taken it away or are about to.

        Args:
            obj: as it is now; None: it is gone.
            events: of the pod.
        """
        if displaced := _displaced(obj, events):
            return NoCapacity(
                f"{self}: had to give way to pods of higher priority: {displaced}",
                hint="Try again when less waits for room, or name a higher PriorityClass that never"
                " preempts: --aicr-priority-class NAME.",
                held=False,
            )
        told = pod_state.taken_by(obj or self._last, events)
        if obj is None:
            how = "was deleted"
        elif obj["metadata"].get("deletionTimestamp"):
            how = "is being deleted"
        elif told and pod_state.phase(obj) == "Failed":
            how = "was ended"
        else:
            return None
        why = f"{how} under us: {told or 'by whom is unknown'}"
        return responsibility.of_deletion(why).excuse(str(self))

    def _gone(self) -> Inconclusive:
        """Who has deleted it, as far as anybody says so."""
        with contextlib.suppress(AicrError):
            events, node = self.events(), pod_state.node_of(self._last)
            told = pod_state.taken_by(self._last, events)
            if node and not told and self.cluster.find(NODE, node) is None:
                why = f"was deleted under us: its node {node} is gone"
                return responsibility.of_deletion(why).excuse(str(self))
            if taken := self.taken(None, events):
                return taken
        return responsibility.of_deletion("was deleted under us").excuse(str(self))

    def events(self) -> list[Object]:
        """What was said of it, oldest first."""
        fields = f"involvedObject.uid={self.uid}"
        found = self.cluster.list(EVENT, self.namespace, fields=fields)
        return sorted(found, key=pod_state.said_at)

    def pending_reason(self, timeout: float | None = None) -> str:
        """Wait until the scheduler says why it does not place the pod.

        Raises:
            WaitFailed: it was placed.
            Inconclusive: the scheduler has said nothing, or something else keeps it pending than
                that there is no device for it.
        """
        __tracebackhide__ = True
        what = f"{self}: a reason why it stays pending"

        def expired(views: Views) -> None:
            if excuse := self.whose_pending(views).excuse_unless_accusing(what):
                raise excuse

        return self.waiter.until(
            what,
            self._subjects(),
            judge=lambda views: self._reason(views, what) or None,
            describe=self._describe,
            timeout=timeout if timeout is not None else self.waiter.deadlines.pending_reason,
            expired=expired,
        )

    def whose_pending(self, views: Views) -> Finding:
        """Whose doing it is that it has no node."""
        return self._of_pending(self.find(views) or self.created, list(views[1].values()))

    def whose_pending_now(self) -> Finding:
        """As ``whose_pending``, asked anew; where it has a node, nobody's that is known."""
        return self._of_pending(self.object(), self.events())

    def _of_pending(self, obj: Object, events: list[Object]) -> Finding:
        said = pod_state.unschedulable(obj)
        if not said and (event := pod_state.newest(events, "FailedScheduling")):
            said = str(event.get("message") or "")
        asked = pod_state.extended_resources(self.sent)
        finding = responsibility.of_pending(obj, said, events=events, asked=asked)
        moved = admission.touching(self.changes(), _PLACEMENT)
        return responsibility.of_moved(finding, moved)

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
        self._is_given_up = True
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
        if taken := self.taken(pod, list(views[1].values())):
            raise taken
        assert pod is not None
        if node := pod_state.node_of(pod):
            raise WaitFailed(f"{what}: it was bound to node {node}.")
        said = pod_state.newest(views[1].values(), "FailedScheduling")
        return pod_state.unschedulable(pod) or (said or {}).get("message", "")

    def troubles(self, obj: Object, events: Sequence[Object]) -> list[Trouble]:
        """What keeps it from running, but for what was put beside it and may end as it likes."""
        found = pod_state.troubles(obj, list(events))
        return [t for t in found if not (t.ran and self._is_foreign(t))]

    def _is_foreign(self, trouble: Trouble) -> bool:
        ours = self.containers
        return bool(ours and trouble.container) and trouble.container not in ours

    def tell(self, trouble: Trouble, *, at_last: bool) -> None:
        """Raise whose doing it is; what accuses nobody and may still pass is left to the clock."""
        log = self._end_of_log(trouble)
        finding = responsibility.of_start(
            trouble.reason, trouble.message, log="" if _NO_LOG in log else log
        )
        if finding.accuses and not self._is_foreign(trouble):
            raise PodFailed(f"{self}: {trouble}{log}")
        if at_last:
            finding = dataclasses.replace(finding, reason=f"{trouble}{log}")
            raise finding.excuse(str(self))

    def _end_of_log(self, trouble: Trouble) -> str:
        if not trouble.ran:
            return ""
        try:
            log = self._read_log(trouble.container, 10).strip()
        except AicrError as error:
            return f"\n  {_NO_LOG}: {error}"
        indented = "\n    ".join(line[:_SHOWN] for line in log.splitlines()[-10:])
        return f"\n  The end of its log:\n    {indented}" if log else "\n  Its log is empty."


def _displaced(pod: Object | None, events: Sequence[Object]) -> str:
    """The scheduler's words where it has taken a pod's place for another; empty where not."""
    condition = pod_state.condition(pod or {}, "DisruptionTarget")
    if condition.get("reason") == "PreemptionByScheduler":
        return str(condition.get("message", "it does not say for whom"))
    return str((pod_state.newest(events, "Preempted") or {}).get("message", ""))
