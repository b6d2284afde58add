"""Our sample service: made known by one way of the platform, and sent a known number of requests.

Its last words in evidence are "sample service": it answers as an inference server does, and no
model is behind it.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import NAMESPACE, requests_for
from aicr_pytest.cluster.pod_state import images_of
from aicr_pytest.cluster.refusals import policies_told
from aicr_pytest.errors import AicrError, DoesNotApply, Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.monitoring.prometheus import Prometheus, Series, Target
from aicr_pytest.once import Once
from aicr_pytest.requirements.ai_service_metrics.completions import Completions
from aicr_pytest.requirements.ai_service_metrics.counters import (
    VLLM,
    Key,
    bucket_faults,
    faults_of,
    gained,
    of_last_buckets,
    of_series,
    waiting,
)
from aicr_pytest.requirements.ai_service_metrics.observed import (
    Collected,
    Counted,
    Observed,
    Queue,
    Remaining,
)
from aicr_pytest.requirements.ai_service_metrics.recorder import (
    CounterRecorder,
    as_json,
    show_gains,
    shown,
    targets_of,
)
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import (
    Collector,
    Registration,
    Workload,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.requirements.platform import Platform

REQUESTS = 20
"""Requests that are sent, all in all."""
HELD = 4
"""Of them, those that wait in the queue at the same time."""
PORT = 8000
"""Port of the sample service."""
_HOLD = 300.0
"""Seconds after which the service answers a held request by itself; scaled as deadlines are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """The sample service, known to the monitoring system."""

    pod: "Pod"
    model: str
    """Value of the label ``model_name`` on its series; no other workload has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """What the monitoring system had before the requests, while some waited, and after them."""

    before: Mapping[Key, float]
    after: Mapping[Key, float]
    """The look that showed everything, or the last one."""
    peak: float
    """The highest number of waiting requests that was shown."""
    lag: str
    """Why the samples did not become what was expected; empty where they did."""


class SampleTrial:
    """The sample service by one way to collect; the steps are judged in the order in which they
    stand here.
    """

    def __init__(self, collector: Collector, platform: "Platform") -> None:
        self._collector = collector
        self._platform = platform
        self._place_and_find = Once(self._placed_and_found)
        self._send_and_watch = Once(self._sent_and_watched)
        self._target_seen = False
        self._samples = 0

    # The steps

    def collected(self) -> Collected:
        """The service as it was found and scraped.

        Raises:
            WaitTimeout: it was not; says what became of the target.
        """
        placed = self._place_and_find()
        self._evidence.fact("workload", "sample service")
        self._evidence.fact("model_name of the service", placed.model)
        return Collected(samples=self._samples)

    def counted(self) -> Counted:
        """What the request counter gained."""
        gains, lag = self._gains(VLLM.counter)
        return Counted(
            sent=REQUESTS,
            gained=of_series(gains, VLLM.counter),
            faults=tuple(faults_of(gains, VLLM.counter, REQUESTS)),
            lag=lag,
        )

    def observed(self) -> Observed:
        """What the latency histogram gained: its count, and the buckets that hold everything."""
        name = f"{VLLM.histogram}_count"
        gains, lag = self._gains(name)
        return Observed(
            sent=REQUESTS,
            counts=of_series(gains, name),
            last_buckets=of_last_buckets(gains, VLLM.histogram),
            faults=tuple(_misobserved(gains)),
            lag=lag,
        )

    def queue(self) -> Queue:
        """What the queue gauge showed while requests waited, and once they were answered."""
        traffic = self._send_and_watch()
        return Queue(
            name=VLLM.queue,
            prometheus=str(self._prometheus),
            held=HELD,
            peak=traffic.peak,
            left=waiting(traffic.after, VLLM) or 0.0,
        )

    def remaining(self) -> Remaining:
        """The targets that stay after the service is gone.

        Raises:
            DoesNotApply: the monitoring system never told a target of it.
        """
        placed = self._collected()
        self._see_target(placed.pod)
        placed.pod.delete()
        placed.pod.gone()
        self._evidence.fact("deleted", str(placed.pod))
        seen: list[Target] | None = None

        def look() -> list[Target] | None:
            nonlocal seen
            seen = self._targets(placed.pod)
            return seen

        lag = ""
        try:
            self._platform.waiter.poll(
                f"{self._prometheus}: the target of {placed.pod} to go",
                look,
                until=lambda targets: targets == [],
                describe=shown,
                timeout=self._platform.waiter.deadlines.monitoring_follows,
            )
        except WaitTimeout as error:
            lag = str(error)
        left = None if seen is None else tuple(map(str, seen))
        return Remaining(pod=str(placed.pod), targets=left, lag=lag)

    def _see_target(self, pod: "Pod") -> None:
        """See the target at least once; the samples may be those of another replica of Prometheus.

        Raises:
            DoesNotApply: it is never told.
        """
        if self._target_seen:
            return
        try:
            self._platform.waiter.poll(
                f"{self._prometheus}: a target of {pod}",
                lambda: self._targets(pod),
                until=lambda targets: targets != [],
                describe=shown,
                timeout=self._platform.waiter.deadlines.monitoring_answers,
            )
        except WaitTimeout as error:
            raise DoesNotApply(str(error)) from error
        if not self._target_seen:
            raise DoesNotApply(f"{self._prometheus} tells no targets.")

    # Making the service known

    @property
    def _evidence(self) -> "CheckEvidence":
        return self._platform.evidence

    @property
    def _prometheus(self) -> Prometheus:
        return self._platform.monitoring.prometheus_at(
            self._collector.name, self._collector.endpoint
        )

    def _collected(self) -> _Placed:
        """The service, for whoever needs it to be collected.

        Raises:
            ProbeFailed: it was not: the first step has accused, and nothing is left to look at.
        """
        try:
            return self._place_and_find()
        except Inconclusive:
            raise
        except AicrError as error:
            raise ProbeFailed(f"The service was never collected: {error}") from error

    def _placed_and_found(self) -> _Placed:
        prometheus = self._prometheus  # where it is silent, no way can help
        placed = self._place()
        self._await_scraped(prometheus, placed)
        return placed

    def _place(self) -> _Placed:
        name = f"service-{self._collector.name}"
        model = f"aicr-{secrets.token_hex(4)}"
        workload = Workload(name=name, port_name="metrics", port=PORT, path="/metrics")
        registration = self._collector.register(self._platform.cluster, workload)
        self._prepare(registration)
        workspaces = self._platform.workspaces
        pod = workspaces.place(
            "ai_service_metrics/service",
            image="service",
            name=name,
            model=model,
            hold=f"{_HOLD * self._platform.waiter.scale:g}",
            annotations=json.dumps(dict(registration.annotations)),
        )
        made = workspaces.at().apply(list(registration.objects))
        if made:
            title = f"What makes the service known: {self._collector.name}"
            self._evidence.yaml(title, made, source=requests_for("PATCH", made))
        pod.ready()
        self._evidence.images(images_of(pod.object()))
        return _Placed(pod=pod, model=model)

    def _prepare(self, registration: Registration) -> None:
        if labels := dict(registration.namespace_labels):
            namespace = self._platform.workspaces.at().namespace
            patch = {"metadata": {"labels": labels}}
            with policies_told():
                self._platform.cluster.patch(NAMESPACE, namespace, None, patch)

    def _await_scraped(self, prometheus: Prometheus, placed: _Placed) -> None:
        expression = f'{VLLM.counter}{{model_name="{placed.model}"}}'
        seen: list[Target] | None = []

        def look() -> list[Series]:
            nonlocal seen
            seen = self._targets(placed.pod)
            return prometheus.query(expression)

        try:
            found = self._platform.waiter.poll(
                f"{prometheus}: samples of {placed.pod}",
                look,
                until=bool,
                describe=lambda found: f"{len(found)} series; {shown(seen)}",
                timeout=self._platform.waiter.deadlines.monitoring_follows,
            )
            self._samples = len(found)
        finally:
            self._evidence.json(
                f"Targets of {placed.pod.name}",
                [as_json(target) for target in seen or ()],
                source=f"GET {prometheus}/api/v1/targets?state=active, those of the pod",
            )

    def _targets(self, pod: "Pod") -> list[Target] | None:
        found = targets_of(self._prometheus, pod.namespace, pod.name)
        self._target_seen = self._target_seen or bool(found)
        return found

    # Requests

    def _sent_and_watched(self) -> _Traffic:
        placed = self._collected()
        expression = f'{{__name__=~"{VLLM.names}",model_name="{placed.model}"}}'
        watching = CounterRecorder(self._prometheus, VLLM, expression)
        watching.sample()
        watching.keep("Series of the service before any request")
        try:
            return self._play(placed, watching)
        finally:
            watching.keep(f"Series of the service after {REQUESTS} requests")
            self._evidence.timeline(
                watching.timeline, source=f"{self._prometheus}, asked every second"
            )

    def _play(self, placed: _Placed, watching: CounterRecorder) -> _Traffic:
        waiter = self._platform.waiter
        service = Completions(
            self._platform.cluster,
            placed.pod.namespace,
            placed.pod.name,
            PORT,
            placed.model,
            timeout=_HOLD * waiter.scale + 30.0,
        )
        with ThreadPoolExecutor(max_workers=HELD) as threads:
            service.post("/gate", {"open": False})
            held = [threads.submit(service.complete) for _ in range(HELD)]
            try:
                watching.mark(f"{HELD} requests wait in the queue")
                watching.until_right(
                    waiter, f"{HELD} requests of {placed.pod} waiting", _waits(HELD)
                )
            finally:
                service.post("/gate", {"open": True})
            for one in held:
                one.result()
        for _ in range(REQUESTS - HELD):
            service.complete()
        watching.mark(f"all {REQUESTS} requests are answered")

        def faults(values: Mapping[Key, float]) -> list[str]:
            gains = gained(watching.before, values)
            counted = faults_of(gains, VLLM.counter, REQUESTS)
            return [*counted, *_misobserved(gains), *_waits(0)(values)]

        after, lag = watching.until_right(waiter, f"{REQUESTS} requests to {placed.pod}", faults)
        return _Traffic(before=watching.before, after=after, peak=watching.peak, lag=lag)

    def _gains(self, name: str) -> tuple[Mapping[Key, float], str]:
        """What each series gained, and why not what was expected; those of a name are shown."""
        traffic = self._send_and_watch()
        show_gains(self._evidence, self._prometheus, name, traffic.before, traffic.after, REQUESTS)
        return gained(traffic.before, traffic.after), traffic.lag


def _misobserved(gains: Mapping[Key, float]) -> list[str]:
    counted = faults_of(gains, f"{VLLM.histogram}_count", REQUESTS)
    return [*counted, *bucket_faults(gains, VLLM.histogram, REQUESTS)]


def _waits(expected: int) -> Callable[[Mapping[Key, float]], list[str]]:
    def faults(values: Mapping[Key, float]) -> list[str]:
        found = waiting(values, VLLM)
        return [] if found == expected else [f"{VLLM.queue}: {found}, not {expected}"]

    return faults
