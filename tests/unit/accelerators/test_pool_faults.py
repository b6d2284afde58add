"""Pools that lack slices, attributes or nodes are told, and whole ones have no fault."""

from typing import Any

import pytest

from aicr_pytest.accelerators.publications import pool_faults
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from tests.unit.accelerators.objects import device, node, resource_slice
from tests.unit.accelerators.test_inventory import gpus


def test_complete_pools_have_no_fault() -> None:
    nodes = [node("n0"), node("n1")]

    assert pool_faults(PROFILE, nodes, [gpus("n0", 8), gpus("n1", 8)]) == []


@pytest.mark.parametrize(
    ("slices", "fault"),
    [
        (
            [resource_slice("n0", [device(0, "n0")], generation=2, count=2)],
            "pool n0 of generation 2 has 1 of 2 ResourceSlices",
        ),
        ([resource_slice("n0", [device(0, "n0", uuid="")])], "device n0/gpu-0 lacks uuid"),
        (
            [resource_slice("n0", [device(0, "n0"), device(1, "n0", uuid="GPU-n0-0")])],
            "devices n0/gpu-0 and n0/gpu-1 are both GPU-n0-0",
        ),
    ],
)
def test_what_is_wrong_with_a_pool_is_said(slices: list[dict[str, Any]], fault: str) -> None:
    assert pool_faults(PROFILE, [node("n0")], slices) == [fault]


def test_a_ready_node_that_publishes_nothing_beside_its_like_is_a_fault() -> None:
    faults = pool_faults(PROFILE, [node("n0"), node("n1")], [gpus("n0", 8)])

    label = "node.kubernetes.io/instance-type=h100-8"
    assert faults == [f"node n1 publishes nothing, though others with {label} do"]


@pytest.mark.parametrize(
    ("of_both", "of_one"),
    [
        ({"node.kubernetes.io/instance-type": "rke2"}, {}),
        ({"node.kubernetes.io/instance-type": "k3s"}, {}),
        (
            {"karpenter.sh/nodepool": "default", "node.kubernetes.io/instance-type": "m7i.large"},
            {"node.kubernetes.io/instance-type": "g6.xlarge"},
        ),
    ],
)
def test_nodes_that_share_a_label_and_not_the_hardware_are_no_fault(
    of_both: dict[str, str], of_one: dict[str, str]
) -> None:
    with_gpus, without = node("gpu"), node("plain")
    with_gpus["metadata"]["labels"] = of_both | of_one
    without["metadata"]["labels"] = of_both

    assert pool_faults(PROFILE, [with_gpus, without], [gpus("gpu", 8)]) == []


def test_a_node_served_by_the_device_plugin_need_not_publish() -> None:
    plugin = node("n1", allocatable={"nvidia.com/gpu": "8"})

    assert pool_faults(PROFILE, [node("n0"), plugin], [gpus("n0", 8)]) == []


def test_attributes_with_their_drivers_domain_are_not_lacking_and_are_compared() -> None:
    def with_domain(index: int, node_name: str) -> dict[str, Any]:
        one = device(index, node_name)
        told = {f"gpu.nvidia.com/{name}": value for name, value in one["attributes"].items()}
        return {"name": f"gpu-{index}", "attributes": told}

    mig = {"name": "mig-0", "attributes": {"type": {"string": "mig"}}}
    devices = [mig, with_domain(0, "n0"), {**with_domain(0, "n0"), "name": "gpu-1"}]

    faults = pool_faults(PROFILE, [node("n0")], [resource_slice("n0", devices)])

    assert faults == ["devices n0/gpu-0 and n0/gpu-1 are both GPU-n0-0"]


def test_device_says_all_that_it_lacks() -> None:
    bare = {"name": "gpu-0", "attributes": {"type": {"string": "gpu"}, "uuid": {"string": "u"}}}

    faults = pool_faults(PROFILE, [node("n0")], [resource_slice("n0", [bare])])

    assert faults == ["device n0/gpu-0 lacks productName, architecture, driverVersion"]


def test_pool_of_two_slices_is_whole_with_both() -> None:
    first = resource_slice("n0", [device(0, "n0")], count=2)
    second = resource_slice("n0", [device(1, "n0")], count=2)

    assert pool_faults(PROFILE, [node("n0")], [first, second]) == []


def test_nodes_of_a_pool_without_a_type_are_alike() -> None:
    nodes = [node("n0"), node("n1")]
    for one in nodes:
        one["metadata"]["labels"] = {"karpenter.sh/nodepool": "gpus"}
    typed = node("n2")
    typed["metadata"]["labels"]["karpenter.sh/nodepool"] = "gpus"

    faults = pool_faults(PROFILE, [*nodes, typed], [gpus("n0", 1)])

    assert faults == ["node n1 publishes nothing, though others with karpenter.sh/nodepool=gpus do"]
