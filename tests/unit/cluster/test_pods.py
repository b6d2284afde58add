"""A pod's start, judged from what a kubelet writes."""

from typing import Any

import pytest

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import Inconclusive, PodFailed
from tests.unit.cluster.fake_api import FakeApi

PODS = "/api/v1/namespaces/ns/pods"
EVENTS = "/api/v1/namespaces/ns/events"
UNSCHEDULABLE = "0/2 nodes are available: 2 cannot allocate all claims."


def status(phase: str = "Pending", **container: Any) -> Object:
    containers = [{"name": "probe", **container}] if container else []
    ready = "True" if "ready" in container else "False"
    conditions = [{"type": "Ready", "status": ready}]
    return {"phase": phase, "conditions": conditions, "containerStatuses": containers}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return status(state={"waiting": {"reason": reason, "message": message}}, **more)


RUNNING = status("Running", ready=True, state={"running": {}})


class Node:
    """Writes what the scheduler and a kubelet would write about one pod."""

    def __init__(self, fake: FakeApi, policy: str) -> None:
        self.fake = fake
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "gpu"},
            "spec": {
                "restartPolicy": policy,
                "containers": [{"name": "probe", "image": "probe:1"}],
            },
            "status": {"phase": "Pending"},
        }
        self.obj = fake.put(PODS, pod)
        self.uid = self.obj["metadata"]["uid"]

    def writes(self, status: Object, node: str = "node-0") -> None:
        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = node
            pod["status"] = status

        self.fake.change(f"{PODS}/gpu", change)

    def says(self, reason: str, message: str, count: int = 1, *, name: str = "") -> None:
        self.fake.put(
            EVENTS,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name or f"gpu.{reason.lower()}"},
                "involvedObject": {"uid": self.uid},
                "type": "Warning",
                "reason": reason,
                "message": message,
                "count": count,
                "lastTimestamp": "2026-01-02T03:04:05Z",
            },
        )

    def cannot_be_placed(self) -> None:
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": UNSCHEDULABLE,
        }
        self.fake.change(
            f"{PODS}/gpu",
            lambda pod: pod.update(status={"phase": "Pending", "conditions": [condition]}),
        )


@pytest.fixture
def node(fake: FakeApi) -> Node:
    return Node(fake, "Never")


@pytest.fixture
def pod(cluster: Cluster, waiter: Waiter, node: Node) -> Pod:
    return Pod(cluster, waiter, node.obj)


def test_pod_that_runs_is_ready(pod: Pod, node: Node) -> None:
    node.fake.later(0.1, lambda: node.writes(RUNNING))

    assert pod.ready() is pod
    assert pod.node == "node-0"


def test_running_without_being_ready_is_not_enough(pod: Pod, node: Node) -> None:
    node.writes(status("Running", state={"running": {}}))

    with pytest.raises(Inconclusive, match=r"Pod ns/gpu: not ready in time.*on node-0") as caught:
        pod.ready()
    assert "--aicr-timeout-scale" in caught.value.hint


def test_device_that_cannot_be_prepared_twice_accuses_the_platform(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", "driver not registered")
    node.fake.later(
        0.2, lambda: node.says("FailedPrepareDynamicResources", "driver not registered", 2)
    )

    with pytest.raises(PodFailed, match="FailedPrepareDynamicResources: driver not registered"):
        pod.ready()


def test_device_that_is_prepared_at_the_second_try_is_fine(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", "driver not registered")
    node.fake.later(0.3, lambda: node.writes(RUNNING))

    pod.ready()


API_GONE = (
    'fetch ResourceClaim a/b: Get "https://10.0.0.1:443/apis/resource.k8s.io/v1/namespaces/a/'
    'resourceclaims/b": dial tcp 10.0.0.1:443: connect: connection refused'
)


def test_claim_that_kubelet_cannot_ask_for_while_the_server_restarts_is_waited_for(
    pod: Pod, node: Node
) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", API_GONE, 9)
    node.fake.later(0.5, lambda: node.writes(RUNNING))

    pod.ready()


def test_claim_that_kubelet_never_can_ask_for_accuses_nobody(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", API_GONE, 9)

    with pytest.raises(Inconclusive, match="connection refused") as caught:
        pod.ready()
    assert "API server" in caught.value.hint


def test_device_that_cannot_be_prepared_once_the_server_is_back_accuses(
    pod: Pod, node: Node
) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", API_GONE, 9)
    node.says("FailedPrepareDynamicResources", "driver not registered", 2, name="gpu.later")

    with pytest.raises(PodFailed, match="driver not registered"):
        pod.ready()


def test_plugin_that_registers_again_accuses_nobody(pod: Pod, node: Node) -> None:
    said = "Allocate failed due to can't allocate unregistered device nvidia.com/gpu"
    node.writes({"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": said})
    node.says("UnexpectedAdmissionError", said)

    with pytest.raises(Inconclusive, match="unregistered device") as caught:
        pod.ready()
    assert "device plugin was starting" in caught.value.hint


def test_shorter_deadlines_leave_kubelet_its_second_try(cluster: Cluster, node: Node) -> None:
    no_retry = Waiter(cluster, scale=0.1, deadlines=Deadlines(pod_ready=20.0, refusal_persists=2.0))
    node.writes(waiting("ContainerCreating"))
    node.says("FailedPrepareDynamicResources", "no relationship found between node and this object")
    node.fake.later(0.5, lambda: node.says("Pulled", "present"))
    node.fake.later(0.7, lambda: node.writes(RUNNING))

    Pod(cluster, no_retry, node.obj).ready()


def test_refusal_that_persists_accuses_though_kubelet_is_silent(pod: Pod, node: Node) -> None:
    node.writes(waiting("CreateContainerError", "unresolvable CDI devices"))

    with pytest.raises(PodFailed, match=r"CreateContainerError.*unresolvable CDI devices"):
        pod.ready()


def test_container_that_cannot_be_created_once_gets_another_try(pod: Pod, node: Node) -> None:
    node.writes(waiting("CreateContainerError", "busy"))
    node.fake.later(0.3, lambda: node.writes(RUNNING))

    pod.ready()


def test_container_that_ended_is_told_with_exit_code_and_log(
    pod: Pod, node: Node, fake: FakeApi
) -> None:
    fake.texts[f"{PODS}/gpu/log"] = "loading\nno device found\n"
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    node.writes(status("Failed", state=ended))

    with pytest.raises(PodFailed) as caught:
        pod.ready()

    assert str(caught.value) == (
        "Pod ns/gpu: Error: container probe ended with exit code 3 (Error)\n"
        "  The end of its log:\n    loading\n    no device found"
    )


def test_log_that_cannot_be_read_does_not_hide_the_failure(
    pod: Pod, node: Node, fake: FakeApi
) -> None:
    fake.refuse("GET", "/log", 500, message="kubelet is away", times=10_000)
    node.writes(status("Failed", state={"terminated": {"exitCode": 3}}))

    with pytest.raises(Inconclusive, match=r"exit code 3\n  Its log cannot be read: .*away"):
        pod.ready()


def test_container_that_crashes_again_and_again_is_told_and_accuses_nobody(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    node = Node(fake, "Always")
    fake.texts[f"{PODS}/gpu/log"] = ""
    last = {"terminated": {"exitCode": 139, "reason": "Error"}}
    node.writes(waiting("CrashLoopBackOff", "back-off 10s", restartCount=2, lastState=last))

    with pytest.raises(Inconclusive, match=r"CrashLoopBackOff: .*exit code 139.*\n.*log is empty"):
        Pod(cluster, waiter, node.obj).ready()


def test_pod_that_kubelet_refuses_is_told_in_its_words(pod: Pod, node: Node) -> None:
    refused = {"reason": "UnexpectedAdmissionError", "message": "Allocate failed"}
    node.writes({"phase": "Failed", **refused})

    with pytest.raises(PodFailed, match="UnexpectedAdmissionError: Allocate failed"):
        pod.ready()


def test_pod_that_ended_well_was_never_ready(pod: Pod, node: Node) -> None:
    node.writes(status("Succeeded", state={"terminated": {"exitCode": 0, "reason": "Completed"}}))

    with pytest.raises(Inconclusive, match="ended with exit code 0"):
        pod.ready()


def test_pod_that_was_deleted_has_failed(pod: Pod, fake: FakeApi) -> None:
    fake.later(0.1, lambda: fake.remove(f"{PODS}/gpu"))

    with pytest.raises(Inconclusive, match="was deleted under us: by whom is unknown"):
        pod.ready()


def test_pod_that_is_preempted_has_failed_with_the_reason(pod: Pod, fake: FakeApi) -> None:
    def preempt(obj: Object) -> None:
        obj["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
        condition = {"type": "DisruptionTarget", "status": "True", "message": "preempted by big"}
        obj["status"] = {"phase": "Pending", "conditions": [condition]}

    fake.later(0.1, lambda: fake.change(f"{PODS}/gpu", preempt))

    with pytest.raises(Inconclusive, match=r"is being deleted.*preempted by big"):
        pod.ready()


def test_a_sandbox_that_fails_until_the_network_settles_accuses_nobody(
    pod: Pod, node: Node
) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedCreatePodSandBox", 'plugin type="cilium-cni" failed (add): timeout', 5)
    node.fake.later(0.8, lambda: node.writes(RUNNING))

    pod.ready()


def test_a_sandbox_that_never_comes_is_the_nodes_trouble(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("FailedCreatePodSandBox", 'plugin type="cilium-cni" failed (add): timeout', 5)

    with pytest.raises(Inconclusive, match=r"FailedCreatePodSandBox: plugin type=.*cilium") as told:
        pod.ready()
    assert "--aicr-nodes" in told.value.hint


@pytest.mark.parametrize("first", [True, False])
def test_a_sidecar_that_has_ended_or_crashes_says_nothing_of_our_container(
    cluster: Cluster, waiter: Waiter, node: Node, first: bool
) -> None:
    ours = {"name": "probe", "ready": True, "state": {"running": {}}}
    theirs = {"name": "proxy", "ready": False, "state": {"terminated": {"exitCode": 1}}}
    statuses = [theirs, ours] if first else [ours, theirs]
    conditions = [{"type": "Ready", "status": "False"}]
    node.writes({"phase": "Running", "conditions": conditions, "containerStatuses": statuses})
    sent = {"spec": {"containers": [{"name": "probe"}]}}

    assert Pod(cluster, waiter, node.obj, sent=sent).ready().container == "probe"


def test_a_program_that_ended_beside_a_sidecar_that_never_does_has_succeeded() -> None:
    ended = {"name": "member", "state": {"terminated": {"exitCode": 0}}}
    going = {"name": "istio-proxy", "state": {"running": {}}}
    pod = {"status": {"phase": "Running", "containerStatuses": [going, ended]}}

    assert pod_state.phase_of(pod, "member") == "Succeeded"
    assert pod_state.phase_of(pod, "istio-proxy") == "Running"


def test_commands_run_in_our_container_wherever_it_stands(
    cluster: Cluster, waiter: Waiter, node: Node, fake: FakeApi
) -> None:
    fake.texts[f"{PODS}/gpu/log"] = "ours"
    sent = {"spec": {"containers": [{"name": "probe"}, {"name": "other"}]}}

    Pod(cluster, waiter, node.obj, sent=sent).logs()

    assert "container=probe" in fake.asked("GET", "/log")[0]


def test_deletion_is_of_this_very_pod(pod: Pod, fake: FakeApi) -> None:
    fake.gone_after["pods"] = 0.1
    pod.delete()
    pod.gone()
    another = fake.put(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gpu"}})

    pod.delete()
    pod.gone()

    assert fake.objects[f"{PODS}/gpu"] is another


def test_events_are_those_of_this_pod_oldest_first(pod: Pod, node: Node, fake: FakeApi) -> None:
    node.says("Pulling", "second")
    node.says("Scheduled", "first")
    fake.change(f"{EVENTS}/gpu.scheduled", lambda e: e.update(lastTimestamp="2026-01-01T00:00:00Z"))
    fake.put(EVENTS, {"metadata": {"name": "x"}, "involvedObject": {"uid": "another"}})

    assert [event["message"] for event in pod.events()] == ["first", "second"]


def test_log_of_a_failed_container_is_shown_in_short(pod: Pod, node: Node, fake: FakeApi) -> None:
    fake.texts[f"{PODS}/gpu/log"] = "first\n" + ("x" * 5000 + "\n") * 10
    node.writes(status("Failed", state={"terminated": {"exitCode": 3, "reason": "Error"}}))

    with pytest.raises(Inconclusive) as caught:
        pod.ready()

    assert "first" not in str(caught.value)
    assert 2000 < len(str(caught.value)) < 4000
