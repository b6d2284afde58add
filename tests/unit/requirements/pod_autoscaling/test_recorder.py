"""A scaled Deployment is noted as it is seen: values, replicas, and what changes for a reader."""

import datetime
from typing import Any

from aicr_pytest.cluster.kinds import POD
from aicr_pytest.requirements.pod_autoscaling.recorder import ReplicaRecorder

AT = datetime.datetime(2026, 11, 23, 20, 0, tzinfo=datetime.UTC)


def pod(name: str, created: str, *, ready: bool = True, ending: bool = False) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": created}
    if ending:
        metadata["deletionTimestamp"] = "2026-11-23T20:00:09Z"
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node-0"},
        "status": {"phase": "Running", **status, "containerStatuses": [{"ready": ready}]},
    }


class FakeCluster:
    def __init__(self, pods: list[dict[str, Any]], scaler: dict[str, Any] | None) -> None:
        self.pods = pods
        self.scaler = scaler
        self.events: list[dict[str, Any]] = []

    def list(self, kind: object, *_: object, **__: object) -> list[dict[str, Any]]:
        return self.pods if kind is POD else self.events

    def find(self, *_: object) -> dict[str, Any] | None:
        return self.scaler


def scaler(desired: int, reason: str, message: str = "x") -> dict[str, Any]:
    active = {"type": "ScalingActive", "status": "True", "reason": reason, "message": message}
    return {
        "metadata": {"uid": "u"},
        "status": {"currentReplicas": 1, "desiredReplicas": desired, "conditions": [active]},
    }


def watched(cluster: FakeCluster, **values: float) -> ReplicaRecorder:
    return ReplicaRecorder(
        cluster,  # type: ignore[arg-type]
        "ns",
        "scaled",
        lambda: values,
        50.0,
        title="Scaled",
        clock=lambda: AT,
    )


def test_pods_that_end_do_not_count_and_the_oldest_comes_first() -> None:
    pods = [
        pod("new", "2026-11-23T20:00:05Z"),
        pod("old", "2026-11-23T20:00:01Z"),
        pod("late", "2026-11-23T20:00:06Z", ready=False),
        pod("gone", "2026-11-23T20:00:00Z", ending=True),
    ]
    snapshot = watched(FakeCluster(pods, None), old=3.0).sample()

    assert snapshot.ready == ["old", "new"]
    assert str(snapshot).startswith("metric: old at 3; replicas: 0 current, 0 desired, 2 ready")


def test_average_is_over_the_pods_that_live() -> None:
    pods = [pod("a", "1"), pod("b", "2")]
    looked = watched(FakeCluster(pods, scaler(2, "ValidMetricFound")), a=90.0, b=0.0, gone=90.0)
    looked.sample()

    values = looked.timeline.points[-1].values
    assert (values["metric, average"], values["a"], values["b"]) == (45.0, 90.0, 0.0)
    assert "gone" not in values, "a pod that is no part of the Deployment has no line"
    assert (values["current"], values["desired"], values["ready"]) == (1.0, 2.0, 2.0)


def test_condition_is_marked_where_its_reason_changes_and_not_its_message() -> None:
    cluster = FakeCluster([], scaler(1, "ValidMetricFound", "value 3"))
    looked = watched(cluster)
    looked.sample()
    cluster.scaler = scaler(1, "ValidMetricFound", "value 4")
    looked.sample()
    cluster.scaler = scaler(1, "FailedGetPodsMetric")
    looked.sample()

    assert [mark.text for mark in looked.timeline.marks] == [
        "ScalingActive True ValidMetricFound: value 3",
        "ScalingActive True FailedGetPodsMetric: x",
    ]


def test_event_is_marked_once() -> None:
    cluster = FakeCluster([], scaler(2, "ValidMetricFound"))
    cluster.events = [
        {"metadata": {"uid": "e"}, "reason": "SuccessfulRescale", "message": "New size: 2"}
    ]
    looked = watched(cluster)
    looked.sample()
    looked.sample()

    marks = [mark.text for mark in looked.timeline.marks if mark.text.startswith("event")]
    assert marks == ["event SuccessfulRescale: New size: 2"]
