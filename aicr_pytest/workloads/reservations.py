"""Windows of capacity: accelerators that no other check of ours holds at the same time."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster.leases import Leases, Share, Window
from aicr_pytest.errors import NoCapacity

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode


class Exclusive:
    """Takes windows (fixture ``aicr_exclusive``).

    A window ends with its ``with`` block; one that is not used so ends with the module, once the
    workspace's pods and claims are gone.
    """

    def __init__(self, leases: Leases, usable: Callable[[], "Sequence[AcceleratorNode]"]) -> None:
        self._leases = leases
        self._usable = usable
        self._taken: list[Window] = []
        self._troubles: list[Exception] = []

    def __call__(
        self,
        accelerators: int,
        *,
        each: "Sequence[AcceleratorNode]" = (),
        any_of: "Sequence[AcceleratorNode]" = (),
    ) -> Window:
        """Wait until so many accelerators are ours.

        Args:
            accelerators: how many on a node; a node that has fewer gives all it has where it is
                one of ``each``.
            each: on each of these nodes at once.
            any_of: on one of these nodes, the first that fits; every usable node where neither is
                given.

        Raises:
            NoCapacity: no node has so many, or other checks hold them for too long.
        """
        if each:
            alternatives = [_shares(each, lambda node: min(accelerators, node.total))]
        else:
            alternatives = [[_share(node, accelerators)] for node in any_of or self._usable()]
        return self._take(alternatives)

    def whole(
        self, alternatives: "Sequence[Sequence[AcceleratorNode]]"
    ) -> "Sequence[AcceleratorNode]":
        """Wait until all accelerators of one alternative's nodes are ours.

        Of shares a few are taken, which is enough.

        Returns:
            The nodes, as they were when they were chosen.

        Raises:
            NoCapacity: other checks hold them for too long.
        """
        window = self._take([_shares(nodes, _all_of) for nodes in alternatives])
        return _taken(alternatives, window)

    def shrink(self, accelerators: int) -> None:
        """Keep so many accelerators of each node, and give the others back.

        Raises:
            LeftBehind: a Lease stays; it expires by itself.
        """
        for window in self._taken:
            window.shrink(accelerators)

    def with_room(
        self,
        alternatives: "Sequence[Sequence[AcceleratorNode]]",
        *,
        share: "Callable[[AcceleratorNode], int]",
        needs: int,
        look: "Callable[[Sequence[AcceleratorNode]], list[AcceleratorNode]]",
    ) -> "list[AcceleratorNode]":
        """Wait until the nodes of one alternative are ours, and look whether they have room.

        What our own checks hold comes back before a window is granted; what others hold does not,
        so that the next alternative is tried where they are in the way.

        Args:
            share: how many accelerators of a node are leased.
            needs: how many have to be free on each node.
            look: the nodes as they are now.

        Returns:
            The nodes as they are now.

        Raises:
            NoCapacity: there is room nowhere, or other checks hold the nodes for too long.
        """
        left, seen = [list(nodes) for nodes in alternatives], "no node has so many"
        while left:
            window = self._take([[_share(node, share(node)) for node in nodes] for nodes in left])
            nodes = _taken(left, window)
            now = look(nodes)
            if len(now) == len(nodes) and all(node.free >= needs for node in now):
                return now
            seen = "; ".join(map(str, now)) or "gone"
            window.release()
            left.remove(list(nodes))
        raise NoCapacity(
            f"It takes {needs} free accelerator{'s' * (needs > 1)}, and others hold them: {seen}.",
            hint="Free some, or choose other nodes with --aicr-nodes.",
        )

    def _take(self, alternatives: Sequence[Sequence[Share]]) -> Window:
        window = self._leases.take(alternatives)
        self._taken.append(window)
        return window

    def give_back(self) -> None:
        """End every window; what goes wrong is kept for :meth:`close`."""
        for window in self._taken:
            try:
                window.release()
            except Exception as error:  # noqa: BLE001  raised by close(), with the others
                self._troubles.append(error)

    def close(self) -> None:
        """End every window.

        Raises:
            ExceptionGroup: some could not be given back, or had been lost.
        """
        self.give_back()
        if self._troubles:
            raise ExceptionGroup("Leases", self._troubles)


def _taken(
    alternatives: "Sequence[Sequence[AcceleratorNode]]", window: Window
) -> "Sequence[AcceleratorNode]":
    """The alternative whose nodes a window is about."""
    held = set(window.nodes)
    return next(nodes for nodes in alternatives if {node.name for node in nodes} == held)


_FEW = 4
"""Shares of devices that a module of checks holds at most: there may be a hundred of them."""


def _all_of(node: "AcceleratorNode") -> int:
    return min(_FEW, node.total) if node.unit == "share" else node.total


def _shares(
    nodes: "Sequence[AcceleratorNode]", wanted: "Callable[[AcceleratorNode], int]"
) -> list[Share]:
    """So many accelerators of each, once per node: both mechanisms may offer the same ones."""
    merged: dict[str, Share] = {}
    for node in nodes:
        one, there = _share(node, wanted(node)), merged.get(node.name)
        total = max(one.total, there.total if there else 0)
        together = min(total, one.wanted + (there.wanted if there else 0))
        merged[node.name] = Share(node=node.name, total=total, wanted=together)
    return list(merged.values())


def _share(node: "AcceleratorNode", wanted: int) -> Share:
    return Share(node=node.name, total=node.total, wanted=wanted)
