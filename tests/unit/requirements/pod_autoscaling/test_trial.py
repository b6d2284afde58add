"""The trial sees what happens at each stage, and the checks tell who scales from who does not.

The checks are those of the suite; what they stand on is played by snapshots, one for each wait.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import (
    EndpointSilent,
    Inconclusive,
    NoCapacity,
    ProbeFailed,
    WaitFailed,
    WaitTimeout,
)
from aicr_pytest.requirements.pod_autoscaling import trial as module
from aicr_pytest.requirements.pod_autoscaling.metric import PodMetric
from aicr_pytest.requirements.pod_autoscaling.observed import (
    AfterLoad,
    PodDevices,
    Replicas,
    UnderLoad,
)
from aicr_pytest.requirements.pod_autoscaling.recorder import Snapshot
from aicr_pytest.requirements.pod_autoscaling.trial import AutoscalingTrial
from aicr_pytest.requirements.recorder import Recorder
from tests.conformance import test_pod_autoscaling as suite
from tests.unit.kept import Kept

SERVED = suite.test_metric_is_served_for_the_pod_and_below_target_while_it_idles
OUT = suite.test_under_load_a_second_pod_runs_on_an_accelerator_of_its_own
OWN = suite.test_new_pod_has_a_metric_of_its_own
BACK = suite.test_replicas_go_back_when_the_load_has_ended

TELLS_NOTHING = (
    r"custom\.metrics\.k8s\.io offers gpu_utilization, and it tells nothing of our pod a within the"
    r" time for samples: metric: no value; replicas"
)
EARLY = (
    r"replicas go 0\.\d s after the load's end, before the 30 s that the autoscaler is told to"
    r" wait: metric: "
)
ACTIVE = {"ScalingActive": "True ValidMetricFound: x"}


def pod(name: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True"}
    return {
        "metadata": {"name": name, "creationTimestamp": name},
        "spec": {"nodeName": "node-0"},
        "status": {
            "phase": "Running",
            "conditions": [condition],
            "containerStatuses": [{"ready": True}],
        },
    }


def seen(desired: int, **values: float) -> Snapshot:
    """A Deployment with these pods, all ready; NaN: a pod without a metric."""
    return Snapshot(
        values={name: value for name, value in values.items() if value == value},
        pods={name: pod(name) for name in values},
        desired=desired,
        conditions=ACTIVE if desired else {},
    )


NAN = float("nan")
IDLE = [seen(0, a=3.0), seen(1, a=3.0)]
"""Before there is an autoscaler, and once it has spoken."""
RISEN = [seen(1, a=97.0), seen(2, a=97.0, b=NAN), seen(2, a=97.0, b=0.0)]
"""Above the target, two replicas wanted, two there."""
OWN_METRICS = [seen(2, a=97.0, b=1.0)]
GONE_BACK = [seen(2, a=97.0, b=0.0), seen(1, a=0.0, b=0.0), seen(1, a=0.0)]
"""Still loaded, one replica wanted, one there."""


class Scripted(Recorder[Snapshot]):
    """Shows one snapshot in each wait."""

    def __init__(self, *snapshots: Snapshot | Exception) -> None:
        super().__init__("Replicas", {}, Snapshot(values={}))
        self.snapshots = list(snapshots)
        self.waits: list[tuple[str, float]] = []

    def sample(self) -> Snapshot:
        seen = self.snapshots.pop(0)
        if isinstance(seen, Exception):
            raise seen
        return seen

    def until(
        self, waiter: Waiter, what: str, reached: Any, timeout: float, **more: Any
    ) -> tuple[Snapshot, str]:
        self.waits.append((what, timeout))
        return super().until(waiter, what, reached, timeout, **more)


class FakePod:
    """A pod with accelerators, on a node that hands out whole devices or units."""

    def __init__(self, name: str, *held: str, units: int = 1) -> None:
        self.pod = SimpleNamespace(name=name)
        profile = SimpleNamespace(tool="nvidia-smi")
        self.on = SimpleNamespace(name="node-0", profile=profile, known_as=str)
        self.why_shared = lambda _: f"{units} shares" if units > 1 else ""
        self.held = lambda: held

    def __str__(self) -> str:
        return f"node-0: pod ns/{self.pod.name}"


class Deployment:
    """What the Deployment does, as the test says."""

    def __init__(self, first: FakePod, new: FakePod | Exception) -> None:
        self.first, self.new = first, new
        self.starts: Exception | None = None
        self.lasting: Any = None
        self.switched: list[str] = []

    def start(self, name: str) -> None:
        assert name == "scaled"
        if self.starts:
            raise self.starts

    def pod(self, name: str) -> FakePod:
        assert name == self.first.pod.name
        return self.first

    def second(self, name: str, first: object) -> FakePod:
        assert (name, first) == ("scaled", self.first)
        if isinstance(self.new, Exception):
            raise self.new
        return self.new

    def load(self, pod: FakePod) -> Any:
        assert pod in (self.first, self.new)
        share, name = 0.97 if pod is self.first else 0.0, pod.pod.name
        return SimpleNamespace(
            on=lambda: self.switched.append(f"on in {name}"),
            off=lambda: self.switched.append(f"off in {name}"),
            seen=lambda: share,
            lasting=self.lasting or (lambda: share),
        )


class Stages:
    """What is kept of each stage."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.silent = False

    def keep(self, when: str, watched: Scripted) -> None:
        self.kept.append(f"{when}, {len(watched.waits)} waits")

    def keep_answer(self, when: str) -> None:
        self.kept.append(when)
        if self.silent:
            raise EndpointSilent("no answer")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds pass whenever the trial reads the clock."""
    moments = iter(range(0, 10_000, 10))
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(moments))))


def on_trial(
    *snapshots: Snapshot | Exception,
    first: FakePod | None = None,
    new: FakePod | Exception | None = None,
    patience: float = 0.0,
) -> AutoscalingTrial:
    cluster: Any = SimpleNamespace(observer=Unobserved())
    workspace = SimpleNamespace(namespace="ns", apply=lambda objects: objects)
    platform: Any = SimpleNamespace(
        cluster=cluster,
        waiter=Waiter(cluster, scale=patience),
        settings=SimpleNamespace(hpa_metric=None),
        evidence=Kept(),
        workspaces=SimpleNamespace(at=lambda: workspace),
    )
    trial = AutoscalingTrial(platform)
    api: Any = SimpleNamespace(
        group="custom.metrics.k8s.io", autoscaler="pod_autoscaling/autoscaler"
    )
    fakes: Mapping[str, object] = {
        "metric": PodMetric(name="gpu_utilization", target=50.0, api=api, by_user=True),
        "_watched": Scripted(*snapshots),
        "_kept": Stages(),
        "_scaled": Deployment(first or FakePod("a", "GPU-1"), new or FakePod("b", "GPU-2")),
        "_metrics": SimpleNamespace(require=lambda: None),
    }
    vars(trial).update(fakes)
    return trial


def test_a_platform_that_scales_passes_every_check(later: None) -> None:
    trial = on_trial(*IDLE, *RISEN, *OWN_METRICS, *GONE_BACK)

    for check in (SERVED, OUT, OWN, BACK):
        check(trial)
    assert trial.under_load().replicas == Replicas(wanted=2, ready=2)
    assert [one.devices for one in trial.under_load().pods] == [{"GPU-1"}, {"GPU-2"}]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([seen(0)], "no pod of the Deployment is ready any more"),
        ([seen(0, a=NAN)], "gpu_utilization has no value for pod a: metric: no value"),
        ([seen(0, a=50.0)], "pod a idles, and its gpu_utilization is 50.0, not below 50.0"),
        ([IDLE[0], seen(2, a=3.0)], "pod a idles, and the autoscaler wants 2 replicas: metric: a"),
        (
            [IDLE[0], seen(0, a=3.0)],
            "pod a idles, and the autoscaler wants no replicas: .*not told",
        ),
    ],
)
def test_while_it_idles(before: list[Snapshot], said: str) -> None:
    trial = on_trial(*before)

    with pytest.raises(AssertionError, match=said):
        SERVED(trial)
    with pytest.raises(ProbeFailed, match="Scaling out cannot be seen: metric"):
        OUT(trial)
    with pytest.raises(ProbeFailed):
        BACK(trial)


def test_metric_that_we_guessed_and_that_tells_nothing_of_our_pod_accuses_nobody() -> None:
    # As where prometheus-adapter has the exporter's pod in place of ours (field case 16).
    trial = on_trial(seen(0, a=NAN))
    vars(trial)["metric"] = replace(trial.metric, by_user=False)

    for check in (SERVED, OUT, OWN, BACK):
        with pytest.raises(ProbeFailed, match=TELLS_NOTHING) as why:
            check(trial)
        assert "honorLabels: true" in why.value.hint
        assert "--aicr-hpa-metric NAME=TARGET" in why.value.hint


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([seen(0)], "no pod of the Deployment is ready any more"),
        ([seen(0, a=50.0)], "pod a idles, and its gpu_utilization is 50.0, not below 50.0"),
    ],
)
def test_metric_that_we_guessed_accuses_as_any_where_it_tells_of_our_pod(
    before: list[Snapshot], said: str
) -> None:
    trial = on_trial(*before)
    vars(trial)["metric"] = replace(trial.metric, by_user=False)

    with pytest.raises(AssertionError, match=said):
        SERVED(trial)


def test_what_does_not_start_accuses_once() -> None:
    trial = on_trial()
    vars(trial)["_scaled"].starts = WaitTimeout("no pod within 30 s")

    with pytest.raises(WaitTimeout, match="no pod"):
        SERVED(trial)
    with pytest.raises(ProbeFailed, match="nothing to scale: no pod within 30 s"):
        OUT(trial)


def test_where_nobody_can_look_every_check_says_so() -> None:
    trial = on_trial()
    vars(trial)["_scaled"].starts = NoCapacity("It takes two free accelerators")

    for check in (SERVED, OUT, OWN, BACK):
        with pytest.raises(NoCapacity):
            check(trial)


@pytest.mark.parametrize(
    ("under_load", "new", "said"),
    [
        (
            [seen(1, a=50.0)],
            None,
            r"its accelerator \(97% by nvidia-smi\), and its \w+ does not rise: .*\n.* at 50;",
        ),
        ([seen(1, a=NAN)], None, "does not rise"),
        ([RISEN[0], seen(1, a=97.0)], None, "no second pod that is ready: Deployment scaled"),
        (RISEN[:2], WaitFailed("pod b failed"), "no second pod that is ready: pod b failed"),
        ([*RISEN[:2], seen(2, a=97.0)], None, "there are not two pods that stay: "),
        ([*RISEN[:2], seen(1, a=97.0, b=0.0)], None, "there are not two pods that stay: "),
        ([*RISEN[:2], seen(2, a=97.0, c=0.0)], None, "there are not two pods that stay: "),
        (RISEN, FakePod("b", "GPU-1"), "pod ns/a and node-0: pod ns/b both see GPU-1"),
    ],
)
def test_under_load(under_load: list[Snapshot], new: FakePod | Exception | None, said: str) -> None:
    trial = on_trial(*IDLE, *under_load, new=new)

    with pytest.raises(AssertionError, match=f"(?s){said}"):
        OUT(trial)
    for check in (OWN, BACK):
        with pytest.raises(ProbeFailed, match="There never were two pods"):
            check(trial)


def test_load_that_has_ended_by_itself_accuses_nobody() -> None:
    def ended() -> float:
        raise ProbeFailed("its load has ended by itself")

    trial = on_trial(*IDLE, seen(1, a=50.0))
    vars(trial)["_scaled"].lasting = ended

    with pytest.raises(ProbeFailed, match="ended by itself"):
        OUT(trial)


def test_units_of_one_device_are_no_accelerators_of_their_own_and_accuse_nobody() -> None:
    shared = FakePod("a", "GPU-1", units=4), FakePod("b", "GPU-1", units=4)
    trial = on_trial(*IDLE, *RISEN, first=shared[0], new=shared[1])

    for check in (OUT, OWN):
        with pytest.raises(Inconclusive, match="units of the same device: 4 shares") as told:
            check(trial)
        assert "--aicr-nodes" in told.value.hint


def test_units_of_two_devices_are_accelerators_of_their_own() -> None:
    apart = FakePod("a", "GPU-1", units=4), FakePod("b", "GPU-2", units=4)

    OUT(on_trial(*IDLE, *RISEN, first=apart[0], new=apart[1]))
    with pytest.raises(Inconclusive, match="units of the same device: 2 shares"):
        OUT(on_trial(*IDLE, *RISEN, new=FakePod("b", "GPU-1", units=2)))


@pytest.mark.parametrize(
    "values", [{"a": 97.0, "b": 97.0}, {"a": 48.5, "b": 0.0}, {"a": 97.0, "b": 27.0}, {"a": 97.0}]
)
def test_metric_that_is_not_the_new_pods_own(values: dict[str, float]) -> None:
    trial = on_trial(*IDLE, *RISEN, seen(2, **values))
    OUT(trial)

    said = (
        r"pod b idles \(0% by nvidia-smi\) beside the loaded pod a, and its \w+ is none of its own"
    )
    with pytest.raises(AssertionError, match=said):
        OWN(trial)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([seen(1, a=97.0)], "there is still load, and replicas go: "),
        ([seen(2, a=97.0)], "there is still load, and replicas go: "),
        ([GONE_BACK[0], seen(2, a=0.0, b=0.0)], "the load has ended, and replicas do not go back"),
        (
            [*GONE_BACK[:2], seen(1, a=0.0, b=0.0)],
            "the load has ended, and replicas do not go back",
        ),
        ([*GONE_BACK[:2], seen(2, a=0.0)], "the load has ended, and replicas do not go back"),
    ],
)
def test_when_the_load_ends(later: None, after: list[Snapshot], said: str) -> None:
    trial = on_trial(*IDLE, *RISEN, *after)
    OUT(trial)

    with pytest.raises(AssertionError, match=said):
        BACK(trial)


def test_replicas_that_go_at_once_go_too_early() -> None:
    trial = on_trial(*IDLE, *RISEN, *GONE_BACK)
    OUT(trial)

    with pytest.raises(AssertionError, match=EARLY):
        BACK(trial)


def test_what_was_seen_is_seen_once() -> None:
    trial = on_trial(*IDLE, seen(1, a=3.0))

    for _ in range(2):
        SERVED(trial)
        with contextlib.suppress(AssertionError):
            OUT(trial)
    assert vars(trial)["_watched"].snapshots == []


TWO, ONE = Replicas(wanted=2, ready=2), Replicas(wanted=1, ready=1)
PODS = tuple(PodDevices(pod=name, devices=frozenset({f"GPU-{name}"})) for name in "ab")
SCALED = UnderLoad(value=97.0, target=50.0, replicas=TWO, pods=PODS)
BACK_AGAIN = AfterLoad(while_loaded=TWO, replicas=ONE, seconds=30.0, earliest=10.0)


@pytest.mark.parametrize("wrong", [{"value": 50.0}, {"value": NAN}, {"replicas": ONE}])
def test_each_comparison_under_load_decides_alone(wrong: dict[str, Any]) -> None:
    trial: Any = SimpleNamespace(under_load=lambda: SCALED)
    OUT(trial)
    trial.under_load = lambda: replace(SCALED, **wrong)
    with pytest.raises(AssertionError):
        OUT(trial)


@pytest.mark.parametrize(
    "wrong", [{"while_loaded": ONE}, {"seconds": 9.9}, {"replicas": TWO}, {"replicas": None}]
)
def test_each_comparison_after_the_load_decides_alone(wrong: dict[str, Any]) -> None:
    trial: Any = SimpleNamespace(after_load=lambda: BACK_AGAIN)
    BACK(trial)
    trial.after_load = lambda: replace(BACK_AGAIN, **wrong)
    with pytest.raises(AssertionError):
        BACK(trial)
