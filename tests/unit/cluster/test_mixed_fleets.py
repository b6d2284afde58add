"""A node or device that cannot be had says something of itself alone; another is taken."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.accelerators.device_taints import with_rules
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.accelerators.inventory import (
    AcceleratorNode,
    list_accelerator_nodes,
    nothing_runs_on,
    representatives,
)
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.errors import NoCapacity, PolicyRefused, WaitTimeout
from aicr_pytest.run.survey import Survey
from tests.unit.accelerators.objects import device, device_class, node, resource_slice
from tests.unit.cluster.fake_api import FakeApi

GPU = {"nvidia.com/gpu": "8"}
ROOMY = {"cpu": "8", "memory": "32Gi", "pods": "110", **GPU}


def stock(*nodes: Any, pods: Any = (), slices: Any = ()) -> list[AcceleratorNode]:
    return list_accelerator_nodes(
        PROFILE,
        nodes=nodes,
        slices=slices,
        claims=[],
        classes=[device_class("gpu.nvidia.com")],
        pods=pods,
    )


def tainted(name: str, key: str, effect: str = "NoSchedule") -> Any:
    return node(name, allocatable=ROOMY, taints=[{"key": key, "effect": effect}])


@pytest.mark.parametrize(
    "taint",
    [
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/out-of-service",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cilium.io/agent-not-ready",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
    ],
)
def test_another_node_of_the_kind_is_taken_where_one_is_tainted_by_its_state(taint: str) -> None:
    first, second = stock(tainted("n0", taint), node("n1", allocatable=ROOMY))

    assert [one.name for one in representatives([first, second])] == ["n1"]
    assert first.hindrance == f"tainted {taint}"
    assert first.taints == (), "what is a state is not tolerated"
    assert representatives([first]) == []


def test_a_taint_that_says_whom_a_node_is_for_is_tolerated() -> None:
    (found,) = stock(tainted("n0", "nvidia.com/gpu"))

    assert (found.hindrance, found.taints) == ("", (("nvidia.com/gpu", "", "NoSchedule"),))


def test_a_preference_keeps_nobody_away() -> None:
    (found,) = stock(tainted("n0", "DeletionCandidateOfClusterAutoscaler", "PreferNoSchedule"))

    assert found.hindrance == ""


@pytest.mark.parametrize(
    ("resource", "quantity"), [("cpu", "7950m"), ("memory", "32600Mi"), ("pods", "")]
)
def test_a_full_node_is_taken_only_where_there_is_no_other(resource: str, quantity: str) -> None:
    filler: Any = {
        "metadata": {"name": "preprocess", "namespace": "batch"},
        "spec": {
            "nodeName": "n0",
            "containers": [{"name": "c", "resources": {"requests": {resource: quantity}}}],
        },
        "status": {"phase": "Running"},
    }
    pods = [filler] * 108 if resource == "pods" else [filler]
    full, roomy = stock(node("n0", allocatable=ROOMY), node("n1", allocatable=ROOMY), pods=pods)

    assert (full.has_room, roomy.has_room) == (False, True)
    assert [one.name for one in representatives([full, roomy])] == ["n1"]
    assert [one.name for one in representatives([full])] == ["n0"]


def test_virtual_nodes_are_left_out() -> None:
    labelled = {"metadata": {"name": "v", "labels": {"type": "virtual-kubelet"}}}

    assert nothing_runs_on(labelled)
    assert nothing_runs_on(tainted("v", "virtual-kubelet.io/provider"))
    assert not nothing_runs_on(tainted("v", "nvidia.com/gpu"))


def rule(**selector: str) -> Any:
    taint = {"key": "example.com/unhealthy", "value": "xid-79", "effect": "NoSchedule"}
    return {"metadata": {"name": "xid"}, "spec": {"deviceSelector": selector, "taint": taint}}


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_tainted_device_is_neither_offered_nor_free(effect: str) -> None:
    devices = [device(index, "n0") for index in range(3)]
    devices[2]["taints"] = [{"key": "gpu.nvidia.com/xid", "effect": effect}]
    (found,) = stock(node("n0"), slices=[resource_slice("n0", devices)])

    assert (found.total, found.free, found.capacity) == (2, 2, 2)
    assert found.left_out == ("gpu-2 is tainted gpu.nvidia.com/xid",)
    remarks = Survey(stock=(found,)).remarks()
    assert "left out: n0: gpu-2 is tainted gpu.nvidia.com/xid" in remarks


@pytest.mark.parametrize(
    ("selector", "kept"),
    [
        ({"driver": "gpu.nvidia.com", "pool": "n0", "device": "gpu-1"}, {"n0": 1, "n1": 2}),
        ({"driver": "gpu.nvidia.com", "pool": "n1"}, {"n0": 2, "n1": 0}),
        ({"driver": "other.example.com"}, {"n0": 2, "n1": 2}),
        ({"deviceClassName": "gpu.nvidia.com"}, {"n0": 2, "n1": 2}),
    ],
)
def test_an_administrators_rule_taints_what_it_selects(
    selector: dict[str, str], kept: dict[str, int]
) -> None:
    slices = [
        resource_slice(name, [device(index, name) for index in range(2)]) for name in ("n0", "n1")
    ]
    found = stock(node("n0"), node("n1"), slices=with_rules(slices, [rule(**selector)]))

    assert {one.name: one.total for one in found} == {k: v for k, v in kept.items() if v}
    assert all("taints" not in item for one in slices for item in one["spec"]["devices"])


@pytest.fixture
def two(cluster: Cluster, fake: FakeApi) -> Accelerators:
    for name in ("n0", "n1"):
        fake.put("/api/v1/nodes", tainted(name, "node.kubernetes.io/disk-pressure"))
    return Accelerators(cluster)


def test_where_no_node_can_be_taken_each_is_told_with_its_reason(two: Accelerators) -> None:
    with pytest.raises(NoCapacity, match=r"n0 is tainted .*disk-pressure; n1 is tainted"):
        two.sample_nodes()


def test_a_pending_pod_accuses_only_for_devices_that_are_free(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.put("/api/v1/nodes", node("n0", allocatable=ROOMY))
    accelerators = Accelerators(cluster)
    judge = accelerators.why_pending(accelerators.stock[0], 1)
    pod = {"metadata": {"name": "p"}}
    short = Finding(who="room", reason="1 Insufficient cpu", way_out="Make room.")
    gated = Finding(who="policy", reason="kueue.x-k8s.io/admission", way_out="Exempt.")
    devices = Finding(who="platform", reason="1 Insufficient nvidia.com/gpu")

    with pytest.raises(NoCapacity, match="Insufficient cpu") as caught:
        judge(pod, short)
    assert not caught.value.held
    with pytest.raises(PolicyRefused, match="kueue"):
        judge(pod, gated)
    with pytest.raises(WaitTimeout, match=r"none of the 8 free accelerators of n0"):
        judge(pod, devices)
    with pytest.raises(NoCapacity, match=r"needs 9 accelerators of n0, 8 of 8 are free") as refused:
        accelerators.why_pending(accelerators.stock[0], 9)(pod, devices)
    assert refused.value.held


def test_a_note_of_a_node_says_what_stands_in_its_way() -> None:
    (found,) = stock(tainted("n0", "node.kubernetes.io/pid-pressure"))
    full = dataclasses.replace(found, has_room=False)
    seen = Survey(nodes=("n0", "v0"), stock=(full,), set_aside=("v0",))

    assert seen.nodes_seen()[0].note.startswith("tainted node.kubernetes.io/pid-pressure, full: ")
    assert "left out: v0: simulated or virtual" in seen.remarks()
