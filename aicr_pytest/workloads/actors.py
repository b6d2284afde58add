"""The actors of one test module: all at once where there is room, in turns where there is not."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from aicr_pytest.workloads.pods_per_node import PodsPerNode


class Actors:
    """Actors by name, deployed when first needed.

    With room for all, everything starts at once and nothing is waited for: pods come up while the
    first check runs. Where few accelerators are free, only those that a check names hold one.

    Args:
        deploy: how each is made.
        room_for_all: whether all of them can hold their accelerators at the same time.
        alone: those that want all accelerators, and come and go without the others.
        late: those that take whatever is free, and come once all of it is: while one that was alone
            gives back its accelerators they would take the very one that another waits for.
    """

    def __init__(
        self,
        deploy: Mapping[str, Callable[[], PodsPerNode]],
        *,
        room_for_all: bool,
        alone: Collection[str] = (),
        late: Collection[str] = (),
    ) -> None:
        self._deploy = deploy
        self._room_for_all = room_for_all
        self._alone = alone
        self._late = late
        self._on_stage: dict[str, PodsPerNode] = {}
        self._release_times: dict[str, list[float]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is such an actor."""
        return name in self._deploy

    def __getitem__(self, name: str) -> PodsPerNode:
        """One actor, alone if it must be."""
        return self.together(name)[0]

    def together(self, *names: str) -> tuple[PodsPerNode, ...]:
        """Several actors at the same time; where there is no room, the others leave first."""
        wanted = set(names)
        if self._room_for_all and wanted.isdisjoint(self._alone):
            wanted |= self._company
        for other in [name for name in self._on_stage if name not in wanted]:
            self.leave(other) if other in self._alone else self._on_stage.pop(other).release()
        self._come(wanted)
        return tuple(self._on_stage[name] for name in names)

    def leave(self, name: str) -> None:
        """It goes with its devices; where there is room for all others, these come.

        Raises:
            WaitTimeout: its devices are not released in time.
        """
        company = self._company if self._room_for_all else set()
        with ThreadPoolExecutor(max_workers=1) as threads:
            gone = threads.submit(self._on_stage.pop(name).release)
            self._come(company.difference(self._late))
            gone.result()
        self._come(company)

    @property
    def _company(self) -> set[str]:
        return set(self._deploy).difference(self._alone)

    def _come(self, names: Collection[str]) -> None:
        for name in [name for name in self._deploy if name in names]:
            if name not in self._on_stage:
                self._on_stage[name] = self._deploy[name]()

    def again(self, name: str) -> PodsPerNode:
        """The actor, gone with its devices released, and deployed once more."""
        self._release_times.setdefault(name, []).extend(self[name].release())
        self._on_stage[name] = self._deploy[name]()
        return self._on_stage[name]

    def release_times(self, name: str) -> list[float]:
        """Seconds that each release of an actor took, the earliest first."""
        return [round(seconds, 2) for seconds in self._release_times.get(name, ())]
