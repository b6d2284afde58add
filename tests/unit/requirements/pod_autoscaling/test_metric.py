"""Pods scale by the first metrics API that offers a metric of accelerators."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster.messages import Response
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import (
    EndpointSilent,
    Inconclusive,
    ProbeFailed,
    SolutionAbsent,
    WaitTimeout,
)
from aicr_pytest.requirements.pod_autoscaling.metric import PodMetric, PodMetrics

CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"


class Platform:
    """The metrics APIs that are registered, and what each offers."""

    observer = Unobserved()

    def __init__(self, **offers: list[str]) -> None:
        self.fails = False
        self.offers = {f"{name}.metrics.k8s.io": names for name, names in offers.items()}

    def list(self, kind: object) -> list[dict[str, Any]]:
        available = {"conditions": [{"type": "Available", "status": "True"}]}
        return [
            {
                "metadata": {"name": group},
                "spec": {"group": group, "version": "v1beta1"},
                "status": available,
            }
            for group in self.offers
        ]

    def raw(self, method: str, path: str, **_: object) -> Response:
        if self.fails:
            return Response(status=500, body=b"broken", headers={})
        said = {"resources": [{"name": name} for name in self.offers[path.split("/")[2]]]}
        return Response(status=200, body=json.dumps(said).encode(), headers={})

    def listing(self, subject: object) -> object:
        raise NotImplementedError

    def stream(self, *args: object, **kwargs: object) -> object:
        raise NotImplementedError


def metrics(platform: Platform, named: str | None = None, **more: Any) -> PodMetrics:
    waiter = Waiter(platform, 0.001)  # type: ignore[arg-type]
    return PodMetrics(platform, waiter, named=named, patterns=lambda: ["*gpu*util*"], **more)  # type: ignore[arg-type]


def chosen(platform: Platform, named: str | None = None) -> tuple[str, str]:
    found = metrics(platform, named).choose()
    return found.name, found.api.group


def test_metric_of_pods_goes_before_an_external_one() -> None:
    both = Platform(custom=["pods/gpu_util"], external=["gpu_utilization"])

    assert chosen(both) == ("gpu_util", CUSTOM)


@pytest.mark.parametrize("others", [{}, {"custom": ["pods/http_requests"]}])
def test_external_metric_does_where_there_is_no_other(others: dict[str, list[str]]) -> None:
    assert chosen(Platform(external=["gpu_utilization"], **others)) == ("gpu_utilization", EXTERNAL)


def test_metric_that_the_user_names_is_looked_for_in_both() -> None:
    both = Platform(custom=["pods/gpu_util"], external=["queue"])

    assert chosen(both, "queue") == ("queue", EXTERNAL)
    assert chosen(both, "unlisted") == ("unlisted", CUSTOM)


def test_target_is_the_users_or_half_of_full_load() -> None:
    platform = Platform(custom=["pods/gpu_util", "pods/queue"])

    assert metrics(platform).choose().target == 50
    assert metrics(platform, "queue").choose().target == 50
    assert metrics(platform, "queue").choose().by_user
    assert not metrics(platform).choose().by_user
    assert metrics(platform, "queue=3.5").choose().target == 3.5


def test_no_metrics_api_is_absent_and_no_metric_is_not() -> None:
    with pytest.raises(SolutionAbsent, match=r"no APIService of custom\.metrics"):
        metrics(Platform()).require()
    with pytest.raises(ProbeFailed, match=r"external\.metrics\.k8s\.io offers queue") as told:
        chosen(Platform(custom=[], external=["queue"]))
    assert "--aicr-hpa-metric" in told.value.hint


@pytest.mark.parametrize(
    "offers",
    [
        {"external": ["externalmetrics"]},  # KEDA
        {"external": []},
        {"custom": []},  # Stackdriver's adapter
        {"custom": ["pods/vllm_num_requests_waiting", "namespaces/gpu_utilization"]},
    ],
    ids=str,
)
def test_api_that_lists_no_metric_of_accelerators_accuses_nobody(
    offers: dict[str, list[str]],
) -> None:
    with pytest.raises(Inconclusive, match="--aicr-hpa-metric"):
        chosen(Platform(**offers))


def test_api_that_falls_silent_is_the_platforms_fault() -> None:
    platform = Platform(custom=[])
    platform.fails = True

    with pytest.raises(WaitTimeout, match="HTTP 500"):
        chosen(platform)


def test_metric_that_no_api_lists_is_the_one_that_has_a_value_for_our_pod() -> None:
    keda = Platform(external=["externalmetrics"])
    both = Platform(custom=["pods/other"], external=["externalmetrics"])

    assert chosen(keda, "s0-queue") == ("s0-queue", EXTERNAL)
    only = metrics(both, "s0-queue", has_value=lambda api, name: api.group == EXTERNAL)
    assert only.choose().api.group == EXTERNAL


def test_metric_that_the_user_names_and_nobody_has_accuses_nobody() -> None:
    keda = Platform(external=["externalmetrics"])

    with pytest.raises(Inconclusive, match="s0-queue"):
        metrics(keda, "s0-queue", has_value=lambda api, name: False).choose()


@pytest.mark.parametrize(
    ("telling", "taken"),
    [
        ({"gpu_util", "nv_gpu_utilization"}, "gpu_util"),
        ({"nv_gpu_utilization"}, "nv_gpu_utilization"),
        ({"gpu_utilization"}, "gpu_utilization"),  # an external one
        (set(), "gpu_util"),
    ],
)
def test_of_several_metrics_the_first_that_tells_of_our_pod_is_taken(
    telling: set[str], taken: str
) -> None:
    # As where the samples of one name the exporter's pod.
    platform = Platform(
        custom=["pods/gpu_util", "pods/nv_gpu_utilization"], external=["gpu_utilization"]
    )

    found = metrics(platform, has_value=lambda api, name: name in telling).choose()

    assert found.name == taken


class Stuttering(Platform):
    """Answers what is registered, and fails as often as it is told to."""

    failures = 0

    def raw(self, method: str, path: str, **more: object) -> Response:
        self.failures, self.fails = self.failures - 1, self.failures > 0
        return super().raw(method, path, **more)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def patient(platform: Platform, named: str | None = None, **more: Any) -> PodMetrics:
    waiter = Waiter(platform)  # type: ignore[arg-type]
    return PodMetrics(platform, waiter, named=named, patterns=lambda: ["*gpu*util*"], **more)  # type: ignore[arg-type]


def test_metrics_api_that_is_not_available_for_a_moment_is_waited_for(no_sleep: None) -> None:
    class Starting(Platform):
        looks = 0

        def list(self, kind: object) -> list[dict[str, Any]]:
            self.looks += 1
            listed = super().list(kind)
            if self.looks <= 4:  # of two APIs each
                listed[0]["status"]["conditions"][0]["status"] = "False"
            return listed

    starting = Starting(custom=["pods/gpu_util"])

    patient(starting).require()
    assert starting.looks == 6
    with pytest.raises(WaitTimeout, match=r"the metrics API answers: not within 0\.03 s"):
        metrics(type("Down", (Starting,), {"looks": -10_000})(custom=[])).require()


def test_metrics_api_that_fails_for_a_moment_is_asked_again(no_sleep: None) -> None:
    platform = Stuttering(custom=["pods/gpu_util"])
    platform.failures = 3

    assert patient(platform).choose().name == "gpu_util"


def test_only_metric_that_is_offered_is_taken_unasked() -> None:
    def nobody(api: object, name: str) -> bool:
        raise AssertionError("asked for")

    single = Platform(custom=["pods/gpu_util", "pods/queue"], external=["queue"])

    assert metrics(single, has_value=nobody).choose().name == "gpu_util"


def test_of_two_metrics_the_first_may_have_its_value_a_little_later(no_sleep: None) -> None:
    asked: list[tuple[str, str]] = []

    def has_value(api: Any, name: str) -> bool:
        asked.append((api.group, name))
        if len(asked) == 1:
            raise EndpointSilent("no answer")
        return len(asked) == 3

    two = Platform(custom=["pods/gpu_util", "pods/nv_gpu_util"])

    assert patient(two, has_value=has_value).choose().name == "gpu_util"
    assert asked == [(CUSTOM, "gpu_util")] * 3


def test_of_two_metrics_the_first_is_taken_where_nobody_says_which_has_a_value() -> None:
    def silent(api: object, name: str) -> bool:
        raise EndpointSilent("no answer")

    two = Platform(custom=["pods/gpu_util", "pods/nv_gpu_util"])

    assert metrics(two, has_value=silent).choose().name == "gpu_util"


def test_of_two_metrics_the_first_is_taken_where_the_api_falls_silent_meanwhile() -> None:
    class Falling(Platform):
        def raw(self, method: str, path: str, **more: object) -> Response:
            answer = super().raw(method, path, **more)
            self.fails = True
            return answer

    two = Falling(custom=["pods/gpu_util", "pods/nv_gpu_util"])

    assert metrics(two).choose().name == "gpu_util"


def test_metric_of_the_user_that_no_api_lists_is_asked_for_by_its_name() -> None:
    both = Platform(custom=["pods/other"], external=["externalmetrics"])

    def has_value(api: Any, name: str) -> bool:
        return (api.group, name) == (EXTERNAL, "s0-queue")

    assert metrics(both, "s0-queue=3", has_value=has_value).choose().api.group == EXTERNAL
    with pytest.raises(Inconclusive):
        metrics(both, "s1-queue=3", has_value=has_value).choose()


def test_external_metric_is_taken_only_once_those_of_pods_had_their_time(no_sleep: None) -> None:
    class Late(Platform):
        looks = 0

        def raw(self, method: str, path: str, **more: object) -> Response:
            self.looks += 1
            if self.looks > 8:
                self.offers[CUSTOM] = ["pods/gpu_util"]
            return super().raw(method, path, **more)

    late = Late(custom=[], external=["gpu_utilization"])

    found = patient(late).choose()

    assert (found.name, found.api.group) == ("gpu_util", CUSTOM)


def test_value_of_an_app_is_asked_for_by_its_label() -> None:
    asked: list[tuple[str, str, str]] = []

    class Api:
        group = CUSTOM

        def of_pods(self, *what: str) -> str:
            asked.append(what)  # type: ignore[arg-type]
            return "reply"

    api: Any = Api()
    metric = PodMetric(name="util", target=1.0, api=api)

    assert metric.of_app("ns", "scaled") == "reply"  # type: ignore[comparison-overlap]
    assert asked == [("ns", "app=scaled", "util")]
