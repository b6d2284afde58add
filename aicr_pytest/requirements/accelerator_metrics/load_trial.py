"""A workload is switched on and off on one accelerator, and the exporter is watched meanwhile."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.load import BUSY, IDLE, Load, since
from aicr_pytest.errors import (
    DoesNotApply,
    EndpointSilent,
    Inconclusive,
    NoCapacity,
    ProbeFailed,
    WaitTimeout,
)
from aicr_pytest.evidence.clock import Clock, utc_now
from aicr_pytest.once import Once
from aicr_pytest.requirements.accelerator_metrics.each_trial import EachTrial
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from aicr_pytest.requirements.accelerator_metrics.readings import held_by
from aicr_pytest.requirements.accelerator_metrics.recorder import ReadingRecorder
from aicr_pytest.workloads.pods_per_node import is_of_one_node

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.workloads.pods_per_node import PodsPerNode

LOOKS_UNDER_LOAD = 3
"""Readings, a second apart, for which the load goes on once it is shown."""


@dataclass(slots=True)
class _LoadResult:
    """What happened on one node."""

    faults: list[str] = field(default_factory=list)
    """Where the readings of the busy accelerator did not follow, as sentences."""
    idle: str = ""
    """The accelerator that we held idle; empty where there is none, or it cannot be seen."""
    idle_peak: float = 0.0
    """Highest share that was shown of it."""
    idle_seen: bool = False
    """Whether it was shown at all."""
    blind: Inconclusive | None = None
    """Why nothing was seen there."""


class LoadTrial:
    """Idle, busy, idle again on each looked-at node; run once, judged by several checks."""

    def __init__(
        self,
        exporters: Exporters,
        waiter: "Waiter",
        evidence: Callable[[], "CheckEvidence"],
        cast: "Callable[[], tuple[PodsPerNode, PodsPerNode | None]]",
        rest: "Callable[[], PodsPerNode | None]" = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        self._exporters = exporters
        self._waiter = waiter
        self._evidence = evidence
        self._cast = cast
        self._rest = rest
        self._clock = clock
        self._courses = Once(self._play_all)

    def readings_that_do_not_follow(self) -> list[str]:
        """Where readings did not follow the workload of the allocated accelerator.

        Raises:
            Inconclusive: on no node could it be seen.
        """
        courses = self._courses()
        for busy, _, course in courses:
            if course.blind:
                busy.leave_out(course.blind)
        return [fault for _, _, course in courses for fault in course.faults]

    def idle_accelerators_that_move(self) -> list[str]:
        """Accelerators that we held idle and that were shown as busy, as sentences.

        A node of which nothing can be said speaks for itself alone, while others are judged.

        Raises:
            NoCapacity: nowhere was there room for two workloads.
            ProbeFailed: the idle ones are not shown at all, so that their standing still proves
                nothing.
            DoesNotApply: each node has one accelerator, or both workloads were given the same one,
                which is shared.
        """
        found: list[str] = []
        judged = False
        blind: list[tuple[AcceleratorPod, Inconclusive]] = []
        unfit: list[DoesNotApply] = []
        for busy, idle, course in self._courses():
            try:
                found += _movement(busy, idle, course)
                judged = True
                told = f"{course.idle_peak:.0%} at most, while {_only(busy)} was loaded"
                where = f"{course.idle} on {busy.on.name}"
                self._evidence().fact(f"{where}, held idle, was shown at", told)
            except Inconclusive as error:
                blind.append((busy, error))
            except DoesNotApply as error:
                unfit.append(error)
        if not judged and (blind or unfit):
            raise blind[0][1] if blind else unfit[0]
        for busy, why in blind:
            busy.leave_out(why)
        return found

    def accelerators_not_shown_idle_and_busy(self) -> list[str]:
        """Accelerators that are not shown idle, and then busy while they are, as sentences.

        All that were free beside the one whose readings were followed, on each node at once.

        Raises:
            DoesNotApply: none was left, or only shares of devices.
            Inconclusive: on no node could it be seen.
        """
        with contextlib.suppress(Inconclusive):
            self._courses()  # the others have to be left idle before
        busy, idle = self._cast()
        if idle is None:
            on = "; ".join(str(pod.on) for pod in busy.pods)
            raise DoesNotApply(f"No accelerator is free beside the one that is loaded: {on}")
        if (rest := self._rest()) is not None:
            idle = idle.joined_by(rest)
        trial = EachTrial(self._exporters, self._waiter, self._evidence)
        return idle.requiring_exclusive_devices().on_each_node(trial.faults)

    def _play_all(self) -> "list[tuple[AcceleratorPod, AcceleratorPod | None, _LoadResult]]":
        busy, idle = self._cast()
        others = {pod.on.name: pod for pod in idle.pods} if idle else {}
        pairs = [(pod, others.get(pod.on.name)) for pod in busy.pods]
        with ThreadPoolExecutor(max_workers=8) as threads:
            courses = list(threads.map(lambda pair: self._attempt(*pair), pairs))
        if all(course.blind for course in courses):
            raise next(course.blind for course in courses if course.blind)
        return [(one, other, course) for (one, other), course in zip(pairs, courses, strict=True)]

    def _attempt(self, busy: "AcceleratorPod", idle: "AcceleratorPod | None") -> _LoadResult:
        """One node; where nothing can be seen there, that says nothing of the others."""
        try:
            return self._run(busy, idle)
        except Inconclusive as error:
            if not is_of_one_node(error):
                raise
            return _LoadResult(blind=error)

    def _run(self, busy: "AcceleratorPod", idle: "AcceleratorPod | None") -> _LoadResult:
        identity, course = self._name_of(busy), _LoadResult(idle=self._name_if_seen(idle))
        watch = ReadingRecorder(
            exporters=self._exporters,
            node=busy.on.name,
            identity=identity,
            idle=course.idle,
            clock=self._clock,
        )
        load = Load(busy, self._waiter)
        try:
            self._play(busy, load, watch, course)
        finally:
            self._keep(watch, busy)
        course.idle_peak, course.idle_seen = watch.idle_peak, watch.idle_seen
        return course

    def _name_of(self, pod: "AcceleratorPod") -> str:
        """What the exporter calls the one accelerator of a pod.

        Raises:
            ProbeFailed: the pod sees several or none, or nothing says which series is of it.
        """
        held, profile = _only(pod), self._exporters.profile
        if profile.as_published:
            return held
        node, own = pod.on.name, pod.pod
        try:
            (name,) = self._waiter.poll(
                f"{node}: a series of the accelerator that {own.name} holds",
                lambda: held_by(
                    profile, self._exporters.exposed_now(node), own.namespace, own.name
                ),
                until=lambda names: len(names) == 1,
                describe=lambda names: ", ".join(names) or "none names the pod",
                timeout=self._waiter.deadlines.reading_follows,
                tolerate=(EndpointSilent,),
            )
        except WaitTimeout as error:
            raise ProbeFailed(
                f"{pod} holds {held}, and {profile.name} tells accelerators by "
                f"{profile.identity_label} alone: which series is of it nothing says.\n  {error}",
                hint=f"Its labels {' and '.join(profile.holder_labels)} would tell whose it is.",
            ) from error
        self._evidence().fact(f"{held} of {node} is to the exporter", f"{name}, of pod {own.name}")
        return name

    def _name_if_seen(self, idle: "AcceleratorPod | None") -> str:
        """Of the accelerator that we hold idle; empty where there is none, or it cannot be seen."""
        try:
            return self._name_of(idle) if idle else ""
        except Inconclusive as error:
            if not is_of_one_node(error):
                raise
            return ""  # told by the check that needs it

    def _play(
        self, busy: "AcceleratorPod", load: Load, watch: ReadingRecorder, course: _LoadResult
    ) -> None:
        where = f"{busy} holds {watch.identity}"
        if not self._reaches(watch, "idle", lambda value: value <= IDLE):
            _refuse_others(busy, load, watch)
            course.faults.append(
                f"{where}, nothing runs on it, and the exporter shows {watch.shown()}"
            )
            return
        memory = watch.memory_peak = watch.memory or 0.0  # what was seen before proves nothing
        load.on()
        watch.mark_load(f"load on in pod {busy.pod.name}", load.seen())
        started = time.monotonic()
        if not self._reaches(watch, "busy", lambda value: value >= BUSY):
            course.faults.append(
                f"{where} and loads it: {busy.on.profile.tool} shows {load.lasting():.0%}, the "
                f"exporter {watch.shown()}{watch.others()}"
            )
            return
        self._evidence().fact(f"seconds until busy on {watch.node}", since(started))
        self._linger(watch)
        if watch.memory_peak <= memory:
            course.faults.append(f"{where} and loads it, and its memory in use stays at {memory:g}")
        load.off()
        watch.mark_load(f"load off in pod {busy.pod.name}", load.seen())
        started = time.monotonic()
        if not self._reaches(watch, "idle again", lambda value: value <= IDLE):
            _refuse_others(busy, load, watch)
            course.faults.append(
                f"{where}, its load has ended, and the exporter still shows {watch.shown()}"
            )
            return
        self._evidence().fact(f"seconds until idle again on {watch.node}", since(started))

    def _reaches(
        self, watch: ReadingRecorder, state: str, reached: Callable[[float], bool]
    ) -> bool:
        _, why = watch.until(
            self._waiter,
            f"{watch.node}: {watch.identity} shown {state}",
            lambda value: value is not None and reached(value),
            self._waiter.deadlines.reading_follows,
            describe=lambda _: watch.shown(),
            tolerate=(EndpointSilent,),
        )
        return not why

    def _linger(self, watch: ReadingRecorder) -> None:
        """Look on for a while, so that an idle accelerator has time to be shown busy."""
        enough = watch.samples + LOOKS_UNDER_LOAD
        self._waiter.poll(
            f"{watch.node}: {LOOKS_UNDER_LOAD} more readings under load",
            watch.sample,
            until=lambda _: watch.samples >= enough,
            describe=lambda _: watch.shown(),
            timeout=self._waiter.deadlines.reading_follows,
            tolerate=(EndpointSilent,),
        )

    def _keep(self, watch: ReadingRecorder, busy: "AcceleratorPod") -> None:
        self._evidence().timeline(
            watch.timeline,
            source=f"{self._exporters.profile.path} of the exporter on {watch.node}, asked every "
            f"second; {busy.on.profile.tool} in pod {busy.pod.namespace}/{busy.pod.name}",
        )


def _refuse_others(busy: "AcceleratorPod", load: Load, watch: ReadingRecorder) -> None:
    """Raise where the vendor's tool, too, sees a load that is not ours: a reading follows that one.

    Raises:
        ProbeFailed: somebody else uses the accelerator, which may be shared.
    """
    if watch.value is not None and (seen := load.seen()) > IDLE:
        raise ProbeFailed(
            f"{busy} holds {_only(busy)}, nothing of ours runs on it, and {busy.on.profile.tool} "
            f"shows {seen:.0%}: somebody else uses it."
        )


def _movement(
    busy: "AcceleratorPod", idle: "AcceleratorPod | None", course: _LoadResult
) -> list[str]:
    """How one node's idle accelerator was shown, if that is more than idle."""
    if course.blind:
        raise course.blind
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
    if course.idle_peak <= IDLE:
        return []
    if idle.on.unit == "share":
        raise ProbeFailed(f"{idle}: {identity} is shared, and moves for whoever has a share of it.")
    shown = f"{course.idle_peak:.0%} while {busy} loads {_only(busy)}"
    return [f"{idle} holds {identity} idle, and the exporter shows it at {shown}"]


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
