"""Gangs as they come together: who was bound when, followed by a watch."""

import contextlib
import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import Inconclusive, WaitFailed, WaitTimeout
from aicr_pytest.evidence.clock import Clock, utc_now
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.evidence.spans import Spans
from aicr_pytest.requirements.gang_scheduling.observed import Binding
from aicr_pytest.requirements.recorder import Recorder

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence

T = TypeVar("T")

_AFTERMATH = 1.0
"""Seconds for which the watch goes on once a member was bound, to see who else is."""


@dataclass(slots=True, kw_only=True, eq=False)
class Gang:
    """Members that were created together."""

    LABEL: ClassVar[str] = "aicr-pytest/gang"
    """Label of the members, with the gang's name."""

    name: str
    """Also of its object."""
    objects: list[Object]
    """What stands for it on the cluster, as it was made."""
    status_objects: list[Object]
    """Objects that say how it fares, by ``apiVersion``, ``kind`` and name."""
    members: list[AcceleratorPod] = field(default_factory=list)
    """Its pods."""

    @property
    def with_accelerators(self) -> list[AcceleratorPod]:
        """Members that ask for accelerators."""
        return [member for member in self.members if not member.asks_for_nothing]

    @property
    def accelerators(self) -> int:
        """How many all members need together: each needs one, or none."""
        return len(self.with_accelerators)


_ENDED = ("Succeeded", "Failed")
_SECONDS = ("seconds until bound", "seconds until it ended")
_LANES = Picture(kind="lanes", parts={"name": "pod", "start": _SECONDS[0], "end": _SECONDS[1]})


class GangRecorder(Recorder[Mapping[str, float]]):
    """Records by a watch which members of some gangs are bound, and since when.

    The timeline has members per gang that are bound and have not ended.
    """

    def __init__(
        self,
        title: str,
        gangs: Sequence[Gang],
        waiter: "Waiter",
        *,
        namespace: str,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(title, {gang.name: "members" for gang in gangs}, {}, clock=clock)
        self._gangs = tuple(gangs)
        self._waiter = waiter
        self._namespace = namespace
        self._began = clock()
        self._held = Spans(self._began)
        self._room = ""
        self._bound: dict[str, tuple[datetime.datetime, str]] = {}
        self._phase: dict[str, str] = {}
        self._ended: dict[str, datetime.datetime] = {}
        # What somebody has put beside a member's program may go on for ever.
        self._program: dict[str, str] = {}
        self._containers = {m.pod.name: m.pod.container for g in gangs for m in g.members}
        self._reasons: dict[str, str] = {}
        self.sample()

    def sample(self) -> Mapping[str, float]:
        """Count members that hold their room, by gang."""
        counts = {
            gang.name: float(sum(self._holds(member.pod.name) for member in gang.members))
            for gang in self._gangs
        }
        self.note(**counts)
        return counts

    def blocked(self, blocker: str, room: str) -> None:
        """Note who holds the rest meanwhile, and what room that leaves."""
        self._held.begin(blocker, self._began)
        self._room = room
        self.mark(room)

    def freed(self, blocker: str) -> None:
        """Note that the blocker is gone."""
        self._held.end(blocker, self._clock())
        self.mark("the blocker is gone")

    def follow_window(self, seconds: float, *, said: Callable[[], Sequence[str]]) -> list[Binding]:
        """Watch for so many seconds, or until a member is bound; who was bound.

        The window begins when the scheduler has looked: it has said of every member why it waits.

        Args:
            said: what the gangs' objects say; asked where not every member's pod tells a reason.

        Raises:
            Inconclusive: it has said nothing at all.
        """
        self._until_scheduled_once(said)
        scale = self._waiter.scale
        # Impatience must not make a scheduler look better: the window is never shorter.
        length = seconds * max(1.0, scale)
        end = time.monotonic() + length
        what = f"{self._names()}: no member is bound for {length:g} s"

        def judge(views: Views) -> bool | None:
            nonlocal end
            if self._take(views):
                end = min(end, time.monotonic() + _AFTERMATH)
            return True if time.monotonic() >= end else None

        self._waiter.until(
            what,
            self._subjects(),
            judge=judge,
            describe=lambda views: self._line(),
            timeout=(length + _AFTERMATH) / scale,
        )
        self.look()
        return [one for gang in self._gangs for one in self.bound_members(gang)]

    def _until_scheduled_once(self, said: Callable[[], Sequence[str]]) -> None:
        members = {member.pod.name for gang in self._gangs for member in gang.members}

        def judge(views: Views) -> bool | None:
            return True if self._take(views) or members <= self._reasons.keys() else None

        def expired(views: Views) -> None:
            if not self._reasons and not said():
                raise Inconclusive(
                    f"Nobody has said why members of {self._names()} wait: that a scheduler binds "
                    "none proves nothing before it has looked at them.",
                    hint="Check that the gang scheduler runs, and that it takes pods of this kind.",
                )

        with contextlib.suppress(WaitTimeout):  # some schedulers speak of one member for all
            self._waiter.until(
                f"{self._names()}: the scheduler says of every member why it waits",
                self._subjects(),
                judge=judge,
                describe=lambda views: self._line(),
                timeout=self._waiter.deadlines.pending_reason,
                expired=expired,
            )
        self.mark("the scheduler has looked at the members")

    def look(self) -> None:
        """Note where every member is now."""
        for gang in self._gangs:
            for member in gang.members:
                self._see(member.pod.object())

    def until_all_bound(self, gang: Gang, *, expired: Callable[[], None]) -> None:
        """Wait until every member has a node.

        Raises:
            WaitTimeout: not in time; ``expired`` may raise something better.
        """

        def judge(views: Views) -> bool | None:
            self._take(views)
            return True if self._is_bound(gang) else None

        self._waiter.until(
            f"{gang.name}: all {len(gang.members)} members are bound",
            self._subjects(),
            judge=judge,
            describe=lambda views: self._line(),
            timeout=self._waiter.deadlines.gang_bound,
            expired=lambda views: expired(),
        )

    def until_one_bound(self, gangs: Sequence[Gang]) -> Gang:
        """Wait until every member of one of the gangs has a node.

        Raises:
            WaitTimeout: none is whole; the message says who holds a part of the room.
        """

        def judge(views: Views) -> Gang | None:
            self._take(views)
            return next((gang for gang in gangs if self._is_bound(gang)), None)

        def expired(views: Views) -> None:
            held = [str(one) for gang in gangs for one in self.bound_members(gang)]
            if held:
                raise WaitTimeout(
                    "Gangs that hold a part of the room each, so that none can start: "
                    + "; ".join(held)
                )

        return self._waiter.until(
            f"One of {self._names()}: all members are bound",
            self._subjects(),
            judge=judge,
            describe=lambda views: self._line(),
            timeout=self._waiter.deadlines.gang_bound,
            expired=expired,
        )

    def until_all_succeeded(self, gang: Gang) -> str:
        """Wait until every member has completed; why not, empty where they have."""

        def judge(views: Views) -> bool | None:
            self._take(views)
            failed = [m for m in gang.members if self._program.get(m.pod.name) == "Failed"]
            if failed:
                raise WaitFailed(f"{', '.join(map(str, failed))}: ended as Failed.")
            done = all(self._program.get(m.pod.name) == "Succeeded" for m in gang.members)
            return True if done else None

        try:
            self._waiter.until(
                f"{gang.name}: all members complete",
                self._subjects(),
                judge=judge,
                describe=lambda views: self._line(),
                timeout=self._waiter.deadlines.pod_completed,
            )
        except (WaitTimeout, WaitFailed) as error:
            return str(error)
        return ""

    def completed(self, gang: Gang) -> int:
        """How many members were seen to have completed."""
        return sum(self._program.get(member.pod.name) == "Succeeded" for member in gang.members)

    def bound_members(self, gang: Gang) -> list[Binding]:
        """Members of a gang that were bound."""
        return [
            Binding(pod=member.pod.name, node=node, seconds=self._seconds(at))
            for member in gang.members
            if (found := self._bound.get(member.pod.name))
            for at, node in [found]
        ]

    def record(self, evidence: "CheckEvidence") -> None:
        """Put the timeline and the scheduler's last words into the evidence."""
        self.sample()
        label = ",".join(gang.name for gang in self._gangs)
        source = f"watch of pods in {self._namespace} with {Gang.LABEL} in ({label})"
        evidence.timeline(self.timeline, source=source)
        members = {member.pod.name: gang for gang in self._gangs for member in gang.members}
        rows = [
            *([name, "", *self._held.cells(name), "", self._room] for name in self._held.names),
            *(
                [name, gang.name, *self._cells(name), self._reasons.get(name, "")]
                for name, gang in members.items()
            ),
        ]
        columns = ["pod", "gang", *_SECONDS, "node", "room that is left, or the scheduler's words"]
        evidence.table(self.timeline.title, columns, rows, source=source, picture=_LANES)

    def record_spread(self, gang: Gang) -> None:
        """Note how far apart the members of a gang were bound."""
        moments = [
            self._bound[member.pod.name][0]
            for member in gang.members
            if member.pod.name in self._bound
        ]
        if moments:
            spread = (max(moments) - min(moments)).total_seconds()
            self.mark(f"all of {gang.name} were bound within {spread:.2f} s")

    def _subjects(self) -> list[Subject]:
        names = ",".join(gang.name for gang in self._gangs)
        labels = f"{Gang.LABEL} in ({names})"
        return [Subject(kind=POD, namespace=self._namespace, labels=labels)]

    def _take(self, views: Views) -> bool:
        """Note what is new; whether any member is bound."""
        for pod in views[0].values():
            self._see(pod)
        return bool(self._bound)

    def _see(self, pod: Object) -> None:
        name, now = pod["metadata"]["name"], self._clock()
        node = pod_state.node_of(pod)
        if node and name not in self._bound:
            self.sample()
            self._bound[name] = (now, node)
            self.timeline.mark(now, f"{name} is bound to {node}")
            self.sample()
        if (phase := pod_state.phase(pod)) != self._phase.get(name, "Pending"):
            self.timeline.mark(now, f"{name}: {phase}")
            self.sample()
            self._phase[name] = phase
            self.sample()
        program = self._program[name] = pod_state.phase_of(pod, self._containers.get(name, ""))
        if program in _ENDED and name not in self._ended:
            self._ended[name] = now
            if program != phase:
                self.timeline.mark(now, f"{name}: its program has ended, {program}")
        if reason := _reason(pod):
            self._reasons[name] = reason

    def _holds(self, name: str) -> bool:
        return name in self._bound and self._phase.get(name) not in _ENDED

    def _is_bound(self, gang: Gang) -> bool:
        return all(member.pod.name in self._bound for member in gang.members)

    def _line(self) -> str:
        told = [
            f"{gang.name}: {sum(m.pod.name in self._bound for m in gang.members)} of "
            f"{len(gang.members)} bound"
            for gang in self._gangs
        ]
        said = next(iter(self._reasons.values()), "")
        return ", ".join(told) + (f"; {said}" if said else "")

    def _names(self) -> str:
        return " and ".join(gang.name for gang in self._gangs)

    def _cells(self, name: str) -> list[str]:
        if name not in self._bound:
            return ["", "", ""]
        at, node = self._bound[name]
        ended = self._ended.get(name)
        return [f"{self._seconds(at):.2f}", f"{self._seconds(ended):.2f}" if ended else "", node]

    def _seconds(self, at: datetime.datetime) -> float:
        return (at - self._began).total_seconds()


def _reason(pod: Object) -> str:
    condition = pod_state.condition(pod, "PodScheduled")
    if not condition or condition.get("status") == "True":
        return ""
    return ": ".join(filter(None, [condition.get("reason", ""), condition.get("message", "")]))
