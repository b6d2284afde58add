"""The metrics API of autoscalers: absent is not broken, and no value is no zero."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster.messages import Response
from aicr_pytest.errors import ApiUnreachable, EndpointSilent, SolutionAbsent
from aicr_pytest.monitoring.metrics_api import CustomMetrics, ExternalMetrics, matching, quantity

PATTERNS = ("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", "*gpu*util*")


def api_service(
    version: str = "v1beta1",
    *,
    available: bool = True,
    group: str = "custom.metrics.k8s.io",
) -> dict[str, Any]:
    condition = {
        "type": "Available",
        "status": "True" if available else "False",
        "reason": "Passed" if available else "MissingEndpoints",
        "message": "" if available else "no endpoints",
    }
    return {
        "metadata": {"name": f"{version}.{group}"},
        "spec": {"group": group, "version": version},
        "status": {"conditions": [condition]},
    }


class FakeCluster:
    def __init__(self, services: list[dict[str, Any]], status: int = 200, said: Any = None) -> None:
        self.services = services
        self.status = status
        self.said = said
        self.asked: list[str] = []

    def list(self, kind: object) -> list[dict[str, Any]]:
        return self.services

    def raw(self, method: str, path: str, *, query: object = ()) -> Response:
        self.asked.append(path)
        if self.status >= 500:
            raise ApiUnreachable(f"{path}: {self.status}")
        return Response(status=self.status, body=json.dumps(self.said).encode(), headers={})


def metrics(*services: dict[str, Any], status: int = 200, said: Any = None) -> CustomMetrics:
    return CustomMetrics(FakeCluster([*services], status, said))  # type: ignore[arg-type]


def test_metrics_of_pods_are_offered_by_name() -> None:
    said = {"resources": [{"name": "pods/b"}, {"name": "namespaces/b"}, {"name": "pods/a"}]}

    assert metrics(api_service(), said=said).offered() == ["a", "b"]


def test_api_that_nobody_registered_is_absent() -> None:
    with pytest.raises(SolutionAbsent, match=r"no APIService of custom\.metrics\.k8s\.io"):
        metrics().require()


def test_api_that_is_registered_and_not_served_is_broken() -> None:
    with pytest.raises(EndpointSilent, match=r"not available: .* MissingEndpoints: no endpoints"):
        metrics(api_service(available=False)).offered()


def test_version_that_answers_is_asked() -> None:
    both = (api_service("v1beta2", available=False), api_service("v1beta1"))

    assert metrics(*both).require() == "v1beta1"


def test_values_by_pod() -> None:
    items = [
        {"describedObject": {"kind": "Pod", "name": "a"}, "value": "95"},
        {"describedObject": {"kind": "Pod", "name": "b"}, "value": "500m"},
    ]
    reply = metrics(api_service(), said={"items": items}).of_pods("ns", "app=x", "gpu")

    assert reply.values == {"a": 95.0, "b": 0.5}
    assert reply.request == (
        "GET /apis/custom.metrics.k8s.io/v1beta1/namespaces/ns/pods/*/gpu?labelSelector=app=x"
    )


def test_metric_that_is_not_known_has_no_values() -> None:
    assert metrics(api_service(), status=404, said={}).of_pods("ns", "", "nope").values == {}


def test_api_that_fails_is_silent_and_gives_no_empty_answer() -> None:
    with pytest.raises(EndpointSilent, match="gives no answer"):
        metrics(api_service(), status=503).of_pods("ns", "", "gpu")


@pytest.mark.parametrize(
    "said",
    [
        {"items": 5},
        {"items": ["x"]},
        {"items": [{}]},
        {"items": [{"describedObject": "x", "value": "1"}]},
        {"items": [{"describedObject": {"name": "a"}, "value": "1.2.3"}]},
        {"items": [{"describedObject": {"name": "a"}, "value": {}}]},
    ],
    ids=str,
)
def test_values_of_another_shape_are_no_answer(said: object) -> None:
    with pytest.raises(EndpointSilent):
        metrics(api_service(), said=said).of_pods("ns", "", "gpu")


@pytest.mark.parametrize("said", [{"resources": 5}, {"resources": [5]}, {"resources": [{}]}])
def test_names_of_another_shape_are_no_answer(said: object) -> None:
    with pytest.raises(EndpointSilent, match="no answer that can be read"):
        metrics(api_service(), said=said).offered()


def test_external_values_are_those_that_tell_their_pod() -> None:
    items = [
        {"metricName": "gpu", "metricLabels": {"namespace": "ns", "pod": "a"}, "value": "95"},
        {"metricName": "gpu", "metricLabels": {"exported_pod": "b"}, "value": "1"},
        {"metricName": "gpu", "metricLabels": {"namespace": "ns"}, "value": "50"},
    ]
    service = api_service(group=ExternalMetrics.group)
    external = ExternalMetrics(FakeCluster([service], 200, {"items": items}))  # type: ignore[arg-type]
    reply = external.of_pods("ns", "app=x", "gpu")

    assert reply.values == {"a": 95.0, "b": 1.0}
    assert "/namespaces/ns/gpu?labelSelector=namespace=ns" in reply.request


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("95", 95.0),
        ("95500m", 95.5),
        ("1k", 1000.0),
        ("2Ki", 2048.0),
        ("3E", 3e18),
        ("1Pi", 2.0**50),
        ("1e2", 100.0),
        ("0", 0.0),
    ],
)
def test_quantity(text: str, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["<nil>", "", "NaN", "Infinity", "1e999", "1e999999999E", "1ki"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(EndpointSilent, match="no quantity"):
        quantity(text)


def test_earliest_pattern_chooses_the_metric() -> None:
    assert matching(["dcgm_fi_dev_gpu_util", "gpu_utilization"], PATTERNS) == "gpu_utilization"
    assert matching(["nv_gpu_utilization"], PATTERNS) == "nv_gpu_utilization"
    assert matching(["http_requests"], PATTERNS) == ""
