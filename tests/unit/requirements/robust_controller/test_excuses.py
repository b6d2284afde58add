"""What keeps an operator's pods from coming up, and is not the operator's doing."""

from typing import Any

import pytest

from aicr_pytest.errors import ImageNotPullable, Inconclusive, NoCapacity, PolicyRefused
from aicr_pytest.requirements.robust_controller.custom_resource import _excuse

RESOURCE: Any = {"spec": {}}
WHAT = "RayCluster ns/x"
NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def pod(node: str = "", *, waiting: str = "", message: str = "", **status: Any) -> Any:
    state = {"waiting": {"reason": waiting, "message": message}} if waiting else {"running": {}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "c", "state": state}]} | status
    return {
        "metadata": {"name": "head", "uid": "u1"},
        "spec": {"nodeName": node} if node else {},
        "status": status,
    }


def event(reason: str, message: str, kind: str = "Warning") -> Any:
    about = {"uid": "u1"}
    return {"metadata": {}, "involvedObject": about, "type": kind, "reason": reason,
            "message": message}  # fmt: skip


@pytest.mark.parametrize(
    ("pods", "events", "error", "told"),
    [
        ([], [event("FailedCreate", 'admission webhook "k.svc" denied the request: no label')],
         PolicyRefused, "no label"),
        ([], [event("FailedCreate", "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with "
                    "binding 'b' denied request: owner")], PolicyRefused, "owner"),
        ([pod(conditions=[NO_NODE | {"message": "0/2 nodes are available: 2 Insufficient cpu."}])],
         [], NoCapacity, "Insufficient cpu"),
        ([pod(conditions=[NO_NODE | {"reason": "SchedulingGated", "message": "gates"}])],
         [], PolicyRefused, "SchedulingGated"),
        ([pod("n0", waiting="ContainerCreating")], [event("Pulling", "Pulling image", "Normal")],
         ImageNotPullable, "still pulls"),
        ([pod("n0", waiting="ImagePullBackOff")], [], ImageNotPullable, "ImagePullBackOff"),
        ([pod("n0", waiting="ContainerCreating")],
         [event("FailedCreatePodSandBox", "cni plugin not initialized")], Inconclusive, "cni"),
        ([], [event("FailedCreate", 'failed calling webhook "inject.istio.io": refused')],
         PolicyRefused, "inject.istio.io"),
        ([pod("n0", phase="Running")], [], Inconclusive, "not ready in time"),
    ],
)  # fmt: skip
def test_what_is_not_the_operators_doing_is_told(
    pods: Any, events: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as caught:
        _excuse(WHAT, RESOURCE, pods, events, own_webhooks=set)
    assert getattr(caught.value, "hint", ""), "the way out"


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod("n0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])],
        [pod("n0", phase="Succeeded")],
    ],
)
def test_an_operator_that_makes_nothing_of_healthy_pods_has_no_excuse(pods: Any) -> None:
    _excuse(WHAT, RESOURCE, pods, [], own_webhooks=set)


def test_silence_of_the_operators_own_webhook_is_the_operators_doing() -> None:
    silent = event("FailedCreate", 'failed calling webhook "mpod.kb.io": connection refused')

    _excuse(WHAT, RESOURCE, [], [silent], own_webhooks=lambda: {"mpod.kb.io"})
    with pytest.raises(PolicyRefused, match="mpod"):
        _excuse(WHAT, RESOURCE, [], [silent], own_webhooks=lambda: {"vpod.kb.io"})
