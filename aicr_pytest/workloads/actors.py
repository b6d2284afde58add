"""The actors of one test module: all at once where there is room, in turns where there is not."""

from collections.abc import Callable, Mapping

from aicr_pytest.workloads.pods_per_node import PodsPerNode


class Actors:
    """Actors by name, deployed when first needed.

    With room for all, everything starts at once and nothing is waited for: pods come up while the
    first check runs. Where few accelerators are free, only those that a check names hold one.
    """

    def __init__(
        self, deploy: Mapping[str, Callable[[], PodsPerNode]], *, room_for_all: bool
    ) -> None:
        self._deploy = deploy
        self._room_for_all = room_for_all
        self._on_stage: dict[str, PodsPerNode] = {}
        self._release_times: dict[str, list[float]] = {}
        if room_for_all:
            self._on_stage.update({name: start() for name, start in deploy.items()})

    def __contains__(self, name: str) -> bool:
        """Whether there is such an actor."""
        return name in self._deploy

    def __getitem__(self, name: str) -> PodsPerNode:
        """One actor, alone if it must be."""
        return self.together(name)[0]

    def together(self, *names: str) -> tuple[PodsPerNode, ...]:
        """Several actors at the same time; where there is no room, the others leave first."""
        if not self._room_for_all:
            for other in [name for name in self._on_stage if name not in names]:
                self._on_stage.pop(other).release()
        for name in names:
            if name not in self._on_stage:
                self._on_stage[name] = self._deploy[name]()
        return tuple(self._on_stage[name] for name in names)

    def again(self, name: str) -> PodsPerNode:
        """The actor, gone with its devices released, and deployed once more."""
        self._release_times.setdefault(name, []).extend(self[name].release())
        self._on_stage[name] = self._deploy[name]()
        return self._on_stage[name]

    def release_times(self, name: str) -> list[float]:
        """Seconds that each release of an actor took, the earliest first."""
        return [round(seconds, 2) for seconds in self._release_times.get(name, ())]
