"""What a driver should publish, and what is offered by two mechanisms."""

from typing import Any

import pytest

from aicr_pytest.accelerators.publications import driver_signs, pool_faults
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from tests.unit.accelerators.field_cases import stock, world
from tests.unit.accelerators.objects import device, device_class, node, resource_slice

BOTH = "01"
PRESENT = {"nvidia.com/gpu.present": "true"}


def labelled(name: str, labels: dict[str, str]) -> dict[str, Any]:
    found = node(name)
    found["metadata"]["labels"] = labels
    return found


def gpus(name: str, count: int) -> dict[str, Any]:
    return resource_slice(name, [device(index, name) for index in range(count)])


def driver(on: str, program: str = "gpu-kubelet-plugin", phase: str = "Running") -> dict[str, Any]:
    containers = [{"name": "c", "command": ["bash", "-c"], "args": [f"exec {program}"]}]
    return {
        "metadata": {"name": "driver-x", "namespace": "dra"},
        "spec": {"nodeName": on, "containers": containers},
        "status": {"phase": phase},
    }


def test_neither_mechanism_of_a_node_hides_the_other() -> None:
    claimed, counted = stock(BOTH)

    assert (claimed.mechanism, claimed.total, claimed.free) == ("dra", 8, 8)
    assert (counted.mechanism, counted.total, counted.free) == ("device-plugin", 8, 8)
    assert claimed.offer != counted.offer
    assert [one.mechanism for one in stock(BOTH, allocation="dra")] == ["dra"]
    assert [one.mechanism for one in stock(BOTH, allocation="device-plugin")] == ["device-plugin"]


def test_a_node_that_offers_its_devices_twice_is_a_finding() -> None:
    objects = world(BOTH)

    assert pool_faults(PROFILE, objects["nodes"], objects["slices"]) == [
        "node n offers devices twice: 8 by ResourceSlices and 8 by nvidia.com/gpu"
    ]


@pytest.mark.parametrize(
    ("labels", "counted", "faults"),
    [
        ({"nvidia.com/gpu.count": "4"}, "4", ["4 by ResourceSlices and 4 by nvidia.com/gpu, of 4"]),
        ({"nvidia.com/gpu.count": "8"}, "4", []),
        ({"nvidia.com/gpu.count": "4"}, "1", ["4 by ResourceSlices and 1 by nvidia.com/gpu, of 4"]),
        ({}, "2", []),
        ({"nvidia.com/gpu.replicas": "4"}, "16", ["4 by ResourceSlices and 4 by nvidia.com/gpu"]),
    ],
)
def test_devices_are_offered_twice_where_there_are_not_as_many(
    labels: dict[str, str], counted: str, faults: list[str]
) -> None:
    assert pool_faults(PROFILE, [labelled("n0", labels)], [gpus("n0", 4)]) == []
    offered = node("n0", allocatable={"nvidia.com/gpu": counted})
    offered["metadata"]["labels"] = labels
    found = pool_faults(PROFILE, [offered], [gpus("n0", 4)])

    assert len(found) == len(faults)
    assert all(words in one for words, one in zip(faults, found, strict=True))


@pytest.mark.parametrize("name", ["rke2.yaml", "karpenter.yaml"])
def test_nodes_of_the_field_that_share_a_label_and_not_the_hardware_are_no_fault(name: str) -> None:
    objects = world("14", name)

    assert pool_faults(PROFILE, objects["nodes"], objects["slices"]) == []


def test_a_node_of_one_type_with_others_that_does_not_say_as_they_do_has_none() -> None:
    kind = {"node.kubernetes.io/instance-type": "bare"}
    with_gpus, without = labelled("n0", kind | PRESENT), labelled("n1", kind)

    assert pool_faults(PROFILE, [with_gpus, without], [gpus("n0", 2)]) == []
    (fault,) = pool_faults(PROFILE, [with_gpus, labelled("n1", kind | PRESENT)], [gpus("n0", 2)])
    assert fault == "node n1 publishes nothing, though it says nvidia.com/gpu.present=true"


@pytest.mark.parametrize(
    "label",
    [
        "nvidia.com/gpu.present",
        "feature.node.kubernetes.io/pci-10de.present",
        "feature.node.kubernetes.io/pci-0302_10de.present",
        "feature.node.kubernetes.io/pci-0300_10de_1028.present",
    ],
)
def test_a_node_that_says_that_it_has_them_and_publishes_none_is_a_finding(label: str) -> None:
    silent = labelled("n1", {label: "true"})

    assert pool_faults(PROFILE, [labelled("n0", {}), silent], [gpus("n0", 1)])
    assert not pool_faults(PROFILE, [labelled("n1", {label: "false"})], [gpus("n0", 1)])
    assert not pool_faults(PROFILE, [silent], []), "nobody publishes: no claim is met at all"
    silent["status"]["conditions"] = []
    assert not pool_faults(PROFILE, [silent], [gpus("n0", 1)])


@pytest.mark.parametrize(
    "resource", ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "nvidia.com/GA102"]
)
def test_a_node_that_offers_them_otherwise_need_not_publish(resource: str) -> None:
    other = node("n1", allocatable={resource: "1"})
    other["metadata"]["labels"] = PRESENT

    assert pool_faults(PROFILE, [labelled("n0", {}), other], [gpus("n0", 1)]) == []


def test_a_node_whose_driver_runs_and_publishes_nothing_is_a_finding() -> None:
    other = node("n1", allocatable={"nvidia.com/gpu": "8"})
    nodes, slices = [node("n0"), other], [gpus("n0", 1)]

    (fault,) = pool_faults(PROFILE, nodes, slices, [driver("n1"), driver("n0")])
    assert fault == "node n1 publishes nothing, though its driver is pod dra/driver-x"
    for harmless in (driver("n1", "compute-domain-kubelet-plugin"), driver("n1", phase="Failed")):
        assert pool_faults(PROFILE, nodes, slices, [harmless]) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"classes": [device_class("gpu.nvidia.com")]}, "DeviceClass gpu.nvidia.com is for"),
        ({"classes": [device_class("big")]}, "DeviceClass big is for gpu.nvidia.com"),
        ({"pods": [driver("n0")]}, "pod dra/driver-x is its driver"),
        ({"slices": [gpus("n0", 3)]}, "1 ResourceSlices of gpu.nvidia.com hold 3 devices"),
        ({"slices": [gpus("n0", 0)]}, "1 ResourceSlices of gpu.nvidia.com hold 0 devices"),
        (
            {"nodes": [labelled("n0", {"nvidia.com/dra-kubelet-plugin": "true"})]},
            "node n0 is labelled for its driver",
        ),
    ],
)
def test_a_driver_shows_itself_by_what_is_there(seen: dict[str, Any], words: str) -> None:
    empty: dict[str, Any] = {"nodes": [node("n0")], "slices": [], "classes": [], "pods": []}

    (sign,) = driver_signs(PROFILE, **(empty | seen))
    assert sign.startswith(words)
    assert driver_signs(PROFILE, **empty) == []


def test_what_is_of_others_is_no_sign_of_the_driver() -> None:
    labels = {"nvidia.com/dra-kubelet-plugin": "false"}
    assert not driver_signs(
        PROFILE,
        nodes=[labelled("n0", labels)],
        slices=[resource_slice("n0", [device(0, "n0")], driver="dra.net")],
        classes=[device_class("nics", driver="dra.net")],
        pods=[driver("n0", "compute-domain-kubelet-plugin"), driver("n0", phase="Succeeded")],
    )
