"""A pod waits for a node and for its image: how long, and what is said where neither comes."""

import copy
import dataclasses

import pytest

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import (
    ImageNotPullable,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    WaitFailed,
    WaitTimeout,
)
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.test_pods import (
    PODS,
    RUNNING,
    UNSCHEDULABLE,
    Node,
    node,
    pod,
    status,
    waiting,
)

__all__ = ["node", "pod"]


def test_image_that_is_missing_twice_is_not_pullable(pod: Pod, node: Node) -> None:
    node.writes(waiting("ErrImagePull", "not found"))
    node.fake.later(0.2, lambda: node.writes(waiting("ImagePullBackOff", "Back-off pulling")))

    with pytest.raises(ImageNotPullable, match="ImagePullBackOff: Back-off") as caught:
        pod.ready()
    assert "--aicr-registry" in caught.value.hint


def test_image_that_comes_at_the_second_try_is_fine(pod: Pod, node: Node) -> None:
    node.writes(waiting("ErrImagePull", "connection reset"))
    node.fake.later(0.3, lambda: node.writes(RUNNING))

    pod.ready()


def test_image_that_is_never_pulled_is_not_pullable_at_once(pod: Pod, node: Node) -> None:
    node.writes(waiting("ErrImageNeverPull", "Container image is not present"))

    with pytest.raises(ImageNotPullable):
        pod.ready()


def test_pulling_gets_the_longer_deadline(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("Pulling", "Pulling image")
    node.fake.later(1.4, lambda: node.writes(RUNNING))

    pod.ready()  # pod_ready alone is 1 s here


def test_a_start_has_its_own_clock_once_the_image_is_there(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("Pulling", "Pulling image")
    node.fake.later(1.4, lambda: node.says("Pulled", "Successfully pulled image in 1.4 s"))
    node.fake.later(1.8, lambda: node.writes(RUNNING))

    pod.ready()  # the pull alone took longer than pod_ready


def test_a_start_has_its_own_clock_once_there_is_a_node(
    cluster: Cluster, waiter: Waiter, node: Node
) -> None:
    late = Waiter(cluster, deadlines=dataclasses.replace(waiter.deadlines, schedule=2.0))
    node.fake.later(0.8, lambda: node.writes(waiting("ContainerCreating")))
    node.fake.later(1.4, lambda: node.writes(RUNNING))

    Pod(cluster, late, node.obj).ready()


def test_a_registry_that_limits_its_rate_for_a_while_is_waited_for(pod: Pod, node: Node) -> None:
    node.writes(waiting("ErrImagePull", "toomanyrequests: rate limit"))
    node.fake.later(0.2, lambda: node.writes(waiting("ImagePullBackOff", "Back-off pulling")))
    node.fake.later(0.5, lambda: node.writes(RUNNING))

    pod.ready()


def test_pods_of_a_node_share_the_time_for_an_image_that_is_refused(
    cluster: Cluster, waiter: Waiter, node: Node
) -> None:
    limits = dataclasses.replace(waiter.deadlines, image_refused=0.5, image_pull=60.0)
    slow = Waiter(cluster, deadlines=limits)
    node.writes(waiting("ErrImagePull", "connection reset"))

    with pytest.raises(ImageNotPullable):
        Pod(cluster, slow, node.obj).ready()
    slow.deadlines = dataclasses.replace(limits, image_refused=0.2)
    began = slow.refused_since.copy()
    with pytest.raises(ImageNotPullable):
        Pod(cluster, slow, node.obj).ready()
    assert began == slow.refused_since
    assert [*began] == [("node-0", "probe:1")]

    node.writes(RUNNING)
    Pod(cluster, slow, node.obj).ready()
    assert slow.refused_since == {}


def test_pulls_of_which_kubelet_tells_no_more_end_like_others() -> None:
    """It sends 25 events of a pod, then one in five minutes: eight containers make more."""
    told = [
        {"reason": "Pulling", "count": 8, "source": {"component": "kubelet"}},
        {"reason": "Failed", "message": "Error: ErrImagePull", "count": 17,
         "reportingComponent": "kubelet"},
    ]  # fmt: skip

    assert not pod_state.is_pulling(told)
    assert pod_state.is_pulling(told[:1])


def test_an_image_of_a_sidecar_that_is_there_hides_no_pull_of_ours() -> None:
    said = [{"reason": "Pulled", "message": 'Container image "proxy:1" already present on machine'},
            {"reason": "Pulling", "message": 'Pulling image "probe"'}]  # fmt: skip
    failed: list[Object] = [
        {"reason": "Pulling", "count": 2},
        {"reason": "Failed", "message": "Failed to pull image"},
        {"reason": "Failed", "message": "Error: ErrImagePull"},
    ]

    assert pod_state.is_pulling(said)
    assert pod_state.is_pulling(failed)


def test_gate_that_holds_a_pod_is_named_before_the_free_accelerators(
    cluster: Cluster, waiter: Waiter, node: Node, fake: FakeApi
) -> None:
    gates = [{"name": "kueue.x-k8s.io/admission"}]
    fake.change(f"{PODS}/gpu", lambda pod: pod["spec"].update(schedulingGates=gates))

    with pytest.raises(PolicyRefused, match=r"kueue\.x-k8s\.io/admission has not been taken"):
        Pod(cluster, waiter, node.obj).ready()


def test_a_node_selector_that_somebody_added_is_named(
    cluster: Cluster, waiter: Waiter, node: Node, fake: FakeApi
) -> None:
    message = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                 "message": message}  # fmt: skip
    fake.change(f"{PODS}/gpu", lambda pod: pod.update(status={"conditions": [condition]}))
    made = copy.deepcopy(node.obj)
    made["spec"]["nodeSelector"] = {"node-role.example.com/app": "true"}

    with pytest.raises(
        PolicyRefused, match=r"nodeSelector\.node-role\S+ was added.*affinity"
    ) as it:
        Pod(cluster, waiter, made, sent=node.obj).ready()
    assert "openshift.io/node-selector" in it.value.hint


def test_pulling_without_end_is_not_pullable(pod: Pod, node: Node) -> None:
    node.writes(waiting("ContainerCreating"))
    node.says("Pulling", "Pulling image")

    with pytest.raises(ImageNotPullable, match="still being pulled after 2 s"):
        pod.ready()


def test_pod_without_a_node_ends_with_the_schedulers_words(pod: Pod, node: Node) -> None:
    node.cannot_be_placed()

    with pytest.raises(WaitTimeout, match=f"no node within 0.5 s.\n.*{UNSCHEDULABLE}"):
        pod.ready()


def test_scheduler_that_says_nothing_is_told(pod: Pod) -> None:
    with pytest.raises(Inconclusive, match="the scheduler has said nothing"):
        pod.ready()


def test_who_knows_why_it_is_pending_has_the_word(
    cluster: Cluster, waiter: Waiter, node: Node
) -> None:
    node.cannot_be_placed()

    def why(obj: Object, finding: Finding) -> None:
        raise NoCapacity(f"{obj['metadata']['name']}: {finding.reason}")

    with pytest.raises(NoCapacity, match=f"gpu: Unschedulable: {UNSCHEDULABLE}"):
        Pod(cluster, waiter, node.obj, why_pending=why).ready()


def test_pod_that_is_placed_late_is_fine(pod: Pod, node: Node) -> None:
    node.cannot_be_placed()
    node.fake.later(0.3, lambda: node.writes(RUNNING))

    pod.ready()


def test_pending_pod_tells_the_schedulers_reason(pod: Pod, node: Node) -> None:
    node.fake.later(0.1, node.cannot_be_placed)

    assert pod.pending_reason() == f"Unschedulable: {UNSCHEDULABLE}"
    assert pod.stays_pending(0.2) == f"Unschedulable: {UNSCHEDULABLE}"


def test_pod_that_gets_a_node_for_a_moment_did_not_stay_pending(pod: Pod, node: Node) -> None:
    node.cannot_be_placed()

    def flicker() -> None:
        node.writes(status(), node="node-1")
        node.writes(status(), node="")

    node.fake.when_watched.append(("/pods", flicker))

    with pytest.raises(WaitFailed, match="bound to node node-1"):
        pod.stays_pending(2)
