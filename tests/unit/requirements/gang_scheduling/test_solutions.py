"""Gangs: how many members and how much room, and how products tie pods together."""

from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors import nvidia
from aicr_pytest.errors import Inconclusive, NoCapacity
from aicr_pytest.requirements.gang_scheduling.sizes import Sizes
from aicr_pytest.requirements.gang_scheduling.solutions.kai import Kai
from aicr_pytest.requirements.gang_scheduling.solutions.kueue import Kueue, _room_of
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import Group, condition_message
from aicr_pytest.requirements.registry import solutions_of
from tests.unit.requirements.served_cluster import ServedCluster

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
    with pytest.raises(NoCapacity, match="none is free"):
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

    assert condition_message({"status": {"conditions": conditions}}) == (
        "Scheduled=False Unschedulable: 2 of 3"
    )


def node(free: int) -> AcceleratorNode:
    return AcceleratorNode(
        name="n",
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
    )


def queue(quota: int, *, used: int = 0, **spec: Any) -> dict[str, Any]:
    name = nvidia.PROFILE.extended_resource
    item = {"name": name, "nominalQuota": str(quota), **spec.pop("item", {})}
    reserved = [{"name": "gpus", "resources": [{"name": name, "total": str(used)}]}]
    flavor = {"name": "gpus", "resources": [item]}
    return {
        "metadata": {"name": "team"},
        "spec": {"resourceGroups": [{"flavors": [flavor]}], **spec},
        "status": {"flavorsReservation": reserved},
    }


def test_room_in_the_users_queue_is_what_nobody_has_reserved() -> None:
    assert _room_of(queue(8, used=3), node(8)) == 5
    assert _room_of(queue(8, used=9), node(8)) == 0
    assert _room_of(queue(2, cohortName="c", item={"borrowingLimit": "0"}), node(8)) == 2


@pytest.mark.parametrize(
    ("unsuitable", "why"),
    [
        (queue(9), "lets 9 more nvidia.com/gpu through, and n has 8 free"),
        (queue(4, cohortName="c"), "may borrow nvidia.com/gpu from its cohort c"),
        (queue(4, resourceGroups=[]), "has 0 quotas of nvidia.com/gpu"),
    ],
)
def test_queue_in_which_scarcity_cannot_be_made_is_refused(unsuitable: Any, why: str) -> None:
    with pytest.raises(Inconclusive, match=f"{why}.*\n.*Leave --aicr-queue out"):
        _room_of(unsuitable, node(8))


def test_pod_that_kueue_does_not_manage_is_told() -> None:
    managed = {"metadata": {"name": "p", "labels": {"kueue.x-k8s.io/managed": "true"}}}

    assert Kueue().unmanaged_reason(managed) == ""
    assert "list pod among" in Kueue().unmanaged_reason(POD)


@pytest.mark.parametrize(
    ("queues", "named", "told"),
    [
        (["team-a", "team-b"], None, r"no queue default-queue; it has team-a, team-b"),
        (["default-queue"], "mine", r"no queue mine; it has default-queue"),
        ([], None, r"no queue default-queue; it has none"),
    ],
)
def test_queue_that_kai_does_not_have_accuses_nobody(
    queues: list[str], named: str | None, told: str
) -> None:
    cluster: Any = ServedCluster(Queue=[{"metadata": {"name": name}} for name in queues])

    with pytest.raises(Inconclusive, match=told) as refusal:
        Kai().room(cluster, node(4), named)
    assert "--aicr-queue" in refusal.value.hint


def test_queue_that_kai_has_lets_through_what_is_free() -> None:
    cluster: Any = ServedCluster(Queue=[{"metadata": {"name": "default-queue"}}])

    assert Kai().room(cluster, node(4), None) == 4
