"""A node or device that cannot be had says something of itself alone; another is taken."""

import dataclasses
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.device_taints import with_rules
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.accelerators.inventory import (
    AcceleratorNode,
    alternatives,
    list_accelerator_nodes,
    representatives,
)
from aicr_pytest.accelerators.nodes import nothing_runs_on
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.errors import NoCapacity, PolicyRefused, WaitTimeout
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.requirements.dra_support.device_selectors import chosen_device
from aicr_pytest.run.survey import Survey, software_of
from tests.unit.accelerators.objects import device, device_class, node, resource_slice
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import written_by

RUN = "20260102-101010-bbbb"
GPU = {"nvidia.com/gpu": "8"}
ROOMY = {"cpu": "8", "memory": "32Gi", "pods": "110", **GPU}


def stock(
    *nodes: Any, pods: Any = (), slices: Any = (), ours: Collection[str] = ()
) -> list[AcceleratorNode]:
    return list_accelerator_nodes(
        PROFILE,
        nodes=nodes,
        slices=slices,
        claims=[],
        classes=[device_class("gpu.nvidia.com")],
        pods=pods,
        ours=ours,
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
        "karpenter.sh/disrupting",
        "karpenter.sh/unregistered",
        "ebs.csi.aws.com/agent-not-ready",
        "aws-node-termination-handler/spot-itn",
        "aws-node-termination-handler/scheduled-maintenance",
        "remediation.medik8s.io/self-node-remediation",
        "medik8s.io/drain",
        "nvidia.com/gpu-driver-upgrade",
        "nvidia.com/gpu-driver-upgrade-state",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu",
        "node.cluster.x-k8s.io/uninitialized",
        "readiness.k8s.io/nvidia.com/driver",
        "cloud.google.com/impending-node-termination",
        "kubevirt.io/drain",
    ],
)
def test_another_node_of_the_kind_is_taken_where_one_is_tainted_by_its_state(taint: str) -> None:
    first, second = stock(tainted("n0", taint), node("n1", allocatable=ROOMY))

    assert [one.name for one in representatives([first, second])] == ["n1"]
    assert first.hindrance == f"tainted {taint}"
    assert first.taints == (), "what is a state is not tolerated"
    assert representatives([first]) == []


@pytest.mark.parametrize(
    "taint",
    [
        "nvidia.com/gpu",
        "amd.com/gpu",
        "dedicated",
        "team.example.com/upgrade-tests",
        "kubernetes.azure.com/scalesetpriority",
        "cloud.google.com/gke-spot",
        "node-role.kubernetes.io/control-plane",
        "eks.amazonaws.com/compute-type",
        "karpenter.sh/nodepool",
    ],
)
def test_a_taint_that_says_whom_a_node_is_for_is_tolerated(taint: str) -> None:
    (found,) = stock(tainted("n0", taint))

    assert (found.hindrance, found.taints) == ("", ((taint, "", "NoSchedule"),))


def test_a_node_whose_taints_are_null_has_none() -> None:
    (found,) = stock(node("n0", allocatable=ROOMY, taints=None))

    assert (found.hindrance, found.taints) == ("", ())


def test_a_preference_keeps_nobody_away() -> None:
    (found,) = stock(tainted("n0", "DeletionCandidateOfClusterAutoscaler", "PreferNoSchedule"))

    assert found.hindrance == ""
    assert found.taints == ()


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
    (ours,) = stock(node("n0", allocatable=ROOMY), pods=pods, ours={"batch"})
    assert ours.has_room, "pods of ours leave before it is the next one's turn"


def test_nodes_as_good_may_be_looked_at_in_place_of_the_chosen_ones() -> None:
    kept = tainted("n1", "node.kubernetes.io/disk-pressure")
    those = [node(f"n{number}", allocatable=ROOMY) for number in (0, 2, 3, 4, 5, 6)]
    small = node("n9", allocatable={**ROOMY, PROFILE.extended_resource: "1"})
    found = stock(*those, kept, small)
    names = [[one.name for one in nodes] for nodes in alternatives(found, representatives(found))]

    assert names == [["n0"], ["n2"], ["n3"], ["n4"]]
    assert alternatives(found, []) == []


def test_whatever_checks_have_looked_at_is_told_in_the_end() -> None:
    seen = Survey(nodes=("node-0", "node-1"), looked_at=("node-0",))
    redactor = Redactor(learned=[("node", name) for name in seen.nodes])
    first, second = (redactor.publish(f"looked at: {name}")[11:] for name in seen.nodes)

    assert "node-1" not in (first, second)
    assert seen.corrected({second}, redactor.publish).looked_at == ("node-1",)
    assert seen.corrected({first, second}, redactor.publish).looked_at == ("node-0", "node-1")
    assert seen.corrected(set(), redactor.publish).looked_at == ("node-0",)


def test_virtual_nodes_are_left_out() -> None:
    labelled = {"metadata": {"name": "v", "labels": {"type": "virtual-kubelet"}}}

    assert nothing_runs_on(labelled)
    assert nothing_runs_on(tainted("v", "virtual-kubelet.io/provider"))
    assert not nothing_runs_on(tainted("v", "nvidia.com/gpu"))


DRIVER = "device.driver"
UUID = "device.attributes['gpu.nvidia.com'].uuid"


def by_cel(*expressions: str) -> dict[str, Any]:
    return {"selectors": [{"cel": {"expression": one}} for one in expressions]}


def rule(selector: dict[str, Any] | None, effect: str = "NoSchedule") -> Any:
    taint = {"key": "example.com/unhealthy", "value": "xid-79", "effect": effect}
    chosen = {} if selector is None else {"deviceSelector": selector}
    return {"metadata": {"name": "xid"}, "spec": {**chosen, "taint": taint}}


def two_nodes() -> list[Any]:
    """Two devices on each of two nodes; the second has slot 1 and is not good."""
    devices = {name: [device(index, name) for index in range(2)] for name in ("n0", "n1")}
    for name in devices:
        for index, one in enumerate(devices[name]):
            one["attributes"] |= {"slot": {"int": index}, "good": {"bool": index == 0}}
    return [resource_slice(name, of_node) for name, of_node in devices.items()]


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
        ({"driver": "gpu.nvidia.com", "device": "gpu-1"}, {"n0": 1, "n1": 1}),
        ({}, {"n0": 0, "n1": 0}),
        (None, {"n0": 2, "n1": 2}),
        ({"deviceClassName": "gpu.nvidia.com"}, {"n0": 0, "n1": 0}),
        ({"deviceClassName": "gpu.nvidia.com", "pool": "n1"}, {"n0": 2, "n1": 0}),
        ({"deviceClassName": "none"}, {"n0": 2, "n1": 2}),
        (by_cel(f"{UUID} == 'GPU-n0-1'"), {"n0": 1, "n1": 2}),
        (
            by_cel(f"device.driver == 'gpu.nvidia.com' && {UUID} == \"GPU-n1-0\""),
            {"n0": 2, "n1": 1},
        ),
        (by_cel("device.driver == 'gpu.nvidia.com'", f"{UUID} == 'GPU-n0-0'"), {"n0": 1, "n1": 2}),
        (by_cel("device.driver == 'other.example.com' && anything()"), {"n0": 2, "n1": 2}),
        (by_cel("device.attributes['gpu.nvidia.com'].healthy == false"), {"n0": 2, "n1": 2}),
        (by_cel("device.attributes['gpu.nvidia.com'].slot == 1"), {"n0": 1, "n1": 1}),
        (by_cel("device.attributes['gpu.nvidia.com'].good == false"), {"n0": 1, "n1": 1}),
    ],
)
def test_an_administrators_rule_taints_what_it_selects(
    selector: dict[str, Any] | None, kept: dict[str, int]
) -> None:
    slices = two_nodes()
    ruled = with_rules(slices, [rule(selector)], [device_class("gpu.nvidia.com")])
    found = stock(node("n0"), node("n1"), slices=ruled)

    assert {one.name: one.total for one in found} == {k: v for k, v in kept.items() if v}
    assert all("taints" not in item for one in slices for item in one["spec"]["devices"])


DOUBT = "example.com/unhealthy by DeviceTaintRule xid"


@pytest.mark.parametrize(
    "selector",
    [
        by_cel("device.attributes['gpu.nvidia.com'].memory.compareTo(quantity('1Gi')) < 0"),
        by_cel(f"{UUID} == 'GPU-n0-0' || {UUID} == 'GPU-n0-1'"),
        by_cel(f"!({UUID} == 'GPU-n0-0')"),
        by_cel(f"!(odd() && {DRIVER} == 'other' && {UUID} == 'a')"),
        by_cel(f"odd() || {UUID} == 'a' && {DRIVER} == 'other'"),
        by_cel(f"odd() ? {UUID} == 'a' : {DRIVER} == 'x' && {DRIVER} == 'other'"),
        by_cel(f"odd('\\\\' && ') && {DRIVER} == 'other' && odd('')"),
        by_cel(""),
        by_cel("device.attributes['gpu.nvidia.com'].unknown == 'a'"),
        {"deviceClassName": "gone"},
        {"selectors": [{"wasm": {}}]},
        {"somethingNew": "x", "driver": "gpu.nvidia.com"},
    ],
    ids=str,
)
def test_a_rule_that_only_the_scheduler_can_tell_leaves_devices_in_doubt(selector: Any) -> None:
    slices = with_rules(two_nodes(), [rule(selector)], [device_class("gpu.nvidia.com")])
    first, _ = found = stock(node("n0"), node("n1"), slices=slices)

    assert first.total == first.free == 2
    assert {one.in_doubt for one in first.devices} == {DOUBT}
    told = f"in doubt: n0: gpu-0 may be tainted {DOUBT}, which only the scheduler can tell"
    assert told in Survey(stock=tuple(found)).remarks()


def test_a_rule_without_effect_on_scheduling_changes_nothing() -> None:
    slices = two_nodes()
    assert with_rules(slices, [rule({}, effect="None")]) == slices


def test_a_device_in_doubt_is_chosen_last_and_accuses_nobody(
    cluster: Cluster, fake: FakeApi
) -> None:
    api = "/apis/resource.k8s.io"
    kinds = {"v1": ["ResourceSlice"], "v1alpha3": ["DeviceTaintRule"]}
    for version, those in kinds.items():
        served = [{"name": f"{one.lower()}s", "kind": one, "namespaced": False} for one in those]
        fake.resources[f"{api}/{version}"] = served
    fake.put("/api/v1/nodes", node("n0", allocatable={**ROOMY, "nvidia.com/gpu": "0"}))
    fake.put(f"{api}/v1/deviceclasses", device_class("gpu.nvidia.com"))
    fake.put(f"{api}/v1/resourceslices", two_nodes()[0])
    doubtful = by_cel(f"{UUID} == 'GPU-n0-1' && odd()")
    fake.put(f"{api}/v1alpha3/devicetaintrules", rule(doubtful))
    accelerators = Accelerators(cluster)
    (found,) = accelerators.stock
    none = Finding(who="platform", reason="cannot allocate all claims")
    pod = {"metadata": {"name": "p"}}

    assert [one.in_doubt for one in found.devices] == ["", DOUBT]
    assert chosen_device(found).name == "gpu-0"
    with pytest.raises(WaitTimeout, match="none of the 2 free accelerators"):
        accelerators.why_pending(found, 1)(pod, none)
    with pytest.raises(NoCapacity, match="gpu-1 may be tainted example"):
        accelerators.why_pending(found, 2)(pod, none)
    with pytest.raises(NoCapacity, match="gpu-1 may be tainted example"):
        accelerators.why_pending(found, 1, only=found.devices[1])(pod, none)


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
    assert not refused.value.held, "it would be refused also if we held nothing"


@pytest.mark.parametrize(
    ("foreign", "needed", "held"), [(6, 2, True), (7, 2, False), (0, 9, False)]
)
def test_a_refusal_tells_of_what_we_hold_only_where_there_would_be_room_without_us(
    cluster: Cluster, fake: FakeApi, foreign: int, needed: int, held: bool
) -> None:
    fake.put("/api/v1/nodes", node("n0", allocatable=ROOMY))
    mine = names.namespace_name(RUN, "test_dra_support", "0a1b")
    namespace: Any = {"metadata": {"name": mine, "labels": labels.run_labels(RUN)}}
    fake.put("/api/v1/namespaces", written_by("aicr-pytest", namespace))
    for name, count in ((mine, 8 - foreign), ("prod", foreign)):
        limits = {"nvidia.com/gpu": str(count)}
        spec = {"nodeName": "n0", "containers": [{"name": "c", "resources": {"limits": limits}}]}
        holder = {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running"}}
        fake.put(f"/api/v1/namespaces/{name}/pods", holder)
    accelerators = Accelerators(cluster)
    devices = Finding(who="platform", reason="1 Insufficient nvidia.com/gpu")

    with pytest.raises(NoCapacity, match="0 of 8 are free") as refused:
        accelerators.why_pending(accelerators.stock[0], needed)(
            {"metadata": {"name": "p"}}, devices
        )
    assert refused.value.held is held


def test_what_is_beside_and_what_waits_is_told_before_anything_is_created() -> None:
    waiting = {**device(0, "n0"), "bindingConditions": ["example.com/attached"]}
    offered = node("n1", allocatable={**ROOMY, "nvidia.com/mig-1g.5gb": "7"})
    found = stock(node("n0"), offered, slices=[resource_slice("n0", [waiting])])
    seen = Survey(stock=tuple(found), undescribed=("n2: amd.com/gpu",), looked_at=("n0", "n1"))

    assert seen.lines() == [str(one) for one in found]
    alone = dataclasses.replace(seen, looked_at=("n0",)).lines()
    assert alone == [
        str(found[0]),
        "1 more node of these kinds, looked at only where these are busy",
    ]
    assert seen.remarks() == [
        "left out: n1: 7 nvidia.com/mig-1g.5gb are allocatable, too",
        "left out: n2: amd.com/gpu, of a vendor that is not looked at",
        "in doubt: n0: gpu-0 waits for example.com/attached, which only the scheduler can tell",
    ]


def test_a_note_of_a_node_says_what_stands_in_its_way() -> None:
    (found,) = stock(tainted("n0", "node.kubernetes.io/pid-pressure"))
    full = dataclasses.replace(found, has_room=False)
    seen = Survey(nodes=("n0", "v0"), stock=(full,), set_aside=("v0",))

    assert seen.nodes_seen()[0].note.startswith("tainted node.kubernetes.io/pid-pressure, full: ")
    assert "left out: v0: simulated or virtual" in seen.remarks()


def test_nodes_are_seen_with_what_runs_them() -> None:
    told = {
        "kernelVersion": "6.12.1",
        "osImage": "Debian 13",
        "containerRuntimeVersion": "containerd://2.2.0",
        "kubeletVersion": "v1.37.2",
        "bootID": "not of interest",
    }
    one = node("n0") | {"status": {"nodeInfo": told}}
    seen = Survey(nodes=("n0", "new"), software={"n0": software_of(one)})

    assert software_of(node("new") | {"status": {}}) == ""
    assert [found.software for found in seen.nodes_seen()] == [
        "v1.37.2, containerd://2.2.0, Debian 13, 6.12.1",
        "",
    ]


def test_classes_by_which_a_driver_is_asked_are_kept_with_its_slices(
    cluster: Cluster, fake: FakeApi
) -> None:
    api = "/apis/resource.k8s.io"
    fake.put("/api/v1/nodes", node("n0", allocatable=ROOMY))
    for name, driver in (("gpu.nvidia.com", "gpu.nvidia.com"), ("nic", "dra.net")):
        fake.put(f"{api}/v1/deviceclasses", device_class(name, driver=driver))
    fake.put(f"{api}/v1/resourceslices", two_nodes()[0])
    kept: dict[str, Any] = {}
    evidence: Any = SimpleNamespace(
        table=lambda *_, **__: None, yaml=lambda title, content, **_: kept.update({title: content})
    )

    Accelerators(cluster).incomplete_publications(evidence)

    (found,) = kept["DeviceClasses by which gpu.nvidia.com is asked"]["items"]
    assert found["metadata"]["name"] == "gpu.nvidia.com"
