"""Every free device at once, one per container: single ones that are wrong are seen."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators import each_device
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.errors import NoCapacity, PolicyRefused, ProbeFailed
from aicr_pytest.workloads.pods_per_node import PodsPerNode
from tests.unit.accelerators.objects import claim
from tests.unit.accelerators.test_pods import A, B, StandIn, sees, stock
from tests.unit.requirements.kept import Kept


class Each(StandIn):
    """A pod of containers named by numbers."""

    container = "device-0"


def by_claims(*seen: str, on: Any = None, notes: Any = None) -> Any:
    """A pod of so many containers, each given the device of its number."""
    numbers = range(len(seen))
    pod = AcceleratorPod(
        Each(  # type: ignore[arg-type]  # a stand-in
            seen={f"device-{n}": seen[n] for n in numbers},
            spec={
                "resourceClaims": [{"name": f"c{n}", "resourceClaimName": f"{n}"} for n in numbers],
                "containers": [
                    {"name": f"device-{n}", "resources": {"claims": [{"name": f"c{n}"}]}}
                    for n in numbers
                ],
            },
            status={},
        ),
        on or stock(len(seen)),
        claims=lambda name: claim(name, ("n0", f"gpu-{name}")),
        evidence=lambda: notes or Kept(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )
    return PodsPerNode("each", [pod])


def by_counts(*seen: str, told_by: str = "its labels") -> Any:
    """A pod of so many containers, each of which asks a device plugin for one."""
    pod = AcceleratorPod(
        Each(  # type: ignore[arg-type]  # a stand-in
            seen={f"device-{n}": one for n, one in enumerate(seen)},
            spec={
                "containers": [
                    {"name": f"device-{n}", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
                    for n in range(len(seen))
                ]
            },
            status={},
        ),
        dataclasses.replace(stock(len(seen), "device-plugin"), told_by=told_by),
        claims=lambda _: {},
        evidence=lambda: Kept(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )
    return PodsPerNode("each", [pod])


FIRST, SECOND = sees(0, listed=(A,)), sees(1, listed=(B,))


def test_devices_that_are_what_was_published_are_shown_with_their_containers() -> None:
    notes = Kept()

    assert by_claims(FIRST, SECOND, notes=notes).devices_not_held_one_by_one() == []
    table = notes.tables["Every free device of n0, and the container that holds it"]
    assert [row[0] for row in list(table.rows)] == [
        "container device-0 of pod p",
        "container device-1 of pod p",
    ]
    assert table.picture == "chain"
    assert notes.left_out == []


def test_two_devices_whose_identities_are_swapped_are_seen_though_their_set_is_right() -> None:
    told = by_claims(SECOND, FIRST).devices_not_held_one_by_one()

    assert [one.partition(", container ")[2] for one in told] == [
        f"device-0 was given 1 ({A}), but /usr/bin/nvidia-smi lists: {B}",
        f"device-1 was given 1 ({B}), but /usr/bin/nvidia-smi lists: {A}",
    ]


@pytest.mark.parametrize("make", [by_claims, by_counts])
def test_a_device_that_two_containers_hold_is_seen_whoever_handed_it_out(make: Any) -> None:
    told = make(FIRST, FIRST).devices_not_held_one_by_one()

    both = "container device-0 of pod p and container device-1 of pod p both see"
    assert told[-1] == f"n0: {both} {A}"


def test_without_the_vendors_tool_numbers_tell_that_it_is_one_device() -> None:
    (told,) = by_counts(sees(0), sees(0)).devices_not_held_one_by_one()
    assert told.endswith("both see device 240:0")
    with pytest.raises(ProbeFailed, match="which devices they are cannot be read"):
        by_counts(sees(0), sees(1)).devices_not_held_one_by_one()
    silent = sees(0, listed=(), tool_exit=0)
    (*_, told) = by_counts(silent, silent).devices_not_held_one_by_one()
    assert "but /usr/bin/nvidia-smi lists 0" in told


def test_a_container_that_tells_nothing_hides_no_wrong_one_beside_it() -> None:
    for blind in ("cut short\n", sees(2)):
        with pytest.raises(ProbeFailed):
            by_claims(FIRST, SECOND, blind).devices_not_held_one_by_one()
        told = by_claims(SECOND, FIRST, blind).devices_not_held_one_by_one()
        assert len(told) == 2


def test_units_of_which_nothing_tells_whether_they_are_shared_accuse_nobody() -> None:
    with pytest.raises(ProbeFailed, match="shares devices on purpose"):
        by_counts(FIRST, FIRST, told_by="").devices_not_held_one_by_one()


def test_units_of_a_device_plugin_are_each_in_one_container() -> None:
    assert by_counts(FIRST, SECOND).devices_not_held_one_by_one() == []


def test_what_others_hold_is_told() -> None:
    notes, node = Kept(), stock(4)
    node = dataclasses.replace(
        node,
        unallocated=(*node.unallocated[:2], dataclasses.replace(node.devices[3], in_doubt="t=")),
        free=3,
    )

    assert each_device.free_devices(node) == 2
    assert by_claims(FIRST, SECOND, on=node, notes=notes).devices_not_held_one_by_one() == []
    assert notes.left_out == [
        ("2 of 4 accelerators of n0", "others hold gpu-2; gpu-3 may be tainted t=")
    ]


def test_of_shares_one_is_enough_and_counts_are_what_is_free() -> None:
    plugin = stock(4, "device-plugin")

    assert each_device.free_devices(plugin) == 4
    assert each_device.free_devices(dataclasses.replace(plugin, unit="share")) == 1
    assert each_device.free_devices(dataclasses.replace(plugin, unit="share", free=0)) == 0


@pytest.mark.parametrize(
    ("count", "pods"), [(1, [1]), (8, [8]), (16, [16]), (17, [16, 1]), (56, [16, 16, 16, 8])]
)
def test_many_parts_are_held_by_several_pods(count: int, pods: list[int]) -> None:
    assert each_device.per_pod(count) == pods


def test_the_copies_of_a_container_have_nothing_in_common() -> None:
    pod = {"spec": {"containers": [{"name": "device", "resources": {"limits": {"gpu": "1"}}}]}}
    made = each_device.with_container_per_device(pod, 2)["spec"]["containers"]
    sent: Any = pod["spec"]["containers"]

    made[0]["resources"]["limits"]["gpu"] = "0"
    assert [one["name"] for one in made] == ["device-0", "device-1"]
    assert made[1]["resources"]["limits"] == {"gpu": "1"}
    assert sent[0]["resources"]["limits"] == {"gpu": "1"}


class Waiting:
    """A pod that does not start, for a reason."""

    def __init__(self, why: Exception) -> None:
        self._why = why

    @property
    def running(self) -> bool:
        raise self._why


def test_what_a_policy_or_the_node_keeps_from_running_is_left_out() -> None:
    notes = Kept()
    (pod,) = by_claims(FIRST, SECOND, notes=notes).pods
    refused: Any = [Waiting(PolicyRefused("exceeded quota")), Waiting(NoCapacity("no socket"))]

    assert each_device.started([pod, *refused]) == [pod]
    assert notes.left_out == [("n0", "exceeded quota"), ("n0", "no socket")]
    with pytest.raises(PolicyRefused):
        each_device.started(refused)
    silent: Any = Waiting(ProbeFailed("it does not start"))
    with pytest.raises(ProbeFailed, match="does not start"):
        each_device.started([pod, silent])
