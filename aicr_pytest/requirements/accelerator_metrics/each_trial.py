"""Every free accelerator of a node is idle, then busy: what its exporter shows of each.

That one reading follows its workload says nothing of the others: one of eight may always be busy,
or never.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aicr_pytest.accelerators import each_device
from aicr_pytest.accelerators.load import BUSY, IDLE, Load
from aicr_pytest.errors import EndpointSilent, Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from aicr_pytest.requirements.accelerator_metrics.readings import (
    PART,
    held_by,
    share,
    why_unmatched,
)

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class _Held:
    """One accelerator that a container of ours holds."""

    pod: "AcceleratorPod"
    container: str
    identity: str
    load: Load
    name: str = ""
    """What the exporter calls it."""
    idle: float | None = None
    """Share of full load that was shown while nothing ran on it."""
    tool: float | None = None
    """What the vendor's tool showed under load."""
    busy: float | None = None
    """What was shown under load."""

    def __str__(self) -> str:
        return f"{self.pod}, container {self.container} holds {self.identity}"

    @property
    def where(self) -> str:
        """It, as one that is not looked at."""
        return f"{self.identity} of {self.pod.on.name}"


class EachTrial:
    """Idle and busy on all accelerators at once that pods hold on one node."""

    def __init__(
        self, exporters: Exporters, waiter: "Waiter", evidence: Callable[[], "CheckEvidence"]
    ) -> None:
        self._exporters = exporters
        self._waiter = waiter
        self._evidence = evidence

    def faults(self, *pods: "AcceleratorPod") -> list[str]:
        """Accelerators of one node that are not shown as they are, as sentences.

        Args:
            pods: they load what their containers hold, one each, by one switch per pod.

        Raises:
            Inconclusive: nothing can be seen of any of them.
        """
        node = pods[0].on.name
        running = each_device.started(pods)
        held = self._named(node, self._held(running))
        try:
            found = self._idle(node, held)
            loaded = self._loaded([one for one in held if _is_idle(one.idle)])
            found += self._busy(node, loaded)
        finally:
            self._off(held)
        self._show(node, held)
        each_device.tell_what_is_left_out(running, len(held) + 1)  # one is loaded by another pod
        return found

    def _held(self, pods: Sequence["AcceleratorPod"]) -> list[_Held]:
        """What each container holds; one that cannot be looked into says so of itself."""

        def look(each: "tuple[AcceleratorPod, str]") -> _Held | Inconclusive:
            pod, container = each
            try:
                identities = pod.held(container)
            except Inconclusive as error:
                return error
            if len(identities) != 1:
                told = ", ".join(identities)
                return ProbeFailed(f"{pod}, container {container} sees not one, but {told}")
            load = Load(pod, self._waiter, container)
            return _Held(pod=pod, container=container, identity=identities[0], load=load)

        containers = [(pod, name) for pod in pods for name in pod.asking_containers()]
        came = _at_once(look, containers)
        held = [one for one in came if isinstance(one, _Held)]
        if not held:
            raise next(one for one in came if isinstance(one, Inconclusive))
        for (pod, container), one in zip(containers, came, strict=True):
            if isinstance(one, Inconclusive):
                where = f"container {container} of {pod.pod.name} on {pod.on.name}"
                self._evidence().not_looked_at(where, str(one))
        return held

    def _named(self, node: str, held: list[_Held]) -> list[_Held]:
        """Those of which it is known what the exporter calls them.

        Raises:
            ProbeFailed: it is known of none.
        """
        profile = self._exporters.profile
        if profile.as_published:
            for one in held:
                one.name = one.identity
            return held

        def look() -> list[_Held]:
            exposed = self._exporters.exposed_now(node)
            for one in held:
                pod = one.pod.pod
                names = held_by(profile, exposed, pod.namespace, pod.name, one.container)
                one.name = names[0] if len(names) == 1 else ""
            return [one for one in held if not one.name]

        with contextlib.suppress(WaitTimeout):
            self._waiter.poll(
                f"{node}: a series of each accelerator that containers of ours hold",
                look,
                until=lambda unnamed: not unnamed,
                describe=lambda unnamed: f"none of {', '.join(one.identity for one in unnamed)}",
                timeout=self._waiter.deadlines.reading_follows,
                tolerate=(EndpointSilent,),
            )
        why = (
            f"{profile.name} tells accelerators by {profile.identity_label}, and no series names "
            "the container that holds it"
        )
        for one in held:
            if not one.name:
                self._evidence().not_looked_at(one.where, why)
        if not (known := [one for one in held if one.name]):
            raise ProbeFailed(f"{held[0]}: {why}.")
        return known

    def _idle(self, node: str, held: Sequence[_Held]) -> list[str]:
        """Those that are shown as busy while nothing runs on them.

        Raises:
            ProbeFailed: of none is it known what is shown.
        """

        def look(values: dict[str, float]) -> bool:
            for one in held:
                one.idle = values.get(one.name)
            return all(_is_idle(one.idle) for one in held)

        shown = self._shows(node, "idle", look)
        found, excuses = [], []
        for one in (one for one in held if not _is_idle(one.idle)):
            if excuse := self._excuse(one, shown):
                excuses.append(excuse)
                self._evidence().not_looked_at(one.where, excuse)
            else:
                told = _told(one.idle)
                found.append(f"{one}, nothing runs on it, and the exporter shows {told}")
        if len(excuses) == len(held):
            raise ProbeFailed(excuses[0])
        return found

    def _excuse(self, one: _Held, shown: dict[str, float]) -> str:
        """Why what is not shown idle accuses no exporter; empty where it does."""
        if one.idle is None:
            return why_unmatched(self._exporters.profile, one.name, shown)
        seen = one.load.seen()  # a reading follows a load that is not ours, too
        return f"somebody else uses it: the vendor's tool shows {seen:.0%}" if seen > IDLE else ""

    def _loaded(self, held: Sequence[_Held]) -> list[_Held]:
        """Those that the vendor's tool sees busy, once the load is on."""

        def load(one: _Held) -> str:
            try:
                one.load.on()
                one.tool = one.load.seen()
            except Inconclusive as error:
                return str(error)
            return ""

        why = _at_once(load, held)
        for one, trouble in zip(held, why, strict=True):
            if trouble:
                self._evidence().not_looked_at(one.where, trouble)
        if held and all(why):
            raise ProbeFailed(why[0])
        return [one for one, trouble in zip(held, why, strict=True) if not trouble]

    def _busy(self, node: str, held: Sequence[_Held]) -> list[str]:
        """Those that are not shown as busy, though the vendor's tool sees that they are."""

        def look(values: dict[str, float]) -> bool:
            for one in held:
                one.busy = max(one.busy or 0.0, values.get(one.name, 0.0))
            return all((one.busy or 0.0) >= BUSY for one in held)

        if held:
            self._shows(node, "busy", look)
        found, ended = [], []
        for one in (one for one in held if (one.busy or 0.0) < BUSY):
            try:
                tool = one.load.lasting()
            except ProbeFailed as error:
                ended.append(str(error))
                self._evidence().not_looked_at(one.where, str(error))
                continue
            found.append(
                f"{one} and loads it: {one.pod.on.profile.tool} shows {tool:.0%}, the "
                f"exporter {one.busy or 0:.0%}"
            )
        if ended and len(ended) == len(held):
            raise ProbeFailed(ended[0])
        return found

    def _shows(
        self, node: str, state: str, reached: Callable[[dict[str, float]], bool]
    ) -> dict[str, float]:
        """What the node's exporter shows, once it is so of all of them or patience has ended."""
        profile = self._exporters.profile
        last: dict[str, float] = {}

        def look() -> dict[str, float]:
            nonlocal last
            last = share(profile, profile.utilization, self._exporters.exposed_now(node))
            return last

        with contextlib.suppress(WaitTimeout):
            self._waiter.poll(
                f"{node}: all that we hold shown {state}",
                look,
                until=reached,
                describe=_listed,
                timeout=self._waiter.deadlines.reading_follows,
                tolerate=(EndpointSilent,),
            )
        return last

    def _off(self, held: Sequence[_Held]) -> None:
        """Switch every pod's load off; that it is seen idle was before."""
        for one in {id(one.pod): one for one in held}.values():
            with contextlib.suppress(Inconclusive):  # what it stood for has been said
                one.load.let_go()

    def _show(self, node: str, held: Sequence[_Held]) -> None:
        profile = self._exporters.profile
        self._evidence().table(
            f"Each accelerator that we held on {node}, idle and busy",
            ("accelerator", "container", "idle, exporter", "busy, vendor's tool", "busy, exporter"),
            [
                (
                    one.identity,
                    f"{one.pod.pod.name}, {one.container}",
                    *map(_told, (one.idle, one.tool, one.busy)),
                )
                for one in held
            ],
            source=f"{profile.path} of the exporter on {node}; {held[0].pod.on.profile.tool} in "
            "each container",
        )


def _at_once(look: Callable[[T], R], those: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(max_workers=8) as threads:
        return list(threads.map(look, those))


def _is_idle(value: float | None) -> bool:
    return value is not None and value <= IDLE


def _told(value: float | None) -> str:
    return "no value of it" if value is None else f"{value:.0%}"


def _listed(values: dict[str, float]) -> str:
    told = [f"{identity} {value:.0%}" for identity, value in sorted(values.items())]
    return ", ".join(one for one in told if PART not in one) or "nothing"
