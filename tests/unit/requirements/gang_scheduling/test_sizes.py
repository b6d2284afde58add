"""The node on which gangs are tried: whose accelerators no other check of ours holds."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import NoCapacity
from aicr_pytest.requirements.gang_scheduling.sizes import reserve_node

from .small_cluster import node

Nodes = Sequence[AcceleratorNode]


def offering(name: str, capacity: int = 4, **other: Any) -> AcceleratorNode:
    return replace(node(8, capacity), name=name, capacity=capacity, **other)


class Platform:
    """Nodes, which of them are meant, and what of them is free by the time that we hold them."""

    def __init__(self, stock: Nodes, meant: Nodes, free: dict[str, int]) -> None:
        self.free = free
        self.leased: list[tuple[str, int]] = []
        self.reservations = SimpleNamespace(with_room=self._with_room)
        self.accelerators = SimpleNamespace(
            stock=stock, sample_nodes=lambda: meant or stock[:1], named=bool(meant), now=self._now
        )

    def _now(self, nodes: Nodes) -> list[AcceleratorNode]:
        return [replace(one, free=self.free.get(one.name, one.capacity)) for one in nodes]

    def _with_room(
        self,
        alternatives: Sequence[Nodes],
        *,
        share: Callable[[AcceleratorNode], int],
        needs: int,
        look: Callable[[Nodes], list[AcceleratorNode]],
    ) -> list[AcceleratorNode]:
        for nodes in alternatives:
            self.leased += [(one.name, share(one)) for one in nodes]
            now = look(nodes)
            if all(one.free >= needs for one in now):
                return now
        raise NoCapacity("nowhere")


def reserved(
    *stock: AcceleratorNode, meant: Nodes = (), free: dict[str, int] | None = None
) -> tuple[AcceleratorNode, list[tuple[str, int]]]:
    platform: Any = Platform(stock, meant, free or {})
    return reserve_node(platform), platform.leased


ALIKE = (
    offering("whole"),
    offering("shared", 8, units_per_device=2, unit="share"),
    offering("small", 3),
)


@pytest.mark.parametrize("stock", list(itertools.permutations(ALIKE)))
def test_node_with_most_room_is_taken_of_those_that_give_whole_devices(stock: Nodes) -> None:
    assert reserved(*stock)[0].name == "whole"


def test_of_equals_one_is_taken_that_no_other_check_looks_at() -> None:
    looked_at, other = offering("looked-at", 8), offering("other", 8)

    assert reserved(looked_at, other)[0].name == "other"
    assert reserved(looked_at, offering("other", 7))[0].name == "looked-at"
    assert reserved(looked_at, other, meant=[looked_at])[0].name == "looked-at"


def test_nodes_that_the_user_means_come_before_better_ones() -> None:
    meant = offering("meant", 1, units_per_device=4, unit="share")

    node, leased = reserved(offering("better", 8), meant, meant=[meant])

    assert (node.name, leased) == ("meant", [("meant", 8)])


@pytest.mark.parametrize("unfit", [{"ready": False}, {"schedulable": False}, {"capacity": 0}])
def test_node_that_can_run_nothing_is_not_waited_for(unfit: dict[str, Any]) -> None:
    with pytest.raises(NoCapacity, match="nowhere"):
        reserved(replace(offering("unfit"), **unfit))


def test_all_of_a_node_is_leased_and_one_free_accelerator_is_enough() -> None:
    node, leased = reserved(offering("full", 5), offering("one"), free={"full": 0, "one": 1})

    assert (node.name, node.free) == ("one", 1)
    assert leased == [("full", 8), ("one", 8)]
