import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators.cel import all_select
from aicr_pytest.accelerators.device_classes import class_for
from aicr_pytest.accelerators.devices import devices_of
from aicr_pytest.accelerators.holdings import allocated_devices
from aicr_pytest.accelerators.inventory import (
    AcceleratorNode,
    list_accelerator_nodes,
    representatives,
)
from aicr_pytest.accelerators.nodes import nothing_runs_on
from aicr_pytest.accelerators.other_vendors import unknown_vendors
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.publications import pool_faults
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
    told = (*profile.expected_attributes, profile.identity_attributes[-1])
    attributes = dict.fromkeys(told, "x") | dict([profile.type_attribute])
    published = resource_slice("n0", [device(0, "n0", **attributes)], driver=profile.driver)
    vendors_class = device_class(profile.device_class, driver=profile.driver)
    empty: dict[str, Any] = {"claims": [], "pods": []}

    (by_claim,) = list_accelerator_nodes(
        profile, nodes=[node("n0")], slices=[published], classes=[vendors_class], **empty
    )
    plugged = node("n0", allocatable={profile.extended_resource: "8"})
    (counted,) = list_accelerator_nodes(profile, nodes=[plugged], slices=[], classes=[], **empty)

    assert (by_claim.mechanism, by_claim.total, by_claim.beside) == ("dra", 1, ())
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
    assert [item.name for item in representatives(found, ["n0", "n2"])] == ["n2"]


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


def test_node_on_which_nothing_runs_is_told_by_its_annotation() -> None:
    fake = {"metadata": {"name": "n", "annotations": {"kwok.x-k8s.io/node": "fake"}}}

    assert nothing_runs_on(fake)
    assert not nothing_runs_on({"metadata": {"name": "n"}})


def test_node_says_of_which_pool_and_model_it_is_and_whether_it_can_be_used() -> None:
    (found,) = stock(nodes=[node("n0")], slices=[gpus("n0", 2)], classes=[CLASS])

    assert found.kind == ("node.kubernetes.io/instance-type=h100-8", "H100", "dra")
    assert (found.ready, found.schedulable, found.hindrance) == (True, True, "")
    assert found.units_per_device == 1
    assert str(found) == "n0: 2 x H100, 2 free, by dra"
    assert str(dataclasses.replace(found, model="")) == "n0: 2 x nvidia, 2 free, by dra"


def test_node_of_the_device_plugin_is_of_the_model_of_its_label_and_has_no_devices() -> None:
    plugged = node("n0", allocatable={"nvidia.com/gpu": "2"})
    plugged["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-H100"
    tainted = {**device(0, "n0"), "taints": [{"key": "lost", "effect": "NoExecute"}]}
    world: dict[str, Any] = {"classes": [CLASS], "pods": [pod("n0", 2)]}
    published = [resource_slice("n0", [tainted, device(1, "n0")])]

    (counted,) = stock(nodes=[plugged], **world)
    claimed, both = stock(nodes=[plugged], slices=published, **world)

    assert (claimed.mechanism, claimed.total, claimed.free) == ("dra", 1, 1)
    for found in (counted, both):
        assert (found.device_class, found.devices, found.unallocated) == ("", (), ())
        assert (found.left_out, found.units_per_device) == ((), 1)
        assert (found.free, found.capacity) == (0, 0)
    assert (counted.model, both.model) == ("NVIDIA-H100", "H100")


@pytest.mark.parametrize(("told", "units"), [("0", 1), ("1", 1), ("2", 2), ("many", 1)])
def test_shares_of_a_device_are_those_of_its_label(told: str, units: int) -> None:
    plugged = node("n0", allocatable={"nvidia.com/gpu": "2"})
    plugged["metadata"]["labels"]["nvidia.com/gpu.replicas"] = told

    (found,) = stock(nodes=[plugged])

    assert found.units_per_device == units


def test_what_replicas_say_is_for_the_device_plugin() -> None:
    shared = node("n0")
    shared["metadata"]["labels"]["nvidia.com/gpu.replicas"] = "4"

    (found,) = stock(nodes=[shared], slices=[gpus("n0", 1)], classes=[CLASS])

    assert found.units_per_device == 1


def test_node_that_is_cordoned_tainted_and_not_ready_says_all_of_it() -> None:
    taints = [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]
    kept = node("n0", unschedulable=True, taints=taints)
    kept["status"]["conditions"] = [
        {"type": "MemoryPressure", "status": "True"},
        {"type": "Ready", "status": "False"},
    ]

    (found,) = stock(nodes=[kept], slices=[gpus("n0", 1)], classes=[CLASS])

    assert found.hindrance == "not Ready, cordoned, tainted node.kubernetes.io/not-ready"
    assert (found.ready, found.schedulable) == (False, False)


def test_nodes_are_told_by_name_and_one_without_accelerators_hides_none() -> None:
    nodes = [node("n2"), node("n0"), node("n1")]
    slices = [gpus("n2", 1), gpus("n1", 1)]

    assert [found.name for found in stock(nodes=nodes, slices=slices)] == ["n1", "n2"]


def test_objects_that_say_nothing_of_themselves_hold_and_offer_nothing() -> None:
    bare: dict[str, Any] = {"metadata": {"name": "n1"}, "spec": {}}
    silent: list[dict[str, Any]] = [bare, {**bare, "status": {}}]
    empty = resource_slice("n1", [])
    del empty["spec"]["devices"]

    assert stock(nodes=silent, slices=[empty], classes=[CLASS]) == []
    assert unknown_vendors(silent, [PROFILE]) == []
    assert pool_faults(PROFILE, [node("n0"), *silent], [gpus("n0", 1), empty]) == []
    plugged = {**bare, "status": {"allocatable": {"nvidia.com/gpu": "1"}}}
    (found,) = stock(nodes=[plugged])
    assert (found.model, found.pool_label, found.units_per_device) == ("", "", 1)
    assert (found.ready, found.taints) == (False, ())
    (found,) = stock(nodes=[bare], slices=[gpus("n1", 1), empty])
    assert (found.total, found.device_class) == (1, "")


@pytest.mark.parametrize(
    "status", [None, {}, {"allocation": None}, {"allocation": {}}, {"allocation": {"devices": {}}}]
)
def test_claim_without_an_allocation_holds_nothing(status: dict[str, Any] | None) -> None:
    pending: dict[str, Any] = {"metadata": {"name": "c", "namespace": "ns"}}

    assert allocated_devices([pending if status is None else {**pending, "status": status}]) == {}


def test_device_that_is_held_names_the_claim_of_whoever_holds_it() -> None:
    held = allocated_devices([claim("c", ("n0", "gpu-1"))])

    assert held == {("gpu.nvidia.com", "n0", "gpu-1"): "ns/c"}


OTHERS = device_class("nics", driver="dra.net")


@pytest.mark.parametrize(
    ("classes", "extended", "name"),
    [
        ([device_class("big"), CLASS], False, "gpu.nvidia.com"),
        ([device_class("big"), CLASS], True, "gpu.nvidia.com"),
        ([device_class("big", extended="nvidia.com/gpu"), CLASS], True, "gpu.nvidia.com"),
        ([device_class("gpu.nvidia.com"), device_class("big")], True, ""),
        ([device_class("big", extended="nvidia.com/gpu")], True, "big"),
        ([OTHERS, device_class("big", extended="example.com/gpu")], True, ""),
        ([OTHERS, device_class("big"), device_class("small")], False, "big"),
        ([OTHERS], False, ""),
        ([], False, ""),
        ([{"metadata": {"name": "all"}, "spec": {}}], False, ""),
        ([{"metadata": {"name": "odd"}, "spec": {"selectors": [{}, {"cel": {}}]}}], False, ""),
        ([{"metadata": {"name": "gpu.nvidia.com"}, "spec": {}}], False, "gpu.nvidia.com"),
    ],
)
def test_class_to_ask_by_is_the_vendors_own_or_else_the_first_that_fits(
    classes: list[dict[str, Any]], extended: bool, name: str
) -> None:
    assert class_for(PROFILE, classes, extended=extended) == name


@pytest.mark.parametrize("quote", ["'", '"'])
def test_class_selects_a_driver_by_its_name_in_quotes(quote: str) -> None:
    by_name = device_class("big")
    expression = f"device.driver == {quote}gpu.nvidia.com{quote}"
    by_name["spec"]["selectors"] = [{"cel": {"expression": expression}}]
    by_part = device_class("parts", driver="gpu.nvidia.com.example")

    assert class_for(PROFILE, [by_part, by_name], extended=False) == "big"


@pytest.mark.parametrize(
    ("allocation", "published", "mechanism", "by"),
    [
        ("extended-resource", True, "extended-resource", "mapped"),
        ("dra", True, "dra", "gpu.nvidia.com"),
    ],
)
def test_class_of_an_extended_resource_maps_it(
    allocation: str, published: bool, mechanism: str, by: str
) -> None:
    classes = [device_class("gpu.nvidia.com"), device_class("mapped", extended="nvidia.com/gpu")]

    (found,) = stock(
        nodes=[node("n0")], slices=[gpus("n0", 1)], classes=classes, allocation=allocation
    )

    assert (found.mechanism, found.device_class) == (mechanism, by)


def test_device_says_what_its_slice_says_of_it_and_the_shortest_name_is_first() -> None:
    published = [device(index, "n0") for index in (10, 9, 2)]
    published[1]["taints"] = [
        {"key": "slow", "effect": "NoSchedule"},
        {"key": "lost", "effect": "NoExecute"},
    ]
    others = {"name": "mig-0", "attributes": {"type": {"string": "mig"}}}

    (first, second) = devices_of(PROFILE, "n0", [resource_slice("n0", [*published, others])])

    assert (first.name, second.name) == ("gpu-2", "gpu-10")
    assert first.key == ("gpu.nvidia.com", "n0", "gpu-2")
    assert (first.slice_name, first.identity, first.model) == (
        "n0-gpu.nvidia.com-1",
        "GPU-n0-2",
        "H100",
    )
    assert first.attributes == ("architecture", "driverVersion", "productName", "type", "uuid")
    assert first.in_doubt == ""


@pytest.mark.parametrize("whole", [3, 0])
def test_claim_for_one_more_than_a_node_has_is_met_by_nothing_beside(whole: int) -> None:
    kinds = {"gpu": whole, "mig": 7, "vfio": 4}
    published = [
        {**device(10 * at + index, "n0", type=kind), "name": f"{kind}-{index}"}
        for at, (kind, count) in enumerate(kinds.items())
        for index in range(count)
    ]
    of_whole_driver = device_class("everything")  # as clusters have made for themselves

    (found,) = stock(
        nodes=[node("n0")], slices=[resource_slice("n0", published)], classes=[of_whole_driver]
    )

    selector = [{"cel": {"expression": found.selector}}]
    fitting = [one for one in published if all_select(selector, one, PROFILE.driver)]
    assert found.device_class == "everything"
    assert len(fitting) == found.total == (whole or 7)
    assert {*map(bool, (all_select(selector, one, PROFILE.driver) for one in published))} == {
        True,
        False,
    }


def test_attributes_may_be_told_with_their_drivers_domain() -> None:
    one = device(0, "n0")
    plain = one["attributes"]
    one["attributes"] = {f"gpu.nvidia.com/{name}": value for name, value in plain.items()}
    lost = {**one, "name": "gpu-1", "taints": [{"key": "lost", "effect": "NoExecute"}]}

    (found,) = stock(
        nodes=[node("n0")], slices=[resource_slice("n0", [one, lost])], classes=[CLASS]
    )

    assert [(known.identity, known.model) for known in found.devices] == [("GPU-n0-0", "H100")]
    assert found.left_out == ("gpu-1 is tainted lost",)


def test_generations_of_one_pool_are_not_those_of_another() -> None:
    first = resource_slice("n0", [device(0, "n0")], generation=0)
    second = resource_slice("n1", [device(0, "n1")], generation=7)
    newer = resource_slice("n1", [device(1, "n1")], generation=8)
    older = resource_slice("n1", [device(2, "n1")], generation=6)
    nodes = [node("n0"), node("n1")]

    found = stock(nodes=nodes, slices=[first, second, newer, older], classes=[CLASS])

    assert [[one.name for one in here.devices] for here in found] == [["gpu-0"], ["gpu-1"]]


@pytest.mark.parametrize(
    ("key", "effect", "hindrance"),
    [
        ("node.kubernetes.io/unschedulable", "NoSchedule", ""),
        ("node.kubernetes.io/disk-pressure", "NoSchedule", "node.kubernetes.io/disk-pressure"),
        ("node.kubernetes.io/disk-pressure", "PreferNoSchedule", ""),
        ("node.cilium.io/agent-not-ready", "NoExecute", "node.cilium.io/agent-not-ready"),
        ("cni.example.com/not-ready", "NoExecute", "cni.example.com/not-ready"),
        ("karpenter.sh/disrupted", "NoSchedule", "karpenter.sh/disrupted"),
        ("example.com/team", "NoSchedule", ""),
    ],
)
def test_taints_of_a_state_keep_from_a_node_and_those_of_an_owner_do_not(
    key: str, effect: str, hindrance: str
) -> None:
    tainted = node("n0", taints=[{"key": key, "effect": effect}])

    (found,) = stock(nodes=[tainted], slices=[gpus("n0", 1)], classes=[CLASS])

    assert found.hindrance == (f"tainted {hindrance}" if hindrance else "")
