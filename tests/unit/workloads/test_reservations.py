"""Windows of capacity: our own checks give back what they hold, others do not."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors import nvidia
from aicr_pytest.cluster.leases import Share
from aicr_pytest.errors import NoCapacity
from aicr_pytest.workloads.reservations import Exclusive


def node(name: str, free: int) -> AcceleratorNode:
    return AcceleratorNode(
        name=name,
        profile=nvidia.PROFILE,
        mechanism="device-plugin",
        device_class="",
        pool_label="",
        model="",
        ready=True,
        schedulable=True,
        taints=(),
        devices=(),
        unallocated=(),
        total=8,
        free=free,
        capacity=8,
    )


class FakeWindow:
    def __init__(self, leases: "FakeLeases", nodes: Sequence[str]) -> None:
        self._leases = leases
        self.nodes = tuple(nodes)

    def shrink(self, accelerators: int) -> None:
        self._leases.shrunk = accelerators

    def release(self) -> None:
        self._leases.released.append(self.nodes)


class FakeLeases:
    def __init__(self) -> None:
        self.released: list[tuple[str, ...]] = []
        self.shrunk = 0

    def take(self, alternatives: Sequence[Sequence[Share]]) -> FakeWindow:
        return FakeWindow(self, [share.node for share in alternatives[0]])


def test_a_node_that_offers_by_both_mechanisms_is_leased_once_for_both() -> None:
    class Kept(FakeLeases):
        taken: Sequence[Share] = ()

        def take(self, alternatives: Sequence[Sequence[Share]]) -> FakeWindow:
            (self.taken,) = alternatives
            return super().take(alternatives)

    leases: Any = Kept()
    claims = dataclasses.replace(node("a", 8), mechanism="dra", total=3)
    for wanted, together in ((2, 4), (4, 7), (6, 8)):
        Exclusive(leases, list)(wanted, each=[claims, node("a", 8), node("b", 8)])
        assert leases.taken == [
            Share(node="a", total=8, wanted=together),
            Share(node="b", total=8, wanted=wanted),
        ]


def test_whichever_of_the_alternatives_is_free_is_taken_whole() -> None:
    class Second(FakeLeases):
        def take(self, alternatives: Sequence[Sequence[Share]]) -> FakeWindow:
            assert [[share.wanted for share in one] for one in alternatives] == [[8], [8]]
            return super().take(alternatives[1:])

    leases: Any = Second()
    exclusive = Exclusive(leases, list)
    (taken,) = exclusive.whole([[node("a", 8)], [node("b", 8)]])
    exclusive.shrink(4)

    assert (taken.name, leases.shrunk) == ("b", 4)


def test_a_node_is_leased_whole_and_of_shares_a_few() -> None:
    class Kept(FakeLeases):
        taken: Sequence[Share] = ()

        def take(self, alternatives: Sequence[Sequence[Share]]) -> FakeWindow:
            (self.taken,) = alternatives
            return super().take(alternatives)

    leases: Any = Kept()
    shared = dataclasses.replace(node("b", 80), unit="share", total=80)
    Exclusive(leases, list).whole([[node("a", 1), shared]])

    assert leases.taken == [
        Share(node="a", total=8, wanted=8),
        Share(node="b", total=80, wanted=4),
    ]


def with_room(leases: Any, now: dict[str, int]) -> list[AcceleratorNode]:
    first_seen = [node("a", 0), node("b", 0)]  # a check of ours held everything then
    return Exclusive(leases, list).with_room(
        [[one] for one in first_seen],
        share=lambda one: one.total,
        needs=2,
        look=lambda nodes: [dataclasses.replace(one, free=now[one.name]) for one in nodes],
    )


def test_node_is_judged_once_it_is_ours() -> None:
    leases = FakeLeases()

    (found,) = with_room(leases, {"a": 8, "b": 8})

    assert (found.name, found.free) == ("a", 8)
    assert leases.released == []


def test_node_that_others_have_filled_is_given_back_and_the_next_is_tried() -> None:
    leases = FakeLeases()

    (found,) = with_room(leases, {"a": 1, "b": 2})

    assert found.name == "b"
    assert leases.released == [("a",)]


def test_room_nowhere_is_told_with_what_was_seen() -> None:
    leases = FakeLeases()

    with pytest.raises(NoCapacity, match="2 free accelerators, and others hold them: b: 8 x"):
        with_room(leases, {"a": 1, "b": 0})
    assert leases.released == [("a",), ("b",)]


def test_what_could_not_be_given_back_early_is_raised_at_the_end_and_once() -> None:
    leases = FakeLeases()
    exclusive = Exclusive(leases, lambda: [node("a", 8)])  # type: ignore[arg-type]
    window = exclusive(8)
    trouble = NoCapacity("lost meanwhile")

    def lost() -> None:
        vars(window)["release"] = lambda: None
        raise trouble

    vars(window)["release"] = lost
    exclusive.give_back()

    with pytest.raises(ExceptionGroup) as raised:
        exclusive.close()
    assert raised.value.exceptions == (trouble,)
