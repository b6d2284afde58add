"""What claims hold of devices, also in part, and what is therefore not free."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import list_accelerator_nodes
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from tests.unit.accelerators.field_cases import stock, world
from tests.unit.accelerators.objects import claim, device, node, resource_slice
from tests.unit.accelerators.test_inventory import stock as stock_of

SET = "gpu-0-counters"
CASE = "15"


def drawing(name: str, memory: str = "", *, kind: str = "gpu", of: str = SET) -> dict[str, Any]:
    """A device that draws on counters."""
    counters = {"memory": {"value": memory}} if memory else {}
    return {
        **device(0, "n0", type=kind),
        "name": name,
        "consumesCounters": [{"counterSet": of, "counters": counters}],
    }


def published(*devices: dict[str, Any], memory: str = "") -> dict[str, Any]:
    """A slice with a set of counters."""
    found = resource_slice("n0", list(devices))
    if memory:
        counters = {"name": SET, "counters": {"memory": {"value": memory}}}
        found["spec"]["sharedCounters"] = [counters]
    return found


def free(found: dict[str, Any], *held: str) -> int:
    (one,) = stock_of(
        nodes=[node("n0")], slices=[found], claims=[claim("c", *(("n0", name) for name in held))]
    )
    return one.free


def test_what_is_shared_tainted_or_held_in_part_is_read_as_such() -> None:
    (found,) = stock(CASE)

    assert [(one.name, one.shared) for one in found.devices] == [("gpu-0", True), ("gpu-2", False)]
    assert [one.name for one in found.unallocated] == ["gpu-0"]
    assert (found.free, found.capacity, found.unit) == (1, 1, "share")
    assert found.left_out == ("gpu-1 is tainted gpu.nvidia.com/xid",)
    assert found.told_by == "allowMultipleAllocations of gpu-0"


def test_a_part_that_our_own_checks_hold_comes_back() -> None:
    (found,) = stock(CASE, ours={"x"})

    assert (found.free, found.capacity) == (1, 2)


def test_without_counters_a_part_that_is_held_leaves_no_whole_device() -> None:
    found = published(drawing("gpu-0"), drawing("gpu-0-mig-0", kind="mig"))

    assert free(found) == 1
    assert free(found, "gpu-0-mig-0") == 0
    assert free(found, "gpu-0") == 0
    apart = published(drawing("gpu-0"), drawing("gpu-1-mig-0", kind="mig", of="other"))
    assert free(apart, "gpu-1-mig-0") == 1


@pytest.mark.parametrize(("there", "left"), [("80Gi", 0), ("100Gi", 1), ("", 0)])
def test_counters_tell_whether_there_is_enough_beside_what_is_held(there: str, left: int) -> None:
    found = published(
        drawing("gpu-0", "80Gi"), drawing("gpu-0-mig-0", "20Gi", kind="mig"), memory=there
    )

    assert free(found, "gpu-0-mig-0") == left


def test_a_counter_that_the_set_has_not_is_used_up() -> None:
    found = published(drawing("gpu-0", "1Gi"))
    found["spec"]["sharedCounters"] = [{"name": SET, "counters": {"slices": {"value": "7"}}}]

    assert free(found) == 0


def test_a_pool_of_another_node_of_the_same_set_is_apart() -> None:
    other = published(drawing("gpu-0-mig-0", kind="mig"))
    other["spec"] |= {"nodeName": "n1", "pool": {**other["spec"]["pool"], "name": "n1"}}
    (found,) = stock_of(
        nodes=[node("n0")],
        slices=[published(drawing("gpu-0")), other],
        claims=[claim("c", ("n1", "gpu-0-mig-0"))],
    )

    assert found.free == 1


@pytest.mark.parametrize(
    ("consumed", "left"), [([], 1), (["10Gi"], 1), (["10Gi", "70Gi"], 0), (["80Gi"], 0)]
)
def test_a_shared_device_is_free_until_its_capacity_is_used_up(
    consumed: list[str], left: int
) -> None:
    shared = {**device(0, "n0"), "allowMultipleAllocations": True}
    shared["capacity"] = {"memory": {"value": "80Gi"}}
    holder = claim("c", *([("n0", "gpu-0")] * len(consumed)))
    results = holder["status"]["allocation"]["devices"]["results"]
    for result, amount in zip(results, consumed, strict=True):
        result["consumedCapacity"] = {"memory": amount}
    (found,) = stock_of(
        nodes=[node("n0")], slices=[resource_slice("n0", [shared])], claims=[holder]
    )

    assert (found.total, found.free) == (1, left)


def test_parts_are_offered_where_there_is_no_whole_device() -> None:
    parts = [
        {**device(n, "n0", type="mig", uuid=f"MIG-{n}"), "name": f"gpu-0-mig-{n}"} for n in range(3)
    ]
    classes = [
        {"metadata": {"name": name}, "spec": {"selectors": [{"cel": {"expression": selects}}]}}
        for name, selects in (
            ("gpu.nvidia.com", _selector("gpu")),
            ("mig.nvidia.com", _selector("mig")),
        )
    ]
    (found,) = stock_of(
        nodes=[node("n0")],
        slices=[resource_slice("n0", parts)],
        classes=classes,
        claims=[claim("c", ("n0", "gpu-0-mig-1"))],
    )

    assert (found.total, found.free, found.unit) == (3, 2, "partition")
    assert found.device_class == "mig.nvidia.com"
    assert found.selector == "device.attributes['gpu.nvidia.com'].type == 'mig'"
    (whole,) = stock_of(
        nodes=[node("n0")], slices=[resource_slice("n0", [*parts, device(9, "n0")])]
    )
    assert (whole.total, whole.unit, whole.device_type) == (1, "device", "")
    assert whole.beside == ("3 parts of devices are published, too",)
    assert found.beside == ()


def _selector(kind: str) -> str:
    return f"device.driver == 'gpu.nvidia.com' && {_type(kind)}"


def _type(kind: str) -> str:
    return f"device.attributes['gpu.nvidia.com'].type == '{kind}'"


def test_functions_for_virtual_machines_are_no_accelerators_of_pods() -> None:
    functions = [{**device(0, "n0", type="vfio"), "name": "gpu-vfio-0"}]

    assert stock_of(nodes=[node("n0")], slices=[resource_slice("n0", functions)]) == []


def test_the_case_has_what_it_is_about() -> None:
    assert [len(world(CASE)[kind]) for kind in ("nodes", "slices", "claims")] == [1, 1, 1]


def test_a_vendor_without_parts_has_none_beside_its_devices() -> None:
    (found,) = list_accelerator_nodes(
        dataclasses.replace(PROFILE, part_types=()),
        nodes=[node("n0")],
        slices=[resource_slice("n0", [device(0, "n0")])],
        classes=[],
        claims=[],
        pods=[],
    )

    assert found.beside == ()
