"""A workload is switched on and off on one accelerator, and the exporter is watched meanwhile."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.load import BUSY, IDLE, Clock, Load, since, utc_now
from aicr_pytest.errors import DoesNotApply, EndpointSilent, NoCapacity, ProbeFailed, WaitTimeout
from aicr_pytest.evidence.timeline import Timeline
from aicr_pytest.once import Once
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from aicr_pytest.requirements.accelerator_metrics.readings import (
    PART,
    Exposed,
    by_identity,
    chosen,
    share,
)

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.workloads.pods_per_node import PodsPerNode

LOOKS_UNDER_LOAD = 3
"""Readings, a second apart, for which the load goes on once it is shown."""
_UTILIZATION, _TOOL, _IDLE, _MEMORY = (
    "busy accelerator, exporter",
    "busy accelerator, vendor's tool",
    "idle accelerator, exporter",
    "memory of the busy accelerator",
)
_UNITS = {_UTILIZATION: "%", _TOOL: "%", _IDLE: "%", _MEMORY: "MiB"}


@dataclass(slots=True)
class _LoadResult:
    """What happened on one node."""

    faults: list[str] = field(default_factory=list)
    """Where the readings of the busy accelerator did not follow, as sentences."""
    idle_peak: float = 0.0
    """Highest share that was shown of the accelerator that we held idle."""
    idle_seen: bool = False
    """Whether it was shown at all."""


class LoadTrial:
    """Idle, busy, idle again on each looked-at node; run once, judged by several checks."""

    def __init__(
        self,
        exporters: Exporters,
        waiter: "Waiter",
        evidence: Callable[[], "CheckEvidence"],
        cast: "Callable[[], tuple[PodsPerNode, PodsPerNode | None]]",
        clock: Clock = utc_now,
    ) -> None:
        self._exporters = exporters
        self._waiter = waiter
        self._evidence = evidence
        self._cast = cast
        self._clock = clock
        self._courses = Once(self._play_all)

    def readings_that_do_not_follow(self) -> list[str]:
        """Where readings did not follow the workload of the allocated accelerator."""
        return [fault for _, _, course in self._courses() for fault in course.faults]

    def idle_accelerators_that_move(self) -> list[str]:
        """Accelerators that we held idle and that were shown as busy, as sentences.

        Raises:
            DoesNotApply: a node has one accelerator, or both workloads were given the same one,
                which is shared.
            NoCapacity: there was no room for two workloads.
            ProbeFailed: the idle one is not shown at all, so that its standing still proves
                nothing.
        """
        found = []
        for busy, idle, course in self._courses():
            if busy.on.total < 2:
                raise DoesNotApply(f"It takes two accelerators on one node: {busy.on}")
            if idle is None:
                raise NoCapacity(f"It takes two free accelerators on one node: {busy.on}")
            identity = _only(idle)
            if identity == _only(busy):
                raise DoesNotApply(
                    f"{busy} and {idle} were both given {identity}: it is shared (time-slicing), "
                    "and moves for both."
                )
            if not course.idle_seen:
                raise ProbeFailed(f"{idle}: {identity} has no series, so that it cannot move.")
            if course.idle_peak > IDLE:
                found.append(
                    f"{idle} holds {identity} idle, and the exporter shows it at "
                    f"{course.idle_peak:.0%} while {busy} loads {_only(busy)}"
                )
        return found

    def _play_all(self) -> "list[tuple[AcceleratorPod, AcceleratorPod | None, _LoadResult]]":
        busy, idle = self._cast()
        pairs = [(one, idle.pods[index] if idle else None) for index, one in enumerate(busy.pods)]
        with ThreadPoolExecutor(max_workers=8) as threads:
            courses = list(threads.map(lambda pair: self._run(*pair), pairs))
        return [(one, other, course) for (one, other), course in zip(pairs, courses, strict=True)]

    def _run(self, busy: "AcceleratorPod", idle: "AcceleratorPod | None") -> _LoadResult:
        watch = _Watch(
            exporters=self._exporters,
            node=busy.on.name,
            identity=_only(busy),
            idle=_only(idle) if idle else "",
            clock=self._clock,
        )
        load = Load(busy, self._waiter)
        course = _LoadResult()
        try:
            self._play(busy, load, watch, course)
        finally:
            self._keep(watch, busy)
        course.idle_peak, course.idle_seen = watch.idle_peak, watch.idle_seen
        return course

    def _play(
        self, busy: "AcceleratorPod", load: Load, watch: "_Watch", course: _LoadResult
    ) -> None:
        where = f"{busy} holds {watch.identity}"
        if not self._reaches(watch, "idle", lambda value: value <= IDLE):
            course.faults.append(
                f"{where}, nothing runs on it, and the exporter shows {watch.shown()}"
            )
            return
        memory = watch.memory_peak = watch.memory or 0.0  # what was seen before proves nothing
        load.on()
        watch.mark(f"load on in pod {busy.pod.name}", tool=load.seen())
        started = time.monotonic()
        if not self._reaches(watch, "busy", lambda value: value >= BUSY):
            course.faults.append(
                f"{where} and loads it: {busy.on.profile.tool} shows {load.seen():.0%}, the "
                f"exporter {watch.shown()}{watch.others()}"
            )
            return
        self._evidence().fact(f"seconds until busy on {watch.node}", since(started))
        self._linger(watch)
        if watch.memory_peak <= memory:
            course.faults.append(f"{where} and loads it, and its memory in use stays at {memory:g}")
        load.off()
        watch.mark(f"load off in pod {busy.pod.name}", tool=load.seen())
        started = time.monotonic()
        if not self._reaches(watch, "idle again", lambda value: value <= IDLE):
            course.faults.append(
                f"{where}, its load has ended, and the exporter still shows {watch.shown()}"
            )
            return
        self._evidence().fact(f"seconds until idle again on {watch.node}", since(started))

    def _reaches(self, watch: "_Watch", state: str, reached: Callable[[float], bool]) -> bool:
        try:
            self._waiter.poll(
                f"{watch.node}: {watch.identity} shown {state}",
                watch.look,
                until=lambda value: value is not None and reached(value),
                describe=lambda _: watch.shown(),
                timeout=self._waiter.deadlines.reading_follows,
                tolerate=(EndpointSilent,),
            )
        except WaitTimeout:
            return False
        return True

    def _linger(self, watch: "_Watch") -> None:
        """Look on for a while, so that an idle accelerator has time to be shown busy."""
        enough = watch.looks + LOOKS_UNDER_LOAD
        self._waiter.poll(
            f"{watch.node}: {LOOKS_UNDER_LOAD} more readings under load",
            watch.look,
            until=lambda _: watch.looks >= enough,
            describe=lambda _: watch.shown(),
            timeout=self._waiter.deadlines.reading_follows,
            tolerate=(EndpointSilent,),
        )

    def _keep(self, watch: "_Watch", busy: "AcceleratorPod") -> None:
        self._evidence().timeline(
            watch.timeline,
            source=f"{self._exporters.profile.path} of the exporter on {watch.node}, asked every "
            f"second; {busy.on.profile.tool} in pod {busy.pod.namespace}/{busy.pod.name}",
        )


class _Watch:
    """Asks one node's exporter again and again, and notes what it says."""

    def __init__(
        self, *, exporters: Exporters, node: str, identity: str, idle: str, clock: Clock
    ) -> None:
        self._exporters = exporters
        self.node = node
        self.identity = identity
        self._idle = idle
        self._clock = clock
        self.timeline = Timeline(f"Readings on {node} while {identity} is loaded", _UNITS)
        self.memory: float | None = None
        """Memory in use at the last look; None where it is not shown."""
        self.memory_peak = 0.0
        """The most in use since the load began: a workload between two steps may hold none."""
        self.idle_peak = 0.0
        self.idle_seen = False
        self.looks = 0
        """How often the exporter was asked."""
        self._first: Mapping[str, float] = {}
        self._last: Mapping[str, float] = {}

    def look(self) -> float | None:
        """The share of full load that is shown of the busy accelerator; None where none is."""
        profile = self._exporters.profile
        exposed = self._exporters.exposed_now(self.node)
        self.looks += 1
        self._last = share(profile, profile.utilization, exposed)
        self._first = self._first or self._last
        self.memory = self._memory(exposed)
        self.memory_peak = max(self.memory_peak, self.memory or 0.0)
        idle = self._last.get(self._idle)
        self.idle_seen = self.idle_seen or idle is not None
        self.idle_peak = max(self.idle_peak, idle or 0.0)
        value = self._last.get(self.identity)
        if value is None and any(one.startswith(f"{self.identity}{PART}") for one in self._last):
            raise ProbeFailed(
                f"{self.node}: {self.identity} is partitioned, and which of its parts a pod holds "
                f"the vendor's tool does not tell: {', '.join(sorted(self._last))}"
            )
        self.timeline.sample(
            self._clock(),
            **{_UTILIZATION: _percent(value), _IDLE: _percent(idle), _MEMORY: self.memory},
        )
        return value

    def _memory(self, exposed: list[Exposed]) -> float | None:
        profile = self._exporters.profile
        if (reading := chosen(profile.memory, exposed)) is None:
            return None
        samples = by_identity(profile, reading, exposed).get(self.identity)
        return max(sample.value for sample in samples) if samples else None

    def mark(self, text: str, *, tool: float) -> None:
        """Note a deed, and what the vendor's tool shows then."""
        now = self._clock()
        self.timeline.mark(now, text)
        self.timeline.sample(now, **{_TOOL: _percent(tool)})

    def shown(self) -> str:
        """What was last shown of the busy accelerator."""
        value = self._last.get(self.identity)
        return "no value of it" if value is None else f"{value:.0%}"

    def others(self) -> str:
        """Other accelerators that became busy meanwhile, to say whose readings moved."""
        moved = [
            f"{identity} at {value:.0%}"
            for identity, value in sorted(self._last.items())
            if identity != self.identity and value >= BUSY and self._first.get(identity, 0) <= IDLE
        ]
        return f"; instead it shows {', '.join(moved)}" if moved else ""


def _only(pod: "AcceleratorPod") -> str:
    """The one accelerator that a pod sees.

    Raises:
        ProbeFailed: it sees several or none, so that it is not known which one it loads.
    """
    held = pod.held()
    if len(held) != 1:
        seen = ", ".join(held) or "none"
        raise ProbeFailed(f"{pod} asked for one accelerator and sees {len(held)}: {seen}")
    return held[0]


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)
