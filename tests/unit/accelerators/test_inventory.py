from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import (
    AcceleratorNode,
    list_accelerator_nodes,
    nothing_runs_on,
    pool_faults,
    representatives,
    unknown_vendors,
)
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from tests.unit.accelerators.objects import (
    claim,
    device,
    device_class,
    node,
    pod,
    resource_slice,
)

CLASS = device_class("gpu.nvidia.com", extended="nvidia.com/gpu")


def stock(**world: Any) -> list[AcceleratorNode]:
    empty: dict[str, Any] = {"nodes": [], "slices": [], "claims": [], "classes": [], "pods": []}
    return list_accelerator_nodes(PROFILE, **(empty | world))


def gpus(name: str, count: int) -> dict[str, Any]:
    return resource_slice(name, [device(index, name) for index in range(count)])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.vendor)
def test_every_vendors_accelerators_are_found_by_dra_and_by_device_plugin(profile: Profile) -> None:
    attributes = dict.fromkeys(profile.expected_attributes, "x") | dict([profile.type_attribute])
    published = resource_slice("n0", [device(0, "n0", **attributes)], driver=profile.driver)
    vendors_class = device_class(profile.device_class, driver=profile.driver)
    empty: dict[str, Any] = {"claims": [], "pods": []}

    (by_claim,) = list_accelerator_nodes(
        profile, nodes=[node("n0")], slices=[published], classes=[vendors_class], **empty
    )
    plugged = node("n0", allocatable={profile.extended_resource: "8"})
    (counted,) = list_accelerator_nodes(profile, nodes=[plugged], slices=[], classes=[], **empty)

    assert (by_claim.mechanism, by_claim.total) == ("dra", 1)
    assert by_claim.unallocated[0].identity
    assert (counted.mechanism, counted.total) == ("device-plugin", 8)
    assert not unknown_vendors([plugged], PROFILES)


def test_a_node_with_slices_hands_out_by_dra_and_counts_what_no_claim_holds() -> None:
    (found,) = stock(
        nodes=[node("n0")],
        slices=[gpus("n0", 3)],
        claims=[claim("c", ("n0", "gpu-1"))],
        classes=[CLASS],
    )

    assert (found.mechanism, found.total, found.free) == ("dra", 3, 2)
    assert [item.name for item in found.unallocated] == ["gpu-0", "gpu-2"]
    assert found.device_class == "gpu.nvidia.com"


def test_a_claim_with_admin_access_holds_nothing() -> None:
    (found,) = stock(
        nodes=[node("n0")],
        slices=[gpus("n0", 2)],
        claims=[claim("c", ("n0", "gpu-0"), admin=True)],
        classes=[CLASS],
    )

    assert found.free == 2


def test_the_device_plugin_counts_what_pods_hold_and_ended_pods_hold_nothing() -> None:
    (found,) = stock(
        nodes=[node("n0", allocatable={"nvidia.com/gpu": "8"})],
        pods=[pod("n0", 3), pod("n0", 2, phase="Succeeded"), pod("n1", 1)],
    )

    assert (found.mechanism, found.total, found.free) == ("device-plugin", 8, 5)


def test_what_our_own_checks_hold_comes_back() -> None:
    ours, theirs = pod("n0", 3), pod("n0", 2)
    ours["metadata"] = {"namespace": "aicr-1-gang"}
    node_with_plugin = node("n0", allocatable={"nvidia.com/gpu": "8"})
    node_with_plugin["metadata"]["labels"]["nvidia.com/gpu.replicas"] = "4"

    (found,) = stock(nodes=[node_with_plugin], pods=[ours, theirs], ours={"aicr-1-gang"})

    assert (found.free, found.capacity, found.units_per_device) == (3, 6, 4)


def test_claims_of_our_own_checks_come_back() -> None:
    held = claim("c", ("n0", "gpu-1"))
    world = {"nodes": [node("n0")], "slices": [gpus("n0", 3)], "classes": [CLASS]}

    (theirs,) = stock(**world, claims=[held])
    (ours,) = stock(**world, claims=[held], ours={held["metadata"]["namespace"]})

    assert (theirs.free, theirs.capacity) == (2, 2)
    assert (ours.free, ours.capacity) == (2, 3)


def test_only_slices_of_the_newest_generation_count() -> None:
    old = resource_slice("n0", [device(index, "n0") for index in range(8)], generation=1)
    new = resource_slice("n0", [device(0, "n0")], generation=2)

    (found,) = stock(nodes=[node("n0")], slices=[old, new], classes=[CLASS])

    assert found.total == 1


@pytest.mark.parametrize(
    ("allocation", "mechanism"),
    [("auto", "dra"), ("extended-resource", "extended-resource"), ("dra", "dra")],
)
def test_the_mechanism_is_the_users_where_the_node_has_it(allocation: str, mechanism: str) -> None:
    (found,) = stock(
        nodes=[node("n0")], slices=[gpus("n0", 1)], classes=[CLASS], allocation=allocation
    )

    assert found.mechanism == mechanism


def test_a_mechanism_that_no_node_has_finds_nothing() -> None:
    world = {"nodes": [node("n0")], "slices": [gpus("n0", 1)], "classes": [CLASS]}

    assert stock(**world, allocation="device-plugin") == []


def test_a_class_of_another_name_is_found_by_the_driver_that_it_selects() -> None:
    (found,) = stock(
        nodes=[node("n0")],
        slices=[gpus("n0", 1)],
        classes=[device_class("nics", driver="dra.net"), device_class("big-gpus")],
    )

    assert found.device_class == "big-gpus"


def test_slices_of_other_drivers_are_no_accelerators() -> None:
    nics = resource_slice("n0", [device(0, "n0")], driver="dra.net")

    assert stock(nodes=[node("n0")], slices=[nics]) == []


def test_one_node_of_each_kind_is_looked_at_and_unusable_ones_are_not() -> None:
    nodes = [node("n0", unschedulable=True), node("n1"), node("n2")]
    found = stock(
        nodes=nodes, slices=[gpus(n["metadata"]["name"], 2) for n in nodes], classes=[CLASS]
    )

    assert [item.name for item in representatives(found)] == ["n1"]


def test_taints_of_the_node_controller_are_not_tolerated() -> None:
    taints = [
        {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
    ]
    (found,) = stock(nodes=[node("n0", taints=taints)], slices=[gpus("n0", 1)], classes=[CLASS])

    assert found.taints == (("nvidia.com/gpu", "present", "NoSchedule"),)


def test_accelerators_of_unknown_vendors_are_named_and_zero_is_none() -> None:
    nodes = [
        node("n0", allocatable={"amd.com/gpu": "4", "cpu": "8"}),
        node("n1", allocatable={"google.com/tpu": "0"}),
    ]

    assert unknown_vendors(nodes, [PROFILE]) == ["n0: amd.com/gpu"]


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


def test_node_on_which_nothing_runs_is_told_by_its_annotation() -> None:
    fake = {"metadata": {"name": "n", "annotations": {"kwok.x-k8s.io/node": "fake"}}}

    assert nothing_runs_on(fake)
    assert not nothing_runs_on({"metadata": {"name": "n"}})
