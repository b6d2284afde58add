"""What a node says of the units that it counts."""

import json
from typing import Any

import pytest

from aicr_pytest.accelerators.units import Sharing, comparable, counted, read_id
from aicr_pytest.accelerators.vendors.nvidia import SHARING
from tests.unit.accelerators.field_cases import stock, world
from tests.unit.accelerators.objects import node

GKE, HAMI, RENAMED = ("10", "gke.yaml"), ("10", "hami.yaml"), ("11", "node.yaml")
REGISTER = "hami.io/node-nvidia-register"


def units(allocatable: dict[str, str], **labels: str) -> Any:
    offered = node("n", allocatable=allocatable)
    offered["metadata"]["labels"] = labels
    found = counted("nvidia.com/gpu", SHARING, offered)
    return [(one.resource, one.count, one.unit, one.per_device) for one in found]


def test_gkes_labels_tell_shares_and_the_model() -> None:
    (found,) = stock(*GKE)

    assert (found.total, found.units_per_device, found.unit) == (4, 4, "share")
    assert found.model == "nvidia-tesla-t4"
    assert found.told_by == "cloud.google.com/gke-max-shared-clients-per-gpu=4"
    assert str(found) == "n: 4 x nvidia-tesla-t4 (shares), 4 free, by device-plugin"


@pytest.mark.parametrize(
    "register",
    [
        json.dumps([{"id": f"GPU-{n}", "count": 10, "devmem": 32768} for n in range(2)]),
        "GPU-0,10,32768,100,T4,0,true:GPU-1,10,32768,100,T4,0,true:",
    ],
)
def test_what_hamis_plugin_registers_tells_shares(register: str) -> None:
    objects = world(*HAMI)
    (unregistered,) = stock(*HAMI)
    objects["nodes"][0]["metadata"]["annotations"] = {REGISTER: register}
    (found,) = stock(*HAMI, nodes=objects["nodes"])

    assert (found.total // found.units_per_device, found.unit) == (2, "share")
    assert (unregistered.unit, unregistered.told_by) == ("device", "")


@pytest.mark.parametrize("register", ["", "[]", "{}", "7", "x", '[{"id": "GPU-0"}]', "[1]", "a:b"])
def test_a_register_that_tells_nothing_shares_nothing(register: str) -> None:
    objects = world(*HAMI)
    objects["nodes"][0]["metadata"]["annotations"] = {REGISTER: register}
    (found,) = stock(*HAMI, nodes=objects["nodes"])

    assert (found.units_per_device, found.unit) == (1, "device")


def test_a_register_of_whole_devices_tells_that_they_are_whole() -> None:
    objects = world(*HAMI)
    objects["nodes"][0]["metadata"]["annotations"] = {REGISTER: '[{"id": "GPU-0", "count": 1}]'}
    (found,) = stock(*HAMI, nodes=objects["nodes"])

    assert (found.unit, found.told_by) == ("device", "its plugin")


def test_a_renamed_resource_is_asked_for_by_its_name() -> None:
    (found,) = stock(*RENAMED)

    assert (found.total, found.free, found.unit) == (10, 10, "share")
    assert found.extended_resource == "nvidia.com/gpu.shared"


def test_what_pods_hold_of_a_renamed_resource_is_not_free() -> None:
    limits = {"nvidia.com/gpu.shared": "3", "nvidia.com/gpu": "1"}
    holder = {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"nodeName": "n", "containers": [{"resources": {"limits": limits}}]},
    }
    (found,) = stock(*RENAMED, pods=[holder])

    assert (found.free, found.capacity) == (7, 7)


@pytest.mark.parametrize(
    ("allocatable", "labels", "found"),
    [
        ({"nvidia.com/gpu": "8"}, {}, [("nvidia.com/gpu", 8, "device", 1)]),
        (
            {"nvidia.com/gpu": "8"},
            {"nvidia.com/gpu.sharing-strategy": "none", "nvidia.com/gpu.count": "8"},
            [("nvidia.com/gpu", 8, "device", 1)],
        ),
        (
            {"nvidia.com/gpu": "8"},
            {"nvidia.com/gpu.sharing-strategy": "mps", "nvidia.com/gpu.replicas": "4"},
            [("nvidia.com/gpu", 8, "share", 4)],
        ),
        (
            {"nvidia.com/gpu": "8"},
            {"nvidia.com/gpu.product": "Tesla-T4-SHARED"},
            [("nvidia.com/gpu", 8, "share", 1)],
        ),
        (
            {"nvidia.com/gpu": "8"},
            {"nvidia.com/gpu.count": "2"},
            [("nvidia.com/gpu", 8, "share", 4)],
        ),
        (
            {"nvidia.com/gpu": "7"},
            {"nvidia.com/gpu.product": "A100-MIG-1g.10gb", "nvidia.com/mig.strategy": "single"},
            [("nvidia.com/gpu", 7, "partition", 1)],
        ),
        (
            {"nvidia.com/gpu": "7"},
            {"cloud.google.com/gke-gpu-partition-size": "1g.5gb"},
            [("nvidia.com/gpu", 7, "partition", 1)],
        ),
        (
            {"nvidia.com/gpu": "0", "nvidia.com/mig-1g.5gb": "14", "nvidia.com/mig-2g.10gb": "5"},
            {"nvidia.com/gpu.count": "8"},
            [
                ("nvidia.com/mig-1g.5gb", 14, "partition", 1),
                ("nvidia.com/mig-2g.10gb", 5, "partition", 1),
            ],
        ),
        (
            {"nvidia.com/gpu": "3", "nvidia.com/mig-1g.5gb": "14"},
            {},
            [("nvidia.com/gpu", 3, "device", 1), ("nvidia.com/mig-1g.5gb", 14, "partition", 1)],
        ),
        (
            {"nvidia.com/mig-1g.5gb": "28"},
            {"nvidia.com/mig-1g.5gb.replicas": "4"},
            [("nvidia.com/mig-1g.5gb", 28, "share", 4)],
        ),
        (
            {"nvidia.com/mig-1g.5gb.shared": "28"},
            {"nvidia.com/mig-1g.5gb.replicas": "4"},
            [("nvidia.com/mig-1g.5gb.shared", 28, "share", 4)],
        ),
        ({"nvidia.com/hostdev": "8", "nvidia.com/GH100_H100_PCIE": "8"}, {}, []),
    ],
)
def test_what_a_node_counts_is_read_by_its_resources_and_labels(
    allocatable: dict[str, str], labels: dict[str, str], found: Any
) -> None:
    assert units(allocatable, **labels) == found


@pytest.mark.parametrize(
    ("labels", "devices"),
    [
        ({"nvidia.com/gpu.product": "A100-MIG-1g.10gb"}, 1),
        ({"nvidia.com/gpu.product": "Tesla-T4-SHARED"}, 1),
        ({"nvidia.com/gpu.replicas": "4"}, 2),
        ({"nvidia.com/gpu.count": "2"}, 2),
        ({"nvidia.com/gpu.count": "8"}, 8),
        ({}, 8),
    ],
)
def test_devices_are_counted_whatever_is_handed_out_of_them(
    labels: dict[str, str], devices: int
) -> None:
    offered = node("n", allocatable={"nvidia.com/gpu": "8"})
    offered["metadata"]["labels"] = labels
    (found,) = stock(*RENAMED, nodes=[offered])

    assert found.whole_devices == devices


def test_what_is_counted_beside_whole_devices_is_said() -> None:
    offered = node("n", allocatable={"nvidia.com/gpu": "3", "nvidia.com/mig-1g.5gb": "14"})
    (found,) = stock(*RENAMED, nodes=[offered])

    assert (found.total, found.beside) == (3, ("14 nvidia.com/mig-1g.5gb are allocatable, too",))


@pytest.mark.parametrize(
    ("allocatable", "product", "parts"),
    [
        ({"nvidia.com/gpu": "3", "nvidia.com/mig-1g.5gb": "14"}, "", 14),
        ({"nvidia.com/gpu": "0", "nvidia.com/mig-1g.5gb": "14", "nvidia.com/mig-2g.10gb": "5"},
         "", 19),
        ({"nvidia.com/mig-1g.5gb": "2", "nvidia.com/mig-1c.2g.10gb": "6"}, "", 2),
        ({"nvidia.com/gpu": "7"}, "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 7),
        ({"nvidia.com/gpu": "6"}, "NVIDIA-A100-SXM4-80GB-MIG-1c.2g.20gb", 0),
        ({"nvidia.com/gpu": "8"}, "NVIDIA-A100-SXM4-80GB", 0),
        ({"nvidia.com/mig-1g.5gb.shared": "28"}, "", 0),
    ],
)  # fmt: skip
def test_parts_are_counted_that_exporters_tell_apart(
    allocatable: dict[str, str], product: str, parts: int
) -> None:
    offered = node("n", allocatable=allocatable)
    offered["metadata"]["labels"] = {"nvidia.com/gpu.product": product}
    (found,) = stock(*RENAMED, nodes=[offered])

    assert found.parts == parts


def test_a_vendor_that_says_nothing_of_its_ids_has_none_that_can_be_compared() -> None:
    silent = Sharing(resources={})

    assert read_id(silent, "0000:c1:00.0") is None
    assert not comparable(silent, "0000:c1:00.0", "0000:c1:00.0")
    assert comparable(SHARING, "GPU-a", "GPU-b::2")
    assert not comparable(SHARING, "GPU-a", "MIG-b")
    assert not comparable(SHARING, "nvidia0", "nvidia0")
