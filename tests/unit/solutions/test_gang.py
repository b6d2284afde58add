"""Gangs: how many members and how much room, and how products tie pods together."""

from typing import Any

import pytest

from aicr_pytest.errors import NoCapacity
from aicr_pytest.solutions.areas import solutions_of
from aicr_pytest.solutions.gang.gang import Group, condition_words
from aicr_pytest.solutions.gang.trial import Sizes

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"mine": "1"}},
    "spec": {"containers": []},
}


@pytest.mark.parametrize("free", range(1, 17))
def test_gang_finds_room_for_all_but_one_of_its_members(free: int) -> None:
    sizes = Sizes.out_of(free)
    needed = 1 if sizes.single else sizes.size

    assert sizes.room == needed - 1
    assert needed <= free, "it can run once the room is there"
    assert sizes.size >= 2, "one pod is no gang"


@pytest.mark.parametrize("free", range(1, 17))
def test_each_of_two_rivals_needs_more_than_half_of_the_room(free: int) -> None:
    sizes = Sizes.out_of(free)
    needed = 1 if sizes.single else 2

    assert needed <= sizes.rivals_room < 2 * needed
    assert sizes.rivals_room <= free


def test_without_a_free_accelerator_there_is_no_experiment() -> None:
    with pytest.raises(NoCapacity):
        Sizes.out_of(0)


def gang_schedulers() -> list[Any]:
    return list(solutions_of("gang"))


@pytest.mark.parametrize("scheduler", gang_schedulers(), ids=lambda s: s.name)
def test_member_names_its_group_and_keeps_what_it_has(scheduler: Any) -> None:
    group = Group(name="gang-of-three", size=3)

    member = scheduler.member(POD, group)

    assert "gang-of-three" in str(member)
    assert member["metadata"]["labels"]["mine"] == "1"
    assert POD["spec"] == {"containers": []}, "the pod that was given stays as it is"


@pytest.mark.parametrize("scheduler", gang_schedulers(), ids=lambda s: s.name)
def test_group_needs_all_of_its_members(scheduler: Any) -> None:
    group = Group(name="gang-of-three", size=3)
    told = f"{scheduler.group(group)} {scheduler.member(POD, group)}"

    assert any(f": {size}" in told for size in ("3", "'3'"))


def test_conditions_that_hold_say_nothing() -> None:
    conditions = [
        {"type": "Scheduled", "status": "False", "reason": "Unschedulable", "message": "2 of 3"},
        {"type": "Accepted", "status": "True", "reason": "Fine"},
    ]

    assert condition_words({"status": {"conditions": conditions}}) == (
        "Scheduled=False Unschedulable: 2 of 3"
    )
