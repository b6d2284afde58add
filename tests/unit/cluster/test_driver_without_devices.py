"""No claim was ever met: whether that is because there is no driver, or because it is broken."""

from typing import Any

import pytest

from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.errors import (
    DoesNotApply,
    Inconclusive,
    NoAccelerators,
    UnknownAccelerator,
)
from tests.unit.accelerators.field_cases import world
from tests.unit.accelerators.objects import device, device_class, node, resource_slice
from tests.unit.accelerators.test_pods import Notes
from tests.unit.cluster.fake_api import FakeApi

API = "/apis/resource.k8s.io/v1"
KINDS = {"deviceclasses": "DeviceClass", "resourceslices": "ResourceSlice"}
GPUS = {"nvidia.com/gpu": "8"}


@pytest.fixture
def served(fake: FakeApi) -> FakeApi:
    """An API server with DRA, and a node of a device plugin."""
    fake.resources[API] = [
        {"name": name, "kind": kind, "namespaced": False} for name, kind in KINDS.items()
    ]
    fake.put("/api/v1/nodes", node("by-plugin", allocatable=GPUS))
    return fake


def amd(**more: Any) -> dict[str, Any]:
    found = resource_slice("n", [device(0, "n", type="amdgpu")], driver="gpu.amd.com")
    return {**found, "spec": {**found["spec"], **more}}


def test_claims_do_not_apply_where_there_is_no_driver(cluster: Cluster, served: FakeApi) -> None:
    nics = resource_slice("by-plugin", [device(0, "n", type="nic")], driver="dra.net")
    served.put(f"{API}/resourceslices", nics)

    with pytest.raises(DoesNotApply, match="by-plugin: 8 x nvidia, 8 free, by device-plugin"):
        Accelerators(cluster).sample_nodes("dra", "extended-resource")


def test_a_class_whose_driver_publishes_nothing_is_no_proof_that_claims_do_not_apply(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put(f"{API}/deviceclasses", device_class("gpu.nvidia.com"))

    with pytest.raises(Inconclusive, match=r"DeviceClass gpu\.nvidia\.com is for") as caught:
        Accelerators(cluster).sample_nodes("dra", "extended-resource")
    assert not isinstance(caught.value, NoAccelerators)
    assert caught.value.hint


def test_devices_that_the_user_wants_asked_for_otherwise_were_not_claimed(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put(f"{API}/resourceslices", resource_slice("by-plugin", [device(0, "by-plugin")]))

    with pytest.raises(Inconclusive, match=r"--aicr-allocation device-plugin.*hold 1 devices"):
        Accelerators(cluster, allocation="device-plugin").sample_nodes("dra")
    assert Accelerators(cluster).sample_nodes("dra")[0].mechanism == "dra"


def test_a_driver_of_an_unknown_vendor_beside_a_device_plugin_is_unknown(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put(f"{API}/resourceslices", amd(nodeName="by-plugin"))
    accelerators = Accelerators(cluster)

    with pytest.raises(UnknownAccelerator, match=r"by-plugin: gpu\.amd\.com"):
        accelerators.sample_nodes("dra", "extended-resource")
    assert accelerators.sample_nodes()
    assert accelerators.undescribed == ["by-plugin: gpu.amd.com"]


def test_vendors_of_the_field_that_publish_by_dra_only_are_unknown(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put("/api/v1/nodes", node("by-plugin"))
    for name, objects in (("/api/v1/nodes", "nodes"), (f"{API}/resourceslices", "slices")):
        for one in world("12")[objects][1:]:
            served.put(name, one)

    with pytest.raises(UnknownAccelerator, match=r"b: gaudi.*c: tpu.*d: gpu\..*: nvidia, amd"):
        Accelerators(cluster).look()


def test_a_described_vendor_is_looked_at_and_the_others_are_told(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put("/api/v1/nodes", node("by-plugin"))
    for name, objects in (("/api/v1/nodes", "nodes"), (f"{API}/resourceslices", "slices")):
        for one in world("12")[objects]:
            served.put(name, one)
    accelerators = Accelerators(cluster)

    assert [str(one) for one in accelerators.look()] == [
        "a: 1 x AMD_Instinct_MI300X_OAM, 1 free, by dra"
    ]
    assert accelerators.undescribed == [
        "b: gaudi.intel.com",
        "c: tpu.google.com",
        "d: gpu.intel.com",
    ]


def test_what_is_of_the_vendor_and_not_described_is_named(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put("/api/v1/nodes", node("by-plugin", allocatable={"nvidia.com/GA102": "2"}))

    with pytest.raises(NoAccelerators, match=r"but nvidia\.com/GA102, which no profile describes"):
        Accelerators(cluster).look()


def test_both_offers_of_a_node_are_looked_at_and_each_as_itself(
    cluster: Cluster, served: FakeApi
) -> None:
    served.put(f"{API}/deviceclasses", device_class("gpu.nvidia.com"))
    devices = [device(index, "by-plugin") for index in range(8)]
    served.put(f"{API}/resourceslices", resource_slice("by-plugin", devices))
    accelerators = Accelerators(cluster)

    both = accelerators.sample_nodes()
    assert [(one.mechanism, one.total) for one in both] == [("dra", 8), ("device-plugin", 8)]
    for one in both:
        (now,) = accelerators.now([one])
        assert now.mechanism == one.mechanism
    silence: Any = Notes()
    (fault,) = accelerators.incomplete_publications(silence)
    assert "by-plugin offers devices twice: 8 by ResourceSlices and 8" in fault
