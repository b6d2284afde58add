"""What is granted and what is seen, compared: the judgement, on objects as the API gives them.

The pod is a stand-in that answers from memory; the lab's truth tests do the same with real ones.
"""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode, list_accelerator_nodes
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster import admission
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    DoesNotApply,
    NoCapacity,
    PodFailed,
    PolicyRefused,
    ProbeFailed,
)
from aicr_pytest.workloads.pods_per_node import NotCreated, PodsPerNode
from tests.unit.accelerators.objects import claim, device, device_class, node, resource_slice

A, B = "GPU-n0-0", "GPU-n0-1"


@dataclasses.dataclass
class Ran:
    stdout: str
    stderr: str = ""
    exit_code: int = 0


class Silence:
    """Evidence that nobody keeps."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@dataclasses.dataclass
class StandIn:
    """A pod that answers from memory."""

    seen: dict[str, str]
    spec: dict[str, Any]
    status: dict[str, Any]
    trouble: Exception | None = None
    name: str = "p"
    namespace: str = "ns"
    uid: str = "u1"
    started: int = 0
    changed: tuple[admission.Change, ...] = ()
    cluster: Any = dataclasses.field(
        default_factory=lambda: SimpleNamespace(spoken=lambda kind: kind)
    )

    @property
    def sent(self) -> dict[str, Any]:
        return {"spec": self.spec}

    @property
    def container(self) -> str:
        return "main"

    def changes(self) -> tuple[admission.Change, ...]:
        return self.changed

    def ready(self) -> None:
        self.started += 1
        if self.trouble:
            raise self.trouble

    def object(self) -> dict[str, Any]:
        return {"spec": {"nodeName": "n0"} | self.spec, "status": self.status}

    def run(self, *command: str, container: str = "") -> Ran:
        if "aicr-reach" in command:
            return Ran(self.seen[f"reach {command[-1]}"])
        return Ran(self.seen[container])


def stock(total: int = 2, mechanism: str = "dra") -> AcceleratorNode:
    by_plugin = mechanism == "device-plugin"
    slices = [resource_slice("n0", [device(index, "n0") for index in range(total)])]
    allocatable = {"nvidia.com/gpu": str(total)} if by_plugin else {}
    (found,) = list_accelerator_nodes(
        PROFILE,
        nodes=[node("n0", allocatable=allocatable)],
        slices=[] if by_plugin else slices,
        claims=[],
        classes=[device_class("gpu.nvidia.com")],
        pods=[],
    )
    return found


def sees(*numbers: int, listed: tuple[str, ...] | None = None, tool_exit: int = 0) -> str:
    rows = [f"device\t/dev/nvidia{n}\t240\t{n}\tNo such device or address" for n in numbers]
    if listed is not None:
        rows += ["tool\t/usr/bin/nvidia-smi", f"tool-exit\t{tool_exit}"]
        rows += [f"listed\t{identity}" for identity in listed]
    return "\n".join([*rows, "end"]) + "\n"


def holding(seen: str, *devices: str, total: int = 2, trouble: Exception | None = None) -> Any:
    """A pod whose claim was allocated these devices."""
    spec = {
        "resourceClaims": [{"name": "c", "resourceClaimName": "claim"}],
        "containers": [{"name": "main", "resources": {"claims": [{"name": "c"}]}}],
    }
    allocated = claim("claim", *(("n0", name) for name in devices))
    allocated["status"]["reservedFor"] = [{"uid": "u1"}]
    return AcceleratorPod(
        StandIn(seen={"main": seen}, spec=spec, status={}, trouble=trouble),  # type: ignore[arg-type]  # a stand-in
        stock(total),
        claims=lambda _: allocated,
        evidence=lambda: Silence(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )


def test_what_was_allocated_is_what_is_seen() -> None:
    assert holding(sees(0, listed=(A,)), "gpu-0").mismatches() == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (sees(0, 1, listed=(A, B)), "its device nodes are: /dev/nvidia0, /dev/nvidia1"),
        (sees(), "its device nodes are: none"),
        (sees(1, listed=(B,)), f"lists: {B}"),
        (sees(0, listed=(), tool_exit=6), "lists: none"),
        (sees(0, listed=(A, B)), f"lists: {A}, {B}"),
    ],
    ids=["all", "none", "another", "tool sees none", "tool sees more"],
)
def test_what_is_seen_beside_the_allocation_is_said(seen: str, words: str) -> None:
    assert words in "\n".join(holding(seen, "gpu-0").mismatches())


@pytest.mark.parametrize("seen", [sees(0), sees(0, listed=("x",), tool_exit=9)])
def test_devices_without_an_identity_prove_nothing(seen: str) -> None:
    with pytest.raises(ProbeFailed, match="cannot be read"):
        holding(seen, "gpu-0").mismatches()


def test_an_allocated_device_that_nobody_published_is_a_difference() -> None:
    found = holding(sees(0, listed=(A,)), "gpu-9").mismatches()

    assert "unpublished gpu-9" in found[0]


def test_the_device_plugin_tells_identities_where_the_kubelet_reports_them() -> None:
    status = {
        "containerStatuses": [
            {
                "name": "main",
                "allocatedResourcesStatus": [
                    {"name": "nvidia.com/gpu", "resources": [{"resourceID": B}]}
                ],
            }
        ]
    }
    spec = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    pod = AcceleratorPod(
        StandIn(seen={"main": sees(0, listed=(A,))}, spec=spec, status=status),  # type: ignore[arg-type]  # a stand-in
        stock(mechanism="device-plugin"),
        claims=lambda _: {},
        evidence=lambda: Silence(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )

    assert pod.grant().identities == (B,)
    assert f"was given 1 ({B})" in pod.mismatches()[0]


def test_an_extended_resource_is_read_from_the_claim_that_the_scheduler_made() -> None:
    status = {
        "extendedResourceClaimStatus": {
            "resourceClaimName": "made",
            "requestMappings": [{"containerName": "main", "requestName": "r"}],
        }
    }
    spec = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    pod = AcceleratorPod(
        StandIn(seen={}, spec=spec, status=status),  # type: ignore[arg-type]  # a stand-in
        stock(),
        claims=lambda _: claim("made", ("n0", "gpu-1")),
        evidence=lambda: Silence(),  # type: ignore[arg-type, return-value]  # a stand-in
        must_start=True,
    )

    assert pod.grant().identities == (B,)


def test_a_pod_on_another_node_proves_nothing() -> None:
    pod = holding(sees(), "gpu-0")
    pod.pod.spec["nodeName"] = "n1"

    with pytest.raises(ProbeFailed, match="runs on n1"):
        pod.mismatches()


def test_a_pod_that_does_not_start_accuses_only_where_starting_is_the_claim() -> None:
    failed = PodFailed("no")
    strict = holding(sees(), "gpu-0", trouble=failed)
    lenient = holding(sees(), "gpu-0", trouble=failed)
    lenient._must_start = False

    with pytest.raises(PodFailed):
        strict.mismatches()
    with pytest.raises(ProbeFailed, match="nothing to look into"):
        lenient.mismatches()


def test_a_pod_that_did_not_start_is_not_waited_for_again() -> None:
    pod = holding(sees(), "gpu-0", trouble=PodFailed("no"))
    for _ in range(3):
        with pytest.raises(PodFailed):
            pod.mismatches()

    assert pod.pod.started == 1


def test_no_capacity_is_asked_again_for_it_may_come() -> None:
    pod = holding(sees(), "gpu-0", trouble=NoCapacity("none free"))
    for _ in range(2):
        with pytest.raises(NoCapacity):
            pod.mismatches()

    assert pod.pod.started == 2


def test_intruders_are_found_by_their_own_device_node() -> None:
    holder, rival = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees(1, listed=(B,)), "gpu-1")
    holder.pod.seen["reach 0"] = "open\tNo such device or address\n"
    rival.pod.seen["reach 0"] = "open\tNo such device or address\n"

    assert "can open /dev/nvidia0" in rival.foreign_devices_opened(holder)[0]

    rival.pod.seen["reach 0"] = "open\tOperation not permitted\n"
    assert rival.foreign_devices_opened(holder) == []


def test_a_refusal_proves_nothing_where_the_victim_is_refused_as_well() -> None:
    holder, rival = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees(1, listed=(B,)), "gpu-1")
    holder.pod.seen["reach 0"] = "open\tPermission denied\n"

    with pytest.raises(ProbeFailed, match="its own"):
        rival.foreign_devices_opened(holder)


def test_without_mknod_what_is_visible_decides() -> None:
    holder, rival = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees(1, listed=(B,)), "gpu-1")
    holder.pod.seen["reach 0"] = "mknod\tOperation not permitted\n"

    assert rival.foreign_devices_opened(holder) == []


def test_two_pods_that_see_one_device_overlap_and_a_refused_claim_does_not() -> None:
    first, second = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees(0, listed=(A,)), "gpu-1")
    refused = holding(sees(), "gpu-1", trouble=NoCapacity("none free"))

    def everywhere(*pods: Any) -> PodsPerNode:
        return PodsPerNode("actor", pods)

    (shared,) = everywhere(second).devices_shared_with(everywhere(first))
    assert A in shared
    assert everywhere(refused).devices_shared_with(everywhere(first)) == []
    assert everywhere(first).devices_shared_with(everywhere(refused)) == []
    with pytest.raises(NoCapacity):
        everywhere(refused).devices_shared_with(everywhere(refused))


def test_two_devices_are_too_many_for_a_node_with_one() -> None:
    with pytest.raises(DoesNotApply):
        PodsPerNode("x", [holding(sees(), total=1)]).requiring_two_accelerators()


def not_created(name: str, why: AicrError, *, total: int = 2) -> list[NotCreated]:
    """Where a pod was refused, and by what."""
    return [NotCreated(on=dataclasses.replace(stock(total), name=name), why=why)]


def on_node(name: str, pod: Any, *, total: int = 2) -> Any:
    pod.on = dataclasses.replace(stock(total), name=name)
    pod.pod.spec["nodeName"] = name
    return pod


def test_a_node_with_one_accelerator_excuses_no_other_node() -> None:
    def actor(pod: str) -> PodsPerNode:
        small = on_node("small", holding(sees(0, listed=(B,)), pod), total=1)
        big = on_node("big", holding(sees(0, listed=(A,)), pod))
        return PodsPerNode(pod, [small, big] if pod == "gpu-0" else [big, small])

    (shared,) = actor("gpu-1").requiring_two_accelerators().devices_shared_with(actor("gpu-0"))

    assert A in shared


def test_a_pod_that_came_without_a_request_shares_nothing_and_proves_nothing() -> None:
    holder, outsider = holding(sees(0, listed=(A,)), "gpu-0"), holding(sees())
    outsider.pod.spec = {"containers": [{"name": "main"}]}

    with pytest.raises(NoCapacity, match="It takes two free accelerators on one node"):
        PodsPerNode("outsider", [outsider]).devices_shared_with(PodsPerNode("holder", [holder]))


def test_an_actor_of_two_kinds_is_one_actor_on_the_nodes_of_both() -> None:
    rivals = PodsPerNode("rival", [on_node("a", holding(sees(), "gpu-0"))])
    outsiders = PodsPerNode("outsider", [on_node("b", holding(sees()))])

    assert [pod.on.name for pod in rivals.joined_by(outsiders).pods] == ["a", "b"]
    assert [pod.on.name for pod in PodsPerNode("x", []).joined_by(rivals).pods] == ["a"]
    full = PodsPerNode("outsider", [], not_created("b", NoCapacity("none free")))
    assert [pod.on.name for pod in rivals.joined_by(full).pods] == ["a"]


def test_an_empty_fleet_is_no_observation() -> None:
    with pytest.raises(ProbeFailed):
        PodsPerNode("x", []).devices_not_as_granted()


def test_what_went_wrong_at_creation_is_raised_by_the_check_that_needs_it() -> None:
    pods_per_node = PodsPerNode("x", [], not_created("n0", PolicyRefused("quota")))

    with pytest.raises(PolicyRefused):
        pods_per_node.devices_not_as_granted()


def test_a_twin_that_sees_nothing_makes_the_negative_worthless() -> None:
    pods_per_node = PodsPerNode("holder", [holding(sees(), "gpu-0")])

    with pytest.raises(ProbeFailed, match="before the look"), pods_per_node.positive_control():
        pytest.fail("the body must not run")


PROXY = {"name": "linkerd-proxy"}


@pytest.mark.parametrize("first", [True, False])
def test_a_sidecar_is_not_taken_for_the_container_that_holds_the_device(first: bool) -> None:
    pod = holding(sees(0, listed=(A,)), "gpu-0")
    pod.pod.seen["linkerd-proxy"] = sees()
    ours = pod.pod.spec["containers"]
    pod.pod.spec["containers"] = [PROXY, *ours] if first else [*ours, PROXY]

    assert pod.mismatches() == []
    assert pod.unallocated_access() == []
    assert pod.held() == (A,)


@pytest.mark.parametrize("first", [True, False])
def test_a_device_that_is_not_injected_is_seen_beside_a_sidecar(first: bool) -> None:
    pod = holding(sees(), "gpu-0")
    pod.pod.seen["linkerd-proxy"] = sees()
    ours = pod.pod.spec["containers"]
    pod.pod.spec["containers"] = [PROXY, *ours] if first else [*ours, PROXY]

    assert "its device nodes are: none" in pod.mismatches()[0]


def test_a_sidecar_alone_is_noted_and_changes_nothing() -> None:
    pod = holding(sees(0, listed=(A,)), "gpu-0")
    pod.pod.changed = (admission.Change(field="containers[linkerd-proxy]", made="there"),)

    assert pod.mismatches() == []


@pytest.mark.parametrize(
    "field",
    [
        "containers[main].resources.limits.nvidia.com/gpu",
        "containers[main].resources.claims[c]",
        "containers[proxy].resources.limits.nvidia.com/gpu",
        "resourceClaims[c]",
        "runtimeClassName",
        "containers[main].env[NVIDIA_VISIBLE_DEVICES]",
        "containers[main].env[NVIDIA_VISIBLE_DEVICES].value",
    ],
)
def test_what_somebody_changed_in_how_devices_are_asked_for_is_not_judged(field: str) -> None:
    pod = holding(sees(), "gpu-0")
    pod.pod.changed = (admission.Change(field=field, made='"all"', manager="kyverno"),)

    with pytest.raises(PolicyRefused, match=r"was added by kyverno") as caught:
        pod.mismatches()
    assert field in str(caught.value)


def test_a_node_without_cpu_is_no_refusal_of_a_device() -> None:
    first = holding(sees(0, listed=(A,)), "gpu-0")
    full = holding(sees(), "gpu-1", trouble=NoCapacity("Insufficient cpu", held=False))

    with pytest.raises(NoCapacity, match="Insufficient cpu"):
        PodsPerNode("full", [full]).devices_shared_with(PodsPerNode("first", [first]))


class Notes(Silence):
    """Evidence that keeps what was not looked at."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []

    def not_looked_at(self, where: str, why: str) -> None:
        self.kept.append((where, why))


def mixed(seen: str, trouble: Exception) -> tuple[PodsPerNode, Notes]:
    """Pods on two nodes: one can be looked into, one cannot."""
    notes = Notes()
    good, bad = holding(seen, "gpu-0"), holding(sees(), "gpu-0", trouble=trouble)
    good._evidence = bad._evidence = lambda: notes
    return PodsPerNode("holder", [bad, good]), notes


def test_a_node_that_cannot_be_looked_at_says_so_of_itself_alone() -> None:
    pods_per_node, notes = mixed(sees(0, listed=(A,)), NoCapacity("n0 is full", held=False))

    assert pods_per_node.devices_not_as_granted() == []
    assert notes.kept == [("n0", "n0 is full")]


def test_a_fault_on_one_node_is_told_whatever_another_hides() -> None:
    pods_per_node, _ = mixed(sees(), NoCapacity("n0 is full", held=False))

    assert "its device nodes are: none" in pods_per_node.devices_not_as_granted()[0]


@pytest.mark.parametrize("trouble", [AccessDenied("no exec"), PodFailed("no device")])
def test_what_is_no_matter_of_one_node_hides_behind_no_other(trouble: Exception) -> None:
    pods_per_node, _ = mixed(sees(0, listed=(A,)), trouble)

    with pytest.raises(type(trouble)):
        pods_per_node.devices_not_as_granted()


def test_each_container_is_compared_with_its_own_claim() -> None:
    pod = holding(sees(0, listed=(A,)), "gpu-0")
    pod.pod.spec["resourceClaims"].append({"name": "d", "resourceClaimName": "other"})
    sibling = {"name": "sibling", "resources": {"claims": [{"name": "d"}]}}
    pod.pod.spec["containers"].append(sibling)
    pod.pod.seen["sibling"] = sees(1, listed=(B,))
    held = {"claim": claim("claim", ("n0", "gpu-0")), "other": claim("other", ("n0", "gpu-1"))}
    held["claim"]["status"]["reservedFor"] = [{"uid": "u1"}]
    pod._claim = held.__getitem__

    assert pod.mismatches() == pod.mismatches("sibling") == []
    assert pod.unallocated_access() == []
    pod.pod.seen["sibling"] = sees(0, listed=(A,))
    pod._views.clear()
    assert pod.mismatches("sibling") != []
