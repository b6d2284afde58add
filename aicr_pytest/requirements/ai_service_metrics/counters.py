"""Series of a service before and after a known number of requests, judged one by one. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aicr_pytest.monitoring.prometheus import Series

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name of a series, and its other labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetrics:
    """What an inference server calls the metrics that are asked for."""

    server: str
    """The product."""
    counter: str
    """Requests that were answered."""
    histogram: str
    """Their latency, from arrival to the last token."""
    queue: str
    """Requests that wait."""

    @property
    def names(self) -> str:
        """All of them as a regular expression; a native histogram has no suffix."""
        return f"{self.counter}|{self.histogram}(_count|_bucket)?|{self.queue}"


VLLM = ServerMetrics(
    server="vLLM",
    counter="vllm:request_success_total",
    histogram="vllm:e2e_request_latency_seconds",
    queue="vllm:num_requests_waiting",
)
SERVERS = (
    VLLM,
    ServerMetrics(
        server="SGLang",
        counter="sglang:num_requests_total",
        histogram="sglang:e2e_request_latency_seconds",
        queue="sglang:num_queue_reqs",
    ),
    ServerMetrics(
        server="Text Generation Inference",
        counter="tgi_request_success",
        histogram="tgi_request_duration",
        queue="tgi_queue_size",
    ),
    ServerMetrics(
        server="NVIDIA NIM",
        counter="request_success_total",
        histogram="e2e_request_latency_seconds",
        queue="num_requests_waiting",
    ),
)
"""The servers whose metrics we know, by their documentation; only vLLM's names run in the lab."""


def keyed(series: Iterable[Series]) -> dict[Key, float]:
    """Values by series; two targets are two series."""
    found = {}
    for one in series:
        labels = dict(one.labels)
        found[labels.pop("__name__", ""), tuple(sorted(labels.items()))] = one.value
    return found


def gained(before: Mapping[Key, float], after: Mapping[Key, float]) -> dict[Key, float]:
    """What each series gained; one that is new began at 0."""
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def waiting(values: Mapping[Key, float], metrics: ServerMetrics) -> float | None:
    """The highest value of the queue gauge; None where there is none."""
    return max((value for key, value in values.items() if key[0] == metrics.queue), default=None)


def faults_of(gains: Mapping[Key, float], name: str, sent: int) -> list[str]:
    """Series of a name that did not gain exactly what was sent, as sentences."""
    own = {key: gain for key, gain in gains.items() if key[0] == name}
    if not own:
        return [f"there is no series {name} of the service"]
    return [
        f"{sent} requests were answered, and {name}{_labels(key[1])} gained {gain:g}"
        for key, gain in sorted(own.items())
        if gain != sent
    ]


def bucket_faults(gains: Mapping[Key, float], histogram: str, sent: int) -> list[str]:
    """Where a histogram's last buckets did not gain all observations, as sentences."""
    name = f"{histogram}_bucket"
    if not any(key[0] == name for key in gains):
        return [f"there is no series {name} of the service, so that no latency can be told"]
    last = _last_buckets(gains, name)
    if not last:
        return [f"{name} has no bucket le=+Inf, which holds all observations"]
    return faults_of(last, name, sent)


def of_series(gains: Mapping[Key, float], name: str) -> dict[str, float]:
    """What each series of a name gained, by its labels."""
    return {_labels(key[1]): gain for key, gain in gains.items() if key[0] == name}


def of_last_buckets(gains: Mapping[Key, float], histogram: str) -> dict[str, float]:
    """What each last bucket of a histogram gained, which holds all observations."""
    name = f"{histogram}_bucket"
    return of_series(_last_buckets(gains, name), name)


def of_targets(gains: Mapping[Key, float], name: str) -> dict[str, float]:
    """What the series of a name together gained, by the labels of their target."""
    found: dict[str, float] = {}
    for key, gain in gains.items():
        if key[0] == name:
            target = _labels(tuple(item for item in key[1] if item[0] in ("job", "instance")))
            found[target] = found.get(target, 0.0) + gain
    return found


def targets_of_last_buckets(gains: Mapping[Key, float], histogram: str) -> dict[str, float]:
    """The same of a histogram's last buckets."""
    name = f"{histogram}_bucket"
    return of_targets(_last_buckets(gains, name), name)


def at_most(gains: Mapping[str, float], sent: int) -> dict[str, float]:
    """What of these gains may be by requests of ours, of which there were so many."""
    return {series: gain if gain < sent else float(sent) for series, gain in gains.items()}


def shortfalls(gains: Mapping[Key, float], name: str, sent: int) -> list[str]:
    """Targets whose series of a name together gained less than was sent, as sentences.

    For a service that others use, too, and that has several series for one kind of request.
    """
    by_target = of_targets(gains, name)
    if not by_target:
        return [f"there is no series {name} of the service"]
    return [
        f"{sent} requests were answered, and {name}{target} gained {gain:g}"
        for target, gain in sorted(by_target.items())
        if gain < sent
    ]


def bucket_shortfalls(gains: Mapping[Key, float], histogram: str, sent: int) -> list[str]:
    """The same of a histogram's last buckets."""
    name = f"{histogram}_bucket"
    return shortfalls(_last_buckets(gains, name), name, sent)


def queue_faults(values: Mapping[Key, float], metrics: ServerMetrics) -> list[str]:
    """Where there is no queue gauge, or its value is no number of requests, as sentences."""
    own = {key: value for key, value in values.items() if key[0] == metrics.queue}
    if not own:
        return [f"there is no series {metrics.queue} of the service"]
    return [
        f"{metrics.queue}{_labels(key[1])} is {value:g}, which is no number of requests"
        for key, value in sorted(own.items())
        if not math.isfinite(value) or value < 0
    ]


def _last_buckets(gains: Mapping[Key, float], name: str) -> dict[Key, float]:
    return {
        key: gain
        for key, gain in gains.items()
        if key[0] == name and dict(key[1]).get("le") in ("+Inf", "Inf")
    }


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in labels)
    return f"{{{told}}}"
