"""CEL expressions that choose one device."""

import dataclasses

import pytest

from aicr_pytest.accelerators.cel import of_type
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors import nvidia
from aicr_pytest.errors import NoCapacity, ProbeFailed
from aicr_pytest.requirements.dra_support.device_selectors import (
    choosing,
    nobodys_device,
)

GPU = "device.attributes['gpu.nvidia.com'].type == 'gpu'"


def device(name: str, identity: str) -> Device:
    values = {field.name: "" for field in dataclasses.fields(Device)}
    return Device(**{**values, "pool": "node-1", "name": name, "identity": identity})  # type: ignore[arg-type]


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


def test_partitions_and_functions_of_the_driver_are_never_asked_for_nor_looked_into() -> None:
    assert of_type(nvidia.PROFILE) == GPU
    assert nobodys_device(node()).startswith(f"{GPU} && "), "others may have no identity at all"
