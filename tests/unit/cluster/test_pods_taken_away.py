"""Pods of ours that others evict, drain or delete once they are there: nobody could look."""

from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import (
    ApiError,
    Inconclusive,
    NoCapacity,
    PodFailed,
    ProbeFailed,
)
from aicr_pytest.workloads.pods_per_node import is_of_one_node
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.test_pods import PODS, RUNNING, Node, status

NOT_FOUND = 'pods "gpu" not found'


@pytest.fixture
def node(fake: FakeApi) -> Node:
    fake.put("/api/v1/nodes", {"kind": "Node", "metadata": {"name": "node-0"}})
    return Node(fake, "Never")


@pytest.fixture
def pod(cluster: Cluster, waiter: Waiter, node: Node) -> Pod:
    node.writes(RUNNING)
    return Pod(cluster, waiter, node.obj).ready()


LOOKS = {
    "object": lambda pod: pod.object(),
    "run": lambda pod: pod.run("true"),
    "logs": lambda pod: pod.logs(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_pod_that_others_have_deleted_accuses_nobody(pod: Pod, fake: FakeApi, look: Any) -> None:
    fake.remove(f"{PODS}/gpu")
    for of in ("exec", "log"):
        fake.refuse("GET", f"/{of}", 404, reason="NotFound", message=NOT_FOUND, times=9)

    with pytest.raises(Inconclusive, match="Pod ns/gpu: was deleted under us") as caught:
        look(pod)
    assert caught.value.hint
    assert is_of_one_node(caught.value), "the other nodes are judged"


def disrupted(reason: str, message: str) -> Object:
    told = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {**RUNNING, "conditions": [*RUNNING["conditions"], told]}


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("EvictionByEvictionAPI", "Eviction API: evicting"),
        ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        ("DeletionByPodGC", "PodGC: node no longer exists"),
    ],
)
def test_who_takes_a_pod_away_is_told(pod: Pod, node: Node, reason: str, message: str) -> None:
    node.writes(disrupted(reason, message))
    node.fake.change(
        f"{PODS}/gpu", lambda obj: obj["metadata"].update(deletionTimestamp="2026-01-02T03:04:05Z")
    )
    node.fake.refuse("GET", "/exec", 400, message='container not found ("probe")', times=9)

    with pytest.raises(Inconclusive, match=f"is being deleted under us: {reason}: {message}"):
        pod.run("true")


def test_what_was_said_of_it_is_told_once_it_is_gone(pod: Pod, node: Node) -> None:
    node.says("TaintManagerEviction", "Marking for deletion Pod ns/gpu")
    node.fake.remove(f"{PODS}/gpu")

    with pytest.raises(Inconclusive, match="TaintManagerEviction: Marking for deletion Pod ns/gpu"):
        pod.object()


def test_a_pod_that_kubelet_evicts_is_told_to_be_ended(pod: Pod, node: Node) -> None:
    assert pod.see_that_it_is_ours()[0]["metadata"]["name"] == "gpu"
    evicted = disrupted("TerminationByKubelet", "The node was low on resource: memory")
    node.writes({**evicted, "phase": "Failed"})

    with pytest.raises(Inconclusive, match="was ended under us: TerminationByKubelet: The node"):
        pod.see_that_it_is_ours()


def test_whose_pending_is_asked_anew(cluster: Cluster, waiter: Waiter, node: Node) -> None:
    pending = Pod(cluster, waiter, node.obj)
    assert pending.whose_pending_now().who == "scheduler"
    node.cannot_be_placed()
    assert pending.whose_pending_now().accuses


def test_pod_of_a_node_that_is_gone_says_so(pod: Pod, fake: FakeApi) -> None:
    fake.remove(f"{PODS}/gpu")
    fake.remove("/api/v1/nodes/node-0")

    with pytest.raises(Inconclusive, match="its node node-0 is gone"):
        pod.object()


def test_pod_that_gave_way_to_others_is_told_so(pod: Pod, node: Node) -> None:
    node.says("Preempted", "Preempted by pod 1234 on node node-0")
    node.fake.remove(f"{PODS}/gpu")

    with pytest.raises(NoCapacity, match="give way to pods of higher priority") as caught:
        pod.object()
    assert "--aicr-priority-class" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (400, "cannot exec into a container in a completed pod; current phase is Failed"),
        (400, 'container not found ("probe")'),
        (409, "pod gpu is in Failed state"),
        (404, "pod does not exist"),
    ],
)
@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "low on memory"),
        ({"phase": "Failed", "reason": "NodeShutdown", "message": "down"}, "NodeShutdown: down"),
        (status("Failed", state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
         "OOMKilled"),
    ],
)  # fmt: skip
def test_a_pod_that_has_ended_since_is_told_in_kubelets_words(
    pod: Pod, node: Node, code: int, said: str, state: Object, why: str
) -> None:
    node.writes(state)
    node.fake.refuse("GET", "/exec", code, message=said, times=9)

    with pytest.raises(Inconclusive, match=why):
        pod.run("true")


def test_a_pod_that_the_device_path_ended_since_accuses(pod: Pod, node: Node) -> None:
    why = "Allocate failed due to no such device: GPU-1, which is unexpected"
    node.writes({"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": why})
    node.fake.refuse("GET", "/exec", 400, message="in a completed pod", times=9)

    with pytest.raises(PodFailed, match="no such device: GPU-1"):
        pod.run("true")


def test_kubelet_that_does_not_find_a_pod_that_runs_is_not_the_device_path(
    pod: Pod, fake: FakeApi
) -> None:
    fake.refuse("GET", "/exec", 404, message="pod does not exist", times=9)

    with pytest.raises(ProbeFailed, match=r"Pod ns/gpu cannot be looked into.*pod does not exist"):
        pod.run("true")


def test_what_we_delete_ourselves_nobody_else_has_taken(pod: Pod, fake: FakeApi) -> None:
    pod.delete()
    fake.remove(f"{PODS}/gpu")

    with pytest.raises(ApiError, match="404"):
        pod.object()


@pytest.mark.parametrize("waits", ["stays_pending", "pending_reason"])
def test_a_pending_pod_that_others_delete_accuses_nobody(
    cluster: Cluster, waiter: Waiter, node: Node, waits: str
) -> None:
    pending = Pod(cluster, waiter, node.obj)
    node.fake.later(0.1, lambda: node.fake.remove(f"{PODS}/gpu"))

    with pytest.raises(Inconclusive, match="Pod ns/gpu: was deleted under us"):
        getattr(pending, waits)(3.0)
