"""A service that nobody knew before gets requests; what the monitoring system makes of them."""

import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.loading import Clock, utc_now
from aicr_pytest.cluster.forwarding import ask_pod
from aicr_pytest.cluster.kinds import NAMESPACE
from aicr_pytest.cluster.prometheus import Prometheus, Series, Target
from aicr_pytest.errors import AicrError, EndpointSilent, Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.evidence.timeline import Timeline
from aicr_pytest.service_counts import Key, faults_of, gained, keyed, missing_buckets
from aicr_pytest.solutions.metrics.collector import Collector, Registration, Workload

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.solutions.frame import Candidate, Solutions
    from aicr_pytest.workspaces import Workspaces

REQUESTS = 20
"""Requests that are sent, all in all."""
HELD = 4
"""Of them, those that wait in the queue at the same time."""
PORT = 8000
"""Port of the sample service."""
COUNTER = "vllm:request_success_total"
HISTOGRAM = "vllm:e2e_request_latency_seconds"
QUEUE = "vllm:num_requests_waiting"
_UNITS = {"requests counted": "requests", "requests waiting": "requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """The sample service, known to the monitoring system by one way."""

    pod: "Pod"
    model: str
    """Value of the label ``model_name`` on its series; no other workload has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """What the monitoring system had before the requests, while some waited, and after them."""

    before: Mapping[Key, float]
    """Counter and the histogram's count, by series."""
    after: Mapping[Key, float]
    queue_peak: float
    queue_end: float
    buckets: tuple[Series, ...]
    lag: str
    """Why the samples did not become what was expected; empty where they did."""


class ServiceTrial:
    """The sample service under a known number of requests, seen through the monitoring system."""

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        workspaces: "Workspaces",
        prometheus: Callable[[], Prometheus],
        solutions: "Solutions[Collector]",
        evidence: Callable[[], "CheckEvidence"],
        clock: Clock = utc_now,
    ) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._workspaces = workspaces
        self._prometheus = prometheus
        self._solutions = solutions
        self._evidence = evidence
        self._clock = clock
        self._trouble: AicrError | None = None

    # -- what the checks ask -------------------------------------------------------------------

    def collected_by(self) -> str:
        """The way by which the service was found and scraped: the first that works.

        Raises:
            WaitTimeout: by no way that is there; says what became of the target.
        """
        candidate, placed = self._found
        self._evidence().fact("model_name of the service", placed.model)
        return candidate.solution.name

    def miscounted(self) -> list[str]:
        """Series of the request counter that did not gain exactly as many as were sent."""
        traffic = self._after_requests
        return self._judge(traffic, COUNTER)

    def misobserved(self) -> list[str]:
        """Faults of the latency histogram: observations, and buckets that hold them."""
        traffic = self._after_requests
        return [
            *self._judge(traffic, f"{HISTOGRAM}_count"),
            *missing_buckets(traffic.buckets, REQUESTS, f"{HISTOGRAM}_bucket"),
        ]

    def misqueued(self) -> list[str]:
        """Where the queue gauge did not show the requests that waited, as sentences."""
        traffic = self._after_requests
        found = []
        if traffic.queue_peak != HELD:
            found.append(
                f"{HELD} requests waited, and the highest {QUEUE} that {self._prometheus()} showed "
                f"is {traffic.queue_peak:g}"
            )
        elif traffic.queue_end != 0:
            found.append(f"no request waits any more, and {QUEUE} is still {traffic.queue_end:g}")
        return found

    def lingering(self) -> list[str]:
        """Targets that stay after the service is gone, as sentences."""
        _, placed = self._found
        placed.pod.delete()
        placed.pod.gone()
        self._evidence().fact("deleted", str(placed.pod))
        try:
            self._waiter.poll(
                f"{self._prometheus()}: the target of {placed.pod} to go",
                lambda: self._targets(placed.pod),
                until=lambda targets: not targets,
                describe=_shown,
                timeout=self._waiter.deadlines.monitoring_follows,
            )
        except WaitTimeout as error:
            return [f"{placed.pod} is gone, and its target stays: {error}"]
        return []

    # -- making the service known --------------------------------------------------------------

    @cached_property
    def _once_found(self) -> "tuple[Candidate[Collector], _Placed]":
        self._prometheus()  # where it is silent, no way can help
        return self._solutions.try_in_order(self._attempt)

    @property
    def _found(self) -> "tuple[Candidate[Collector], _Placed]":
        if isinstance(self._trouble, Inconclusive):
            raise self._trouble
        if self._trouble is not None:
            # The first check has said what is broken; nothing is left to look at for the others.
            raise ProbeFailed(f"The service was never collected: {self._trouble}")
        try:
            return self._once_found
        except AicrError as error:
            self._trouble = error
            raise

    def _attempt(self, candidate: "Candidate[Collector]") -> _Placed:
        prometheus = self._prometheus()
        placed = self._place(candidate.solution)
        self._await_scraped(prometheus, placed)
        return placed

    def _place(self, collector: Collector) -> _Placed:
        name = f"service-{collector.name}"
        model = f"aicr-{secrets.token_hex(4)}"
        workload = Workload(name=name, port_name="metrics", port=PORT, path="/metrics")
        registration = collector.register(self._cluster, workload)
        self._prepare(registration)
        pod = self._workspaces.place(
            "ai_service_metrics/service",
            image="service",
            name=name,
            model=model,
            annotations=json.dumps(dict(registration.annotations)),
        )
        made = self._workspaces.at().apply(list(registration.objects))
        if made:
            self._evidence().yaml(
                f"What makes the service known: {collector.name}", made, source="server-side apply"
            )
        pod.ready()
        return _Placed(pod=pod, model=model)

    def _prepare(self, registration: Registration) -> None:
        if labels := dict(registration.namespace_labels):
            namespace = self._workspaces.at().namespace
            self._cluster.patch(NAMESPACE, namespace, None, {"metadata": {"labels": labels}})

    def _await_scraped(self, prometheus: Prometheus, placed: _Placed) -> None:
        expression = _of(COUNTER, placed.model)
        seen: list[Target] = []

        def look() -> list[Series]:
            seen[:] = self._targets(placed.pod)
            return prometheus.query(expression)

        try:
            self._waiter.poll(
                f"{prometheus}: samples of {placed.pod}",
                look,
                until=bool,
                describe=lambda found: f"{len(found)} series; {_shown(seen)}",
                timeout=self._waiter.deadlines.monitoring_follows,
            )
        finally:
            self._evidence().json(
                f"Targets of {placed.pod.name}",
                [_as_json(target) for target in seen],
                source=f"GET {prometheus}/api/v1/targets?state=active, those of the pod",
            )
            prometheus.query(expression, title=f"{COUNTER} before any request")

    def _targets(self, pod: "Pod") -> list[Target]:
        return [target for target in self._prometheus().targets() if _is_of(target, pod)]

    # -- requests ------------------------------------------------------------------------------

    @cached_property
    def _once_after_requests(self) -> _Traffic:
        _, placed = self._found
        timeline = Timeline(
            f"{REQUESTS} requests to {placed.pod.name}, seen by the monitoring system", _UNITS
        )
        try:
            return self._send_and_watch(placed, timeline)
        finally:
            self._evidence().timeline(timeline, source=f"{self._prometheus()}, asked every second")

    @property
    def _after_requests(self) -> _Traffic:
        return self._once_after_requests

    def _send_and_watch(self, placed: _Placed, timeline: Timeline) -> _Traffic:
        before = self._counts(placed.model)
        with ThreadPoolExecutor(max_workers=HELD) as threads:
            self._gate(placed, is_open=False)
            waiting = [threads.submit(self._complete, placed) for _ in range(HELD)]
            try:
                timeline.mark(self._clock(), f"{HELD} requests wait in the queue")
                lag = self._await(placed, timeline, "queue", self._queue, HELD)
            finally:
                self._gate(placed, is_open=True)
            for one in waiting:
                one.result()
        peak = self._peak(timeline)
        for _ in range(REQUESTS - HELD):
            self._complete(placed)
        timeline.mark(self._clock(), f"all {REQUESTS} requests are answered")
        expected = REQUESTS * max(1, len([key for key in before if key[0] == COUNTER]))
        lag = self._await(placed, timeline, "counter", self._counted(before), expected) or lag
        self._await(placed, timeline, "queue", self._queue, 0)
        prometheus = self._prometheus()
        prometheus.query(
            f'{{__name__=~"vllm:.+",model_name="{placed.model}"}}',
            title=f"Every series of the service after {REQUESTS} requests",
        )
        return _Traffic(
            before=before,
            after=self._counts(placed.model),
            queue_peak=peak,
            queue_end=self._queue(placed.model),
            buckets=tuple(prometheus.query(_of(f"{HISTOGRAM}_bucket", placed.model))),
            lag=lag,
        )

    def _await(
        self,
        placed: _Placed,
        timeline: Timeline,
        what: str,
        look: Callable[[str], float],
        expected: float,
    ) -> str:
        """Sample until a value is as expected; why it did not become so, empty where it did."""
        series = {"queue": "requests waiting", "counter": "requests counted"}[what]

        def sample() -> float:
            value = look(placed.model)
            timeline.sample(self._clock(), **{series: value})
            return value

        try:
            self._waiter.poll(
                f"{self._prometheus()}: the {what} of {placed.pod} to be {expected:g}",
                sample,
                until=lambda value: value == expected,
                describe=lambda value: f"{value:g}",
                timeout=self._waiter.deadlines.samples_follow,
            )
        except WaitTimeout as error:
            return str(error)
        return ""

    def _peak(self, timeline: Timeline) -> float:
        shown = [point.values.get("requests waiting") or 0.0 for point in timeline.points]
        return max(shown, default=0.0)

    def _queue(self, model: str) -> float:
        return max((one.value for one in self._prometheus().query(_of(QUEUE, model))), default=0.0)

    def _counted(self, before: Mapping[Key, float]) -> Callable[[str], float]:
        def look(model: str) -> float:
            gains = gained(before, self._counts(model))
            return sum(gain for key, gain in gains.items() if key[0] == COUNTER)

        return look

    def _counts(self, model: str) -> dict[Key, float]:
        names = f"{COUNTER}|{HISTOGRAM}_count"
        expression = f'{{__name__=~"{names}",model_name="{model}"}}'
        return keyed(self._prometheus().query(expression))

    def _judge(self, traffic: _Traffic, name: str) -> list[str]:
        gains = gained(traffic.before, traffic.after)
        rows = [
            [key[0], dict(key[1]).get("instance", ""), f"{traffic.before.get(key, 0):g}",
             f"{traffic.after.get(key, 0):g}", f"{gain:g}", str(REQUESTS)]
            for key, gain in sorted(gains.items())
            if key[0] == name
        ]  # fmt: skip
        self._evidence().table(
            f"{name} before and after {REQUESTS} requests",
            ["series", "instance", "before", "after", "gained", "sent"],
            rows,
            source=f"{self._prometheus()}",
            compare=["gained", "sent"],
        )
        return faults_of(gains, name, REQUESTS, traffic.lag)

    def _gate(self, placed: _Placed, *, is_open: bool) -> None:
        self._post(placed, "/gate", {"open": is_open})

    def _complete(self, placed: _Placed) -> None:
        self._post(
            placed, "/v1/completions", {"model": placed.model, "prompt": "Hello", "max_tokens": 1}
        )

    def _post(self, placed: _Placed, path: str, body: Mapping[str, object]) -> None:
        try:
            answer = ask_pod(
                self._cluster,
                placed.pod.name,
                placed.pod.namespace,
                PORT,
                path,
                method="POST",
                body=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
                timeout=300.0 * self._waiter.scale + 30.0,
            )
        except EndpointSilent as error:
            raise ProbeFailed(f"A request cannot be sent to the service: {error}") from error
        if answer.status != 200:
            raise ProbeFailed(f"{placed.pod}: POST {path} gave HTTP {answer.status}")


def _of(name: str, model: str) -> str:
    return f'{{__name__="{name}",model_name="{model}"}}'


def _is_of(target: Target, pod: "Pod") -> bool:
    told = {**target.discovered, **target.labels}
    namespaces = {told.get("namespace"), told.get("__meta_kubernetes_namespace")}
    if pod.namespace not in namespaces:
        return False
    pods = {told.get("pod"), told.get("__meta_kubernetes_pod_name")} - {None}
    return not pods or pod.name in pods


def _shown(targets: list[Target]) -> str:
    return "; ".join(map(str, targets)) or "no target of it is known"


def _as_json(target: Target) -> dict[str, object]:
    return {
        "scrapeUrl": target.url,
        "health": target.health,
        "lastError": target.error,
        "labels": dict(target.labels),
    }
