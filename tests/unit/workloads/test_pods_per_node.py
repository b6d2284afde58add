"""A node on which an actor's pod cannot be had says something of itself alone."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.accelerators.inventory import AcceleratorNode, list_accelerator_nodes
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    DoesNotApply,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    ProbeFailed,
    WaitTimeout,
)
from aicr_pytest.requirements.dra_support.device_selectors import choosing, chosen_device
from aicr_pytest.workloads.images import default_images
from aicr_pytest.workloads.pods_per_node import NotCreated, PodsPerNode
from aicr_pytest.workloads.workspaces import Workspaces
from tests.unit.accelerators.objects import claim, device, device_class, resource_slice
from tests.unit.accelerators.objects import node as node_object
from tests.unit.accelerators.test_pods import A, B, Notes, holding, on_node, sees, stock
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import fill, new_workspace

REFUSED = PolicyRefused("no pods on b by name")


def not_created(name: str, why: AicrError = REFUSED, *, total: int = 2) -> NotCreated:
    return NotCreated(on=dataclasses.replace(stock(total), name=name), why=why)


def actor(
    *nodes: str, missing: Any = (), seen: str = "", notes: Any = None, pod: str = "gpu-0"
) -> PodsPerNode:
    """Pods on some nodes, where each sees the device that it was given; and nodes without one."""
    pods = [on_node(name, holding(seen or sees(0, listed=(A,)), pod)) for name in nodes]
    for one in pods:
        one._evidence = lambda: notes or Notes()
    return PodsPerNode("actor", pods, missing)


def test_a_pod_that_others_took_away_leaves_the_release_of_others_to_be_judged() -> None:
    notes = Notes()
    pods_per_node = actor("a", "b", notes=notes)
    taken = Inconclusive("Pod ns/gpu-0: was deleted under us")

    def gone() -> float:
        raise taken

    first, second = pods_per_node.pods
    vars(first)["release"], vars(second)["release"] = gone, lambda: 1.5

    assert pods_per_node.release() == [1.5]
    assert notes.kept == [("a", str(taken))]
    vars(second)["release"] = gone
    with pytest.raises(Inconclusive, match="under us"):
        pods_per_node.release()
    assert PodsPerNode("actor", []).release() == []


def test_a_node_without_a_pod_is_told_by_every_check_that_judges_the_others() -> None:
    notes = Notes()
    pods_per_node = actor("a", missing=[not_created("b")], notes=notes)

    assert pods_per_node.devices_not_as_granted() == []
    assert notes.kept == [("b", "no pods on b by name")]
    assert pods_per_node.access_without_allocation() == []
    assert notes.kept == [("b", "no pods on b by name")] * 2


def test_where_no_pod_could_be_created_nothing_was_looked_at() -> None:
    with pytest.raises(PolicyRefused, match="no pods on b"):
        actor(missing=[not_created("b")]).devices_not_as_granted()


@pytest.mark.parametrize(
    "why",
    [AccessDenied("no pods"), ApiError(500, "InternalError", "panic", request="POST pods")],
)
def test_what_is_no_matter_of_one_node_stops_them_all(why: AicrError) -> None:
    with pytest.raises(type(why)):
        actor("a", missing=[not_created("b", why)]).devices_not_as_granted()


def test_two_actors_are_compared_where_both_are() -> None:
    notes = Notes()
    mine = actor("a", "c", missing=[not_created("b")], notes=notes)
    theirs = actor("b", "c", missing=[not_created("a")], notes=notes)

    (shared,) = mine.devices_shared_with(theirs)
    assert shared.startswith("c: ")
    assert {where for where, _ in notes.kept} == {"a", "b"}
    with pytest.raises(PolicyRefused):
        actor("a", missing=[not_created("b")]).devices_shared_with(
            actor("b", missing=[not_created("a")])
        )


def test_a_node_that_refuses_the_pod_is_no_node_with_one_accelerator() -> None:
    single = PodsPerNode("x", [holding(sees(), total=1)], [not_created("b")])
    with pytest.raises(PolicyRefused):
        single.requiring_two_accelerators().devices_not_as_granted()

    with pytest.raises(DoesNotApply):
        PodsPerNode(
            "x", [holding(sees(), total=1)], [not_created("b", total=1)]
        ).requiring_two_accelerators()


def test_a_pod_that_cannot_start_hides_no_other_node_from_any_look() -> None:
    notes = Notes()
    bad = on_node("b", holding(sees(), trouble=NoCapacity("b is full", held=False)))
    wrong = on_node("a", holding(sees(1, listed=(B,)), "gpu-1"))
    bad._evidence = wrong._evidence = lambda: notes
    mixed = PodsPerNode("x", [bad, wrong])

    (told,) = mixed.devices_other_than(lambda node: node.devices[0])
    assert told == f"a: pod ns/p asked for {A} and sees {B}"
    assert mixed.devices_other_than(lambda node: node.devices[1]) == []
    assert notes.kept == [("b", "b is full")] * 2


def test_where_the_tool_lists_what_parts_are_of_the_claim_tells_which_was_chosen() -> None:
    parts = [{**device(n, "n0", type="mig", uuid=f"MIG-{n}"), "name": f"mig-{n}"} for n in range(2)]
    (on,) = list_accelerator_nodes(
        PROFILE,
        nodes=[node_object("n0")],
        slices=[resource_slice("n0", parts)],
        claims=[],
        classes=[],
        pods=[],
    )
    pod = holding(sees(0, listed=(A,)), "mig-1")
    pod.on = on
    pods = PodsPerNode("selected", [pod])

    assert pods.devices_not_as_granted() == []
    assert pods.devices_other_than(lambda node: node.devices[1]) == []
    assert pods.devices_other_than(lambda node: node.devices[0])


def test_containers_that_share_a_claim_are_compared_node_by_node() -> None:
    pod = holding(sees(0, listed=(A,)), "gpu-0")
    pod.pod.spec["containers"].append({**pod.pod.spec["containers"][0], "name": "second"})
    pod.pod.seen["second"] = sees(0, listed=(A,))
    assert PodsPerNode("x", [pod]).devices_seen_by_one_alone("main", "second") == []

    pod._views.clear()
    pod.pod.seen["second"] = sees(1, listed=(B,))
    (told,) = PodsPerNode("x", [pod]).devices_seen_by_one_alone("main", "second")
    assert told == f"n0: pod ns/p: container main sees {A}; container second sees {B}"


def test_a_pod_that_stays_pending_for_another_reason_leaves_its_node_out() -> None:
    def pending(name: str, came: str | Exception) -> Any:
        def stays(seconds: float) -> str:
            if isinstance(came, Exception):
                raise came
            return came

        left = notes.kept.append
        return SimpleNamespace(
            on=SimpleNamespace(name=name),
            stays_pending=stays,
            leave_out=lambda why, node="": left((name, str(why))),
        )

    notes = Notes()
    those: list[Any] = [pending("a", ProbeFailed("queued")), pending("b", "no device")]

    assert PodsPerNode("x", those).stay_pending(0) == ["no device"]
    assert notes.kept == [("a", "queued")]


@pytest.fixture
def workspaces(cluster: Cluster, waiter: Waiter, fake: FakeApi) -> Workspaces:
    """Namespaces on a cluster with two nodes of two devices each."""
    fake.objects["/apis/resource.k8s.io/v1"] = {
        "resources": [{"name": "resourceslices", "kind": "ResourceSlice", "namespaced": False}]
    }
    for name in ("n0", "n1"):
        fake.put("/api/v1/nodes", node_object(name))
        devices = [device(index, name) for index in range(2)]
        fake.put("/apis/resource.k8s.io/v1/resourceslices", resource_slice(name, devices))
    fake.put("/apis/resource.k8s.io/v1/deviceclasses", device_class("gpu.nvidia.com"))
    made = new_workspace(cluster, waiter)
    fake.later(0.05, lambda: fill(fake, made.namespace))
    return Workspaces(
        lambda _: made,
        Accelerators(cluster),
        image=lambda name, profile=None: default_images()[name],
        pull_secret=None,
        run_id=RUN,
        evidence=Notes,  # type: ignore[arg-type]
    )


def looked_at(workspaces: Workspaces) -> list[AcceleratorNode]:
    return workspaces._accelerators.look()


def test_a_refused_pod_keeps_no_other_node_from_its_own(
    workspaces: Workspaces, fake: FakeApi
) -> None:
    fake.refuse("POST", r"/pods\b", 403, message="admission webhook denied", times=1)
    deployed = workspaces.deploy("dra_support/claimed", looked_at(workspaces), must_start=True)

    assert [pod.on.name for pod in deployed.pods] == ["n1"]


def held_by(fake: FakeApi, pool: str, name: str) -> None:
    """Somebody else's claim takes a device."""
    fake.put("/apis/resource.k8s.io/v1/namespaces/ns/resourceclaims", claim("other", (pool, name)))


def test_a_node_whose_devices_are_all_held_keeps_no_other_from_its_own(
    workspaces: Workspaces, fake: FakeApi
) -> None:
    held_by(fake, "n0", "gpu-0")
    fake.put(
        "/apis/resource.k8s.io/v1/namespaces/ns/resourceclaims",
        {**claim("more", ("n0", "gpu-1"))},
    )
    deployed = workspaces.deploy(
        "dra_support/selected",
        looked_at(workspaces),
        chosen_device,
        must_start=True,
        expression=choosing,
    )

    assert [pod.on.name for pod in deployed.pods] == ["n1"]


@pytest.mark.parametrize(
    ("taken", "raised", "words"),
    [
        ("gpu-1", NoCapacity, "gpu-1 of n0, which ResourceClaim ns/other holds: no such device"),
        ("gpu-0", WaitTimeout, "gets none of the 1 free accelerators of n0"),
    ],
)
def test_a_device_that_somebody_took_meanwhile_accuses_nobody(
    workspaces: Workspaces, fake: FakeApi, taken: str, raised: type[Exception], words: str
) -> None:
    node = looked_at(workspaces)[0]
    judge = workspaces._accelerators.why_pending(node, 1, only=chosen_device(node))
    held_by(fake, "n0", taken)

    with pytest.raises(raised, match=words):
        judge({"metadata": {"name": "p"}}, Finding(who="platform", reason="no such device"))


def test_each_free_device_gets_a_container_and_a_claim_of_its_own(
    workspaces: Workspaces, fake: FakeApi
) -> None:
    held_by(fake, "n0", "gpu-0")
    deployed = workspaces.deploy_each("dra_support/each", looked_at(workspaces), must_start=True)

    containers = [pod.asking_containers() for pod in deployed.pods]
    assert containers == [["device-0"], ["device-0", "device-1"]]
    assert [pod.pod.name for pod in deployed.pods] == ["each", "each-1"]
    claims = deployed.pods[1].pod.sent["spec"]["resourceClaims"]
    assert [one["resourceClaimTemplateName"] for one in claims] == [
        "each-1-device-0",
        "each-1-device-1",
    ]


def test_a_node_whose_free_devices_others_of_ours_hold_needs_no_pod(
    workspaces: Workspaces, fake: FakeApi
) -> None:
    held_by(fake, "n0", "gpu-0")
    nodes = looked_at(workspaces)
    beside = workspaces.deploy_each(
        "dra_support/each", nodes, must_start=True, beside=lambda node: 1
    )
    assert [pod.on.name for pod in beside.pods] == ["n1"]

    fake.put(
        "/apis/resource.k8s.io/v1/namespaces/ns/resourceclaims", claim("more", ("n0", "gpu-1"))
    )
    full = looked_at(workspaces)[:1]
    with pytest.raises(NoCapacity, match="All 2 accelerators of n0 are held"):
        assert workspaces.deploy_each("dra_support/each", full, must_start=True).pods


def test_a_window_began_when_pods_were_created_whichever_of_them_are_meant() -> None:
    pod: Any = SimpleNamespace(
        on=SimpleNamespace(unit="device", offer=("a", "claims"), total=2),
        stays_pending=lambda left: f"{left:g} s",
    )
    actor = PodsPerNode("x", [pod])
    actor._created -= 100

    assert actor.requiring_exclusive_devices().stay_pending(6) == ["0 s"]
    assert actor.requiring_two_accelerators().stay_pending(6) == ["0 s"]
