"""CEL expressions that choose one device."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators.cel import of_type
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors import nvidia
from aicr_pytest.errors import NoCapacity, ProbeFailed
from aicr_pytest.requirements.dra_support.device_selectors import (
    choosing,
    chosen_device,
    nobodys_device,
)

GPU = "device.attributes['gpu.nvidia.com'].type == 'gpu'"


def device(name: str, identity: str) -> Device:
    return Device(
        driver="gpu.nvidia.com",
        pool="node-1",
        name=name,
        slice_name="",
        identity=identity,
        model="",
        attributes=(),
    )


def node(*unallocated: Device) -> AcceleratorNode:
    return AcceleratorNode(
        name="node-1",
        profile=nvidia.PROFILE,
        mechanism="dra",
        device_class="gpu.nvidia.com",
        pool_label="",
        model="H100",
        ready=True,
        schedulable=True,
        taints=(),
        devices=unallocated,
        unallocated=unallocated,
        total=8,
        free=len(unallocated),
    )


def test_the_last_free_device_is_chosen_by_its_identity() -> None:
    chosen = choosing(node(device("gpu-0", "GPU-a"), device("gpu-1", "GPU-b")))

    assert chosen == f"{GPU} && device.attributes['gpu.nvidia.com'].uuid == 'GPU-b'"


def test_nothing_free_is_no_capacity() -> None:
    with pytest.raises(NoCapacity, match="held by others"):
        choosing(node())


@pytest.mark.parametrize("identity", ["", "x' || true", "a b"])
def test_identity_that_cannot_stand_in_an_expression_is_refused(identity: str) -> None:
    with pytest.raises(ProbeFailed, match="no usable identity"):
        choosing(node(device("gpu-0", identity)))


def test_nobodys_device_has_an_identity_that_no_driver_gives() -> None:
    assert nobodys_device(node()).endswith("== 'no-such-device'")


MEMORY = "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('{}')) {} 0"


def with_memory(*quantities: str) -> AcceleratorNode:
    devices = [device(f"gpu-{n}", f"GPU-{n}") for n in range(len(quantities))]
    told = [
        dataclasses.replace(one, capacity=(("memory", quantity),) if quantity else ())
        for one, quantity in zip(devices, quantities, strict=True)
    ]
    return node(*told)


def test_a_device_is_chosen_by_its_capacity_too() -> None:
    chosen = choosing(with_memory("40Gi", "80Gi"))

    assert chosen.startswith(f"{GPU} && ")
    assert chosen.endswith(f"uuid == 'GPU-1' && {MEMORY.format('80Gi', '>=')}")


def test_nobodys_device_would_be_one_by_its_identity_or_by_its_capacity_alone() -> None:
    nobodys = nobodys_device(with_memory("100Gi", "90000Mi"))

    identity = "device.attributes['gpu.nvidia.com'].uuid == 'no-such-device'"
    assert nobodys == f"{GPU} && ({identity} || {MEMORY.format('100Gi', '>')})"


@pytest.mark.parametrize("quantities", [("40Gi", ""), ("many", "many"), ("", "")])
def test_a_capacity_that_not_every_device_tells_is_asked_of_none(quantities: Any) -> None:
    for expression in (choosing, nobodys_device):
        assert "capacity" not in expression(with_memory(*quantities))


def test_a_capacity_whose_name_cannot_stand_in_an_expression_is_not_asked_for() -> None:
    odd = dataclasses.replace(device("gpu-0", "GPU-0"), capacity=(("example.com/memory", "1"),))

    assert "capacity" not in choosing(node(odd))


def test_a_device_that_waits_for_conditions_is_chosen_last() -> None:
    waiting = dataclasses.replace(device("gpu-1", "GPU-1"), waits_for=("example.com/attached",))

    assert chosen_device(node(device("gpu-0", "GPU-0"), waiting)).name == "gpu-0"
    assert chosen_device(node(waiting)).doubt == "waits for example.com/attached"


def test_partitions_and_functions_of_the_driver_are_never_asked_for_nor_looked_into() -> None:
    assert of_type(nvidia.PROFILE) == GPU
    assert nobodys_device(node()).startswith(f"{GPU} && "), "others may have no identity at all"


def test_device_that_a_taint_may_keep_is_taken_only_where_there_is_no_other() -> None:
    sure, doubtful = device("gpu-0", "GPU-a"), device("gpu-1", "GPU-b")
    doubtful = dataclasses.replace(doubtful, in_doubt="a taint of a rule")

    assert chosen_device(node(sure, doubtful)).name == "gpu-0"
    assert chosen_device(node(doubtful)).name == "gpu-1"
    assert choosing(node(sure, doubtful)).endswith("uuid == 'GPU-a'")


def test_what_cannot_be_chosen_is_told_with_its_node_and_device() -> None:
    with pytest.raises(NoCapacity, match=r"^All 8 accelerators of node-1 are held by others\.$"):
        chosen_device(node())
    with pytest.raises(ProbeFailed) as told:
        choosing(node(device("gpu-0", "x " * 50)))
    assert str(told.value) == (
        f"Device node-1/gpu-0 has no usable identity ({'x ' * 40!r}), so that no expression can"
        " choose it."
    )


def test_nobodys_device_is_looked_for_by_the_same_attribute() -> None:
    assert nobodys_device(node()) == (
        f"{GPU} && device.attributes['gpu.nvidia.com'].uuid == 'no-such-device'"
    )
