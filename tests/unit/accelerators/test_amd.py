"""AMD's GPUs as public sources show them; where two generations differ, both are read."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators import grants
from aicr_pytest.accelerators.devices import devices_of
from aicr_pytest.accelerators.inventory import AcceleratorNode, list_accelerator_nodes
from aicr_pytest.accelerators.load import listed_loads
from aicr_pytest.accelerators.probe import View, parse_view
from aicr_pytest.accelerators.publications import pool_faults
from aicr_pytest.accelerators.vendors.amd import PROFILE, parse_identity
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.dra_support.device_selectors import choosing, nobodys_device
from tests.unit.accelerators.objects import node, resource_slice
from tests.unit.accelerators.test_probe import GangStatus

HEADING = "gpu,gpu_bdf,gpu_uuid,kfd_id,node_id,partition_id"
FIRST = "0,0000:0c:00.0,67ff74a1-0000-1000-8081-b5b9fd6edd00,45412,1,0"
SECOND = "1,0000:22:00.0,3eff74a1-0000-1000-8066-06fc05ff46be,45413,2,0"
EMPTY: dict[str, Any] = {"claims": [], "pods": [], "classes": []}

TODAY = {
    "type": "amdgpu",
    "deviceID": "0x74a1",
    "productName": "AMD_Instinct_MI300X_OAM",
    "partitionProfile": "spx_nps1",
    "resource.kubernetes.io/pciBusID": "0000:0c:00.0",
}
"""Strings of a whole GPU, by docs/driver-attributes.md of the driver."""
UP_TO_2025 = {
    "type": "amdgpu",
    "deviceID": "994913940318892495",
    "family": "AI",
    "productName": "AMD_Instinct_MI300X_OAM",
    "pciAddr": "0003:00:02.0",
}
"""By docs/demo.md of the driver, October 2025."""
PART = {**TODAY, "type": "amdgpu-partition", "partitionProfile": "cpx_nps4"}


def published(*devices: dict[str, str]) -> list[Object]:
    listed = [
        {
            "name": f"gpu-{index}-{index + 128}",
            "attributes": {
                **{name: {"string": value} for name, value in strings.items()},
                "driverVersion": {"version": "6.12.12"},
            },
        }
        for index, strings in enumerate(devices)
    ]
    return [resource_slice("n", listed, driver="gpu.amd.com")]


def by_claims(*devices: dict[str, str]) -> AcceleratorNode:
    slices = published(*devices)
    (found,) = list_accelerator_nodes(PROFILE, nodes=[node("n")], slices=slices, **EMPTY)
    return found


def seen(*lines: str, renders: int = 1, cards: int = 1, other: str = "") -> View:
    """What a container sees that has these nodes; the tool says the lines."""
    said = [
        "major\t226\tdrm",
        "device\t/dev/kfd\t235\t0\t-",
        *(f"device\t/dev/dri/card{n}\t226\t{n}\tNo such device" for n in range(cards)),
        *(f"device\t/dev/dri/renderD{n + 128}\t226\t{n + 128}\topened" for n in range(renders)),
        *([f"device\t{other}\t-"] if other else []),
        *("tool\t/opt/rocm/bin/amd-smi", "tool-exit\t0"),
        *(f"listed\t{line}" for line in lines),
        "end\n",
    ]
    return parse_view(PROFILE, GangStatus(stdout="\n".join(said)))


@pytest.mark.parametrize(
    ("strings", "identity", "domain"),
    [
        (TODAY, "0000:0c:00.0", "resource.kubernetes.io'].pciBusID"),
        (UP_TO_2025, "0003:00:02.0", "gpu.amd.com'].pciAddr"),
        ({**TODAY, **UP_TO_2025}, "0000:0c:00.0", "resource.kubernetes.io'].pciBusID"),
    ],
)
def test_both_generations_of_the_driver_name_a_device_by_its_bus_id(
    strings: dict[str, str], identity: str, domain: str
) -> None:
    found = by_claims(strings)

    assert found.unallocated[0].identity == identity
    assert f"device.attributes['{domain} == '{identity}'" in choosing(found)
    assert f"device.attributes['{domain} == 'no-such-device'" in nobodys_device(found)
    assert pool_faults(PROFILE, [node("n")], published(strings)) == []


def test_one_bus_id_twice_is_a_fault() -> None:
    faults = pool_faults(PROFILE, [node("n")], published(TODAY, UP_TO_2025, TODAY))

    assert faults == ["devices n/gpu-0-128 and n/gpu-2-130 are both 0000:0c:00.0"]


def test_nodes_have_the_same_bus_ids() -> None:
    first, second = published(TODAY), published(TODAY)
    second[0]["spec"] |= {"nodeName": "m", "pool": {**second[0]["spec"]["pool"], "name": "m"}}

    assert pool_faults(PROFILE, [node("n"), node("m")], [*first, *second]) == []
    assert by_claims(TODAY).known_as("0000:0c:00.0") == "0000:0c:00.0 of n"


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (HEADING, ""),
        (FIRST, "0000:0c:00.0"),
        (FIRST.upper(), "0000:0c:00.0"),
        ("0,0000:0c:00.0,67ff74a1-0000-1000-8081-b5b9fd6edd00", "0000:0c:00.0"),
        ("1,0000:01:00.1,N/A,N/A,N/A,1", "0000:01:00.1"),
        ("0,N/A,N/A,N/A,N/A,0", ""),
        ("ERROR:root:Unable to get devices, driver not initialized (amdgpu not found)", ""),
        ("", ""),
    ],
)
def test_the_list_is_read_below_its_heading(line: str, identity: str) -> None:
    assert parse_identity(line) == identity


def test_a_device_has_a_card_a_render_node_and_shares_the_compute_node() -> None:
    view = seen(HEADING, FIRST)

    assert [one.path for one in view.reachable] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    assert [one.path for one in view.units] == ["/dev/dri/renderD128"]
    grant = grants.of_devices(by_claims(TODAY), ["0000:0c:00.0"], [], "claim")
    assert grants.differences(grant, view, PROFILE.sharing) == []


@pytest.mark.parametrize(
    "view",
    [
        seen(HEADING, FIRST, SECOND, renders=2),
        seen(HEADING, FIRST, other="/dev/innocent\t226\t129"),
        seen(HEADING, SECOND),
        seen(HEADING, renders=0),
    ],
    ids=["another render node", "one that hides", "another device", "none"],
)
def test_another_device_than_the_granted_one_is_seen(view: View) -> None:
    grant = grants.of_devices(by_claims(TODAY), ["0000:0c:00.0"], [], "claim")

    assert grants.differences(grant, view, PROFILE.sharing)


def test_a_card_alone_reaches_a_device_as_well() -> None:
    assert [one.path for one in seen(renders=0).reachable] == ["/dev/dri/card0"]
    assert seen(renders=0, cards=0).reachable == ()


def test_a_tool_that_lists_what_the_container_cannot_open_has_told_nothing() -> None:
    view = seen(HEADING, FIRST, SECOND, renders=1)

    assert (view.listed, view.told) == ((), False)
    assert "lists the devices of the node" in view.trouble_with("amd-smi")
    assert "lists the devices of the node" in str(view)
    grant = grants.of_devices(by_claims(TODAY), ["0000:0c:00.0"], [], "claim")
    assert grants.differences(grant, view, PROFILE.sharing) == []
    strict = dataclasses.replace(PROFILE, lists_unreachable=False)
    assert (
        len(
            parse_view(
                strict, GangStatus(stdout=f"tool\tx\ntool-exit\t0\nlisted\t{FIRST}\nend\n")
            ).listed
        )
        == 1
    )


def test_parts_of_a_gpu_have_its_bus_id_and_are_counted() -> None:
    found = by_claims(PART, PART)

    assert (found.unit, found.total) == ("partition", 2)
    assert [
        one.identity for one in devices_of(PROFILE, "n", published(PART), ("amdgpu-partition",))
    ] == [""]
    grant = grants.of_devices(found, ["", ""], [], "claim")
    both = seen(HEADING, "0,0000:0c:00.0,a,1,1,0", "1,0000:0c:00.1,b,2,2,1", renders=2, cards=2)
    assert grants.differences(grant, both, PROFILE.sharing) == []
    assert grants.differences(
        grant, seen(HEADING, FIRST, SECOND, SECOND, renders=3), PROFILE.sharing
    )


@pytest.mark.parametrize(
    ("resource", "labels", "unit"),
    [
        ("amd.com/gpu", {}, "device"),
        ("amd.com/gpu", {"amd.com/gpu.compute-memory-partition": "spx_nps1"}, "device"),
        ("amd.com/gpu", {"amd.com/gpu.compute-memory-partition": "cpx_nps4"}, "partition"),
        ("amd.com/spx_nps1", {}, "device"),
        ("amd.com/cpx_nps4", {}, "partition"),
        ("amd.com/dpx_nps2", {}, "partition"),
    ],
)
def test_the_device_plugin_counts_devices_or_parts(
    resource: str, labels: dict[str, str], unit: str
) -> None:
    offering = node("n", allocatable={resource: "8"})
    offering["metadata"]["labels"] |= labels

    (found,) = list_accelerator_nodes(PROFILE, nodes=[offering], slices=[], **EMPTY)

    assert (found.extended_resource, found.unit, found.total) == (resource, unit, 8)


@pytest.mark.parametrize(
    ("told", "view", "agrees"),
    [
        ("0000:0c:00.0", seen(HEADING, FIRST), True),
        ("0000:0c:00.0", seen(HEADING, SECOND), False),
        ("amdgpu_xcp_30", seen(HEADING, "1,0000:0c:00.1,b,2,2,1"), True),
        ("amdgpu_xcp_30", seen(HEADING, FIRST, SECOND, renders=2), False),
    ],
)
def test_ids_of_the_device_plugin_are_bus_ids_of_devices_and_names_of_parts(
    told: str, view: View, agrees: bool
) -> None:
    offering = node("n", allocatable={"amd.com/gpu": "8"})
    (on,) = list_accelerator_nodes(PROFILE, nodes=[offering], slices=[], **EMPTY)
    units = {"name": "amd.com/gpu", "resources": [{"resourceID": told}]}
    status = {"name": "main", "allocatedResourcesStatus": [units]}
    container = {"name": "main", "resources": {"limits": {"amd.com/gpu": "1"}}}

    grant = grants.counted(on, {"status": {"containerStatuses": [status]}}, container, "ns/p")

    assert (grants.differences(grant, view, PROFILE.sharing) == []) is agrees
    assert grant.is_told


def test_the_load_is_the_first_column_behind_the_number_of_the_device() -> None:
    heading = "gpu,gfx_activity,umc_activity,mm_activity,vcn_0"

    assert listed_loads(PROFILE, [heading, "0,95,80,N/A,0", "1,0,0,N/A,0"]) == {"0": 0.95, "1": 0.0}
    assert listed_loads(PROFILE, [heading, "0,N/A,N/A,N/A,N/A"]) == {}
    assert "\t" not in " ".join(PROFILE.load_program)
    assert all(" " not in word for word in PROFILE.load_program), "a shell splits them"
