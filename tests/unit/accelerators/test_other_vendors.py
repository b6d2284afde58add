"""Accelerators without a profile are known by rules; other devices stay what they are."""

from typing import Any

import pytest

from aicr_pytest.accelerators.other_vendors import (
    is_accelerator,
    publishes_accelerators,
    unknown_vendors,
)
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from tests.unit.accelerators.field_cases import stock, world
from tests.unit.accelerators.objects import node


def published(driver: str, name: str = "d0", **attributes: str) -> dict[str, Any]:
    values = {key: {"string": value} for key, value in attributes.items()}
    spec = {"driver": driver, "nodeName": "n", "devices": [{"name": name, "attributes": values}]}
    return {"metadata": {"name": "s"}, "spec": spec}


def test_vendors_that_publish_by_dra_only_are_unknown_and_named() -> None:
    objects = world("12")

    assert stock("12") == []
    assert unknown_vendors(objects["nodes"], [PROFILE], objects["slices"]) == [
        "a: gpu.amd.com",
        "b: gaudi.intel.com",
        "c: tpu.google.com",
        "d: gpu.intel.com",
    ]


@pytest.mark.parametrize(
    "resource",
    [
        "amd.com/gpu",
        "amd.com/cpx_nps4",
        "gpu.intel.com/i915",
        "gpu.intel.com/xe",
        "npu.intel.com/accel",
        "habana.ai/gaudi",
        "google.com/tpu",
        "aws.amazon.com/neuron",
        "aws.amazon.com/neuroncore",
        "aws.amazon.com/neurondevice",
        "qualcomm.com/qaic",
        "huawei.com/Ascend910",
        "huawei.com/npu",
        "cambricon.com/mlu",
        "metax-tech.com/gpu",
        "hygon.com/dcunum",
        "iluvatar.ai/vgpu",
        "volcano.sh/vgpu-number",
        "aliyun.com/gpu-mem",
        "tencent.com/vcuda-core",
        "rebellions.ai/ATOM",
    ],
)
def test_resources_of_accelerators_are_known_by_their_names(resource: str) -> None:
    assert is_accelerator(resource)
    assert unknown_vendors([node("n", allocatable={resource: "4"})], [PROFILE]) == [
        f"n: {resource}"
    ]
    assert unknown_vendors([node("n", allocatable={resource: "0"})], [PROFILE]) == []


@pytest.mark.parametrize(
    "resource",
    [
        "rdma/hca_shared_devices_a",
        "intel.com/sriov_netdevice",
        "qat.intel.com/generic",
        "sgx.intel.com/epc",
        "openshift.io/mlxnics",
        "vpc.amazonaws.com/pod-eni",
        "devices.kubevirt.io/kvm",
        "smarter-devices/fuse",
        "example.com/output",
        "nvidia.com/hostdev",
        "nvidia.com/mlnxnics",
        "amd.com/nic",
        "amd.com/vnic",
        "hugepages-2Mi",
        "cpu",
        "ephemeral-storage",
    ],
)
def test_other_resources_are_no_accelerators(resource: str) -> None:
    assert unknown_vendors([node("n", allocatable={resource: "4"})], [PROFILE]) == []


@pytest.mark.parametrize(
    ("driver", "attributes"),
    [
        ("gpu.example.com", {}),
        ("npu.intel.com", {}),
        ("neuron.aws.com", {}),
        ("devices.example.com", {"type": "gpu"}),
        ("devices.example.com", {"devices.example.com/kind": "amdgpu-partition"}),
        ("furiosa.ai", {"deviceType": "npu"}),
    ],
)
def test_drivers_of_accelerators_are_known_by_their_names_or_their_devices(
    driver: str, attributes: dict[str, str]
) -> None:
    found = published(driver, **attributes)

    assert publishes_accelerators(found)
    assert unknown_vendors([node("n")], [PROFILE], [found]) == [f"n: {driver}"]
    assert unknown_vendors([node("m")], [PROFILE], [found]) == [], "its node is left out"
    del found["spec"]["nodeName"]
    assert unknown_vendors([node("n")], [PROFILE], [found]) == [f"no single node: {driver}"]
    found["spec"]["devices"] = []
    assert unknown_vendors([node("n")], [PROFILE], [found]) == []


@pytest.mark.parametrize(
    ("driver", "attributes"),
    [
        ("dra.net", {"dra.net/type": "device", "dra.net/ifName": "gpu0rdma0"}),
        ("dra.cpu", {"type": "cpu"}),
        ("dra.memory", {"type": "hugepages"}),
        ("sriovnetwork.k8snetworkplumbingwg.io", {"type": "vf"}),
        ("compute-domain.nvidia.com", {"type": "channel"}),
        ("networking.gke.io", {"type": "gpu-nic"}),
        ("qat.intel.com", {"type": "sym"}),
    ],
)
def test_other_drivers_stay_what_they_are(driver: str, attributes: dict[str, str]) -> None:
    assert unknown_vendors([node("n")], [PROFILE], [published(driver, **attributes)]) == []


def test_devices_of_the_described_driver_are_no_unknown_ones() -> None:
    assert unknown_vendors([node("n")], [PROFILE], [published(PROFILE.driver, type="vfio")]) == []
