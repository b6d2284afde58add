"""The course of a trial: what is done, awaited and kept at each stage, and what it comes to."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import POD, Kind
from aicr_pytest.cluster.messages import Response
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import EndpointSilent, ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.requirements.pod_autoscaling import trial as module
from aicr_pytest.requirements.pod_autoscaling.observed import AfterLoad, Replicas, SideBySide
from aicr_pytest.requirements.pod_autoscaling.recorder import Snapshot
from aicr_pytest.requirements.pod_autoscaling.trial import AutoscalingTrial
from tests.unit.requirements.pod_autoscaling.test_metric import Platform

from .test_trial import (
    BACK,
    GONE_BACK,
    IDLE,
    NAN,
    OUT,
    OWN,
    OWN_METRICS,
    RISEN,
    SERVED,
    FakePod,
    later,
    on_trial,
    seen,
)

__all__ = ["later"]
TWO, ONE = Replicas(wanted=2, ready=2), Replicas(wanted=1, ready=1)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def test_each_stage_is_awaited_marked_and_kept(
    later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "since", lambda moment: f"since {moment:g}")
    trial: Any = on_trial(*IDLE, *RISEN, *OWN_METRICS, *GONE_BACK)

    for check in (SERVED, OUT, OWN, BACK):
        check(trial)

    assert trial._watched.waits == [
        ("gpu_utilization of the idle pod", 420),
        ("the autoscaler's first status", 180),
        ("gpu_utilization of the loaded pod above 50", 420),
        ("Deployment scaled: 2 replicas wanted", 180),
        ("Deployment scaled: 2 replicas ready", 10),
        (
            "gpu_utilization above 50 of the loaded pod a, and at most 26.5 of the new pod b",
            420,
        ),
        ("Deployment scaled: 2 replicas, as long as there is load", 10),
        ("Deployment scaled: 1 replica wanted again", 630),
        ("Deployment scaled: back to 1 replica", 90),
    ]
    assert trial._kept.kept == [
        "idle, before there is an autoscaler",
        "while it idles, 2 waits",
        "under load, 5 waits",
        "when the load had ended, 9 waits",
    ]
    assert [mark.text for mark in trial._watched.timeline.marks] == [
        "the autoscaler is there",
        "load on in pod a",
        "load off in pod a",
    ]
    assert trial._scaled.switched == ["on in a", "off in a"]


def test_what_was_seen_is_kept_as_evidence(later: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "since", lambda moment: f"since {moment:g}")
    devices = FakePod("a", "GPU-1", "GPU-0"), FakePod("b", "GPU-2")
    trial = on_trial(*IDLE, *RISEN, *OWN_METRICS, *GONE_BACK, first=devices[0], new=devices[1])
    evidence: Any = trial._platform.evidence

    for check in (SERVED, OUT, OWN, BACK):
        check(trial)

    assert evidence.facts == {
        "metric": "gpu_utilization of custom.metrics.k8s.io, target 50",
        "seconds from load to 2 replicas ready": "since 0",
        "metric of both pods": str(OWN_METRICS[0]),
        "seconds from the load's end to 1 replica": "since 10",
    }
    assert evidence.shown["Accelerators of both pods"] == [
        {"node": "node-0", "pod": "a", "sees": "GPU-1, GPU-0"},
        {"node": "node-0", "pod": "b", "sees": "GPU-2"},
    ]
    assert evidence.sources["Accelerators of both pods"] == "nvidia-smi in each pod"
    scaler = evidence.shown["The autoscaler"]
    assert scaler["metadata"]["name"] == scaler["spec"]["scaleTargetRef"]["name"] == "scaled"
    assert scaler["metadata"]["namespace"] == "ns"
    (by,) = scaler["spec"]["metrics"]
    assert by["pods"] == {
        "metric": {"name": "gpu_utilization"},
        "target": {"type": "AverageValue", "averageValue": "50"},
    }
    assert evidence.sources["The autoscaler"] == (
        "PATCH /apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers/scaled"
    )


def test_first_status_of_the_autoscaler_is_awaited(no_sleep: None) -> None:
    said = seen(1, a=3.0)
    silent = Snapshot(values=said.values, pods=said.pods, desired=1)
    undecided = Snapshot(values=said.values, pods=said.pods, conditions=said.conditions)
    trial: Any = on_trial(seen(0), IDLE[0], silent, undecided, said, seen(1, a=9.0), patience=1.0)

    idle = trial.idle()

    assert (idle.pod, idle.metric, idle.value, idle.target) == ("a", "gpu_utilization", 3.0, 50.0)
    assert idle.seen == str(said)
    assert len(trial._watched.snapshots) == 1


def test_metrics_api_that_is_silent_for_a_moment_is_asked_again(no_sleep: None) -> None:
    trial: Any = on_trial(
        EndpointSilent("HTTP 500"), IDLE[0], EndpointSilent("HTTP 500"), IDLE[1], patience=1.0
    )
    trial._kept.silent = True

    SERVED(trial)

    assert trial._watched.snapshots == []


def test_metrics_api_that_stays_silent_is_told() -> None:
    trial = on_trial(*IDLE, EndpointSilent("HTTP 500"))

    assert "above 50: not within 0 s.\n  Last seen: HTTP 500" in trial.under_load().because


def test_pod_that_is_gone_has_no_name() -> None:
    idle = on_trial(seen(0)).idle()

    assert (idle.pod, idle.value, idle.wanted) == ("", None, 0)


def test_where_the_first_pod_never_started_there_never_were_two() -> None:
    for check in (OWN, BACK):
        trial = on_trial()
        vars(trial)["_scaled"].starts = WaitTimeout("no pod within 30 s")
        with pytest.raises(ProbeFailed, match="There never were two pods") as told:
            check(trial)
        assert isinstance(told.value.__cause__, WaitTimeout)


@pytest.mark.parametrize(
    ("under_load", "new", "replicas"),
    [
        ([seen(1, a=50.0)], None, None),
        ([RISEN[0], seen(1, a=97.0)], None, ONE),
        ([RISEN[0], seen(3, a=97.0, b=NAN)], None, Replicas(wanted=3, ready=1)),
        (RISEN[:2], WaitFailed("pod b failed"), Replicas(wanted=2, ready=1)),
        ([*RISEN[:2], seen(2, a=97.0, c=0.0)], None, Replicas(wanted=2, ready=1)),
        ([*RISEN[:2], seen(1, a=97.0, b=0.0)], None, Replicas(wanted=1, ready=2)),
        (RISEN, None, TWO),
    ],
)
def test_replicas_under_load_are_those_of_the_loaded_pod_and_the_new_one(
    under_load: list[Snapshot], new: Any, replicas: Replicas | None
) -> None:
    observed = on_trial(*IDLE, *under_load, new=new).under_load()

    assert observed.replicas == replicas
    assert (observed.because == "") is (len(observed.pods) == 2) is (replicas == TWO)


@pytest.mark.parametrize(
    ("idle", "loaded", "new", "halfway", "fine"),
    [
        (3.0, 97.0, 26.5, 26.5, True),
        (3.0, 97.0, 26.6, 26.5, False),
        (3.0, 50.0, 0.0, 26.5, False),
        (3.0, 50.1, 0.0, 26.5, True),
        (0.0, 97.0, 25.0, 25.0, True),
        (0.0, 97.0, 25.4, 25.0, False),
    ],
)
def test_metric_of_the_new_pod_is_its_own_up_to_halfway(
    idle: float, loaded: float, new: float, halfway: float, fine: bool
) -> None:
    quiet = [seen(0, a=idle), seen(1, a=idle)]
    beside = on_trial(*quiet, *RISEN, seen(2, a=loaded, b=new)).side_by_side()

    assert beside == SideBySide(
        loaded=loaded, idle=new, target=50.0, halfway=halfway, because=beside.because
    )
    assert (beside.because == "") is fine


@pytest.mark.parametrize(
    ("after", "observed"),
    [
        (GONE_BACK, AfterLoad(while_loaded=TWO, replicas=ONE, seconds=10.0, earliest=10.0)),
        (
            [GONE_BACK[0], seen(2, a=0.0, b=0.0)],
            AfterLoad(while_loaded=TWO, replicas=TWO, seconds=float("inf"), earliest=10.0),
        ),
        (
            [*GONE_BACK[:2], seen(1, a=0.0, b=0.0)],
            AfterLoad(
                while_loaded=TWO, replicas=Replicas(wanted=1, ready=2), seconds=10.0, earliest=10.0
            ),
        ),
        ([seen(1, a=97.0)], AfterLoad(while_loaded=ONE, earliest=10.0)),
    ],
)
def test_after_the_load_replicas_and_seconds_are_observed(
    later: None, after: list[Snapshot], observed: AfterLoad
) -> None:
    trial = on_trial(*IDLE, *RISEN, *after)

    came = trial.after_load()

    assert came == AfterLoad(
        while_loaded=observed.while_loaded,
        replicas=observed.replicas,
        seconds=observed.seconds,
        earliest=observed.earliest,
        because=came.because,
    )
    assert (came.because == "") is (after is GONE_BACK)
    evidence: Any = trial._platform.evidence
    told = "seconds from the load's end to 1 replica" in evidence.facts
    assert told is (after is GONE_BACK)


class Adapter(Platform):
    """Metrics APIs that have values of some metrics for our pod."""

    def __init__(self, values: dict[str, float], **offers: list[str]) -> None:
        super().__init__(**offers)
        self.values = values

    def raw(self, method: str, path: str, *, query: Any = (), **more: object) -> Response:
        _, pods, metric = path.rpartition("/pods/*/")
        if not pods:
            return super().raw(method, path)
        assert (method, path.split("/")[5], list(query)) == (
            "GET", "ns", [("labelSelector", "app=scaled")]
        )  # fmt: skip
        items = [
            {"describedObject": {"name": "a"}, "value": str(value)}
            for name, value in self.values.items()
            if name == metric
        ]
        return Response(status=200, body=json.dumps({"items": items}).encode(), headers={})

    def list(self, kind: Kind, *_: object, **__: object) -> list[dict[str, Any]]:  # type: ignore[override]
        return list(seen(0, a=1.0).pods.values()) if kind is POD else super().list(kind)

    def find(self, *_: object) -> None:
        return None


def with_adapter(adapter: Adapter, named: str | None = None) -> AutoscalingTrial:
    profiles = [SimpleNamespace(pod_metrics=["*gpu*util*"]), SimpleNamespace(pod_metrics=["queue"])]
    stock = [SimpleNamespace(profile=one) for one in profiles]
    workspace = SimpleNamespace(namespace="ns")
    platform: Any = SimpleNamespace(
        cluster=adapter,
        waiter=Waiter(adapter, scale=0.0),  # type: ignore[arg-type]
        settings=SimpleNamespace(hpa_metric=named),
        accelerators=SimpleNamespace(stock=stock),
        workspaces=SimpleNamespace(at=lambda: workspace),
    )
    return AutoscalingTrial(platform)


def test_metric_is_the_first_of_the_vendors_that_has_a_value_for_our_pod() -> None:
    offers = ["pods/gpu_util", "pods/nv_gpu_util", "pods/queue"]
    trial = with_adapter(Adapter({"nv_gpu_util": 3.0, "queue": 4.0}, custom=offers))

    assert (trial.metric.name, trial.metric.target) == ("nv_gpu_util", 50.0)
    assert trial.metric.of_app("ns", "scaled").values == {"a": 3.0}
    snapshot = trial._watched.sample()
    assert (snapshot.values, snapshot.ready) == ({"a": 3.0}, ["a"])


def test_metric_of_the_user_is_taken_where_it_has_a_value_for_our_pod() -> None:
    adapter = Adapter({"queue": 4.0}, custom=["pods/gpu_util"])

    assert with_adapter(adapter, "queue=7").metric.target == 7.0
    with pytest.raises(ProbeFailed, match="other"):
        _ = with_adapter(adapter, "other").metric
