"""Pods scale by the first metrics API that offers a metric of accelerators."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster.messages import Response
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import Inconclusive, ProbeFailed, SolutionAbsent, WaitTimeout
from aicr_pytest.requirements.pod_autoscaling.metric import PodMetrics

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
