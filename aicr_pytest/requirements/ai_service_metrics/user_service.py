"""A service that the user names; others may use it, so it gains at least what we send."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import ENDPOINT_SLICE, SERVICE, Object
from aicr_pytest.errors import AicrError, ApiError, DoesNotApply, Inconclusive, ProbeFailed
from aicr_pytest.monitoring.prometheus import Target
from aicr_pytest.once import Once
from aicr_pytest.requirements.ai_service_metrics.completions import Completions
from aicr_pytest.requirements.ai_service_metrics.counters import (
    SERVERS,
    Key,
    ServerMetrics,
    at_most,
    bucket_shortfalls,
    gained,
    keyed,
    of_targets,
    queue_faults,
    shortfalls,
    targets_of_last_buckets,
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
from aicr_pytest.urls import in_url

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.settings import Reference


REQUESTS = 20
"""Requests that are sent."""
ANSWER = 60.0
"""Seconds within which the service answers one of them; scaled as deadlines are."""
_POD_LABELS = (
    ("namespace", "pod"),
    ("exported_namespace", "exported_pod"),
    ("kubernetes_namespace", "kubernetes_pod_name"),
)
"""By which pairs of labels a series tells its pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One ready pod behind the service."""

    pod: str
    port: int
    """On which the pod answers requests."""
    address: str
    """Of the pod."""


def at_address(address: str) -> str:
    """The matcher of series that come from an address, whatever the port."""
    instance = re.escape(in_url(address)).replace("\\", "\\\\")  # as a string of PromQL
    return f'instance=~"{instance}(:.*)?"'


def backends(slices: list[Object], port: str) -> list[Backend]:
    """The ready pods behind a service, by its EndpointSlices.

    Args:
        port: name of the service's port; empty where it has none.
    """
    return sorted(
        (
            Backend(
                pod=endpoint["targetRef"]["name"],
                port=int(number["port"]),
                address=endpoint["addresses"][0],
            )
            for one in slices
            for number in one.get("ports") or ()
            if (number.get("name") or "") == port
            for endpoint in one.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready") is not False
            and endpoint.get("targetRef", {}).get("kind") == "Pod"
        ),
        key=lambda backend: backend.pod,
    )


class UserService:
    """The user's service, of which one pod gets requests; see ``trial.ServiceChecks``."""

    def __init__(self, named: "Reference", platform: "Platform") -> None:
        self._named = named
        self._platform = platform
        self._samples = 0
        self._backend = Once(self._one_backend)
        self._find = Once(self._server_found)
        self._send_and_watch = Once(self._sent_and_watched)

    def collected(self) -> Collected:
        """The service as the monitoring system has metrics of it that we know.

        Raises:
            WaitTimeout: it has no target of the pod that is up, and no sample.
            ProbeFailed: it collects something, and no metric of a server that we know.
        """
        server = self._find()
        self._platform.evidence.fact("workload", f"the service {self._named}, named by the user")
        self._platform.evidence.fact("metrics of", server.server)
        self._platform.evidence.fact(
            "others", "may send requests, too: gains are at least what we sent"
        )
        return Collected(samples=self._samples)

    def counted(self) -> Counted:
        """What the request counter gained, by target: it may have a series for each outcome."""
        name = self._server.counter
        gains, lag = self._gains(name)
        return Counted(
            sent=REQUESTS,
            gained=at_most(of_targets(gains, name), REQUESTS),
            faults=tuple(shortfalls(gains, name, REQUESTS)),
            lag=lag,
        )

    def observed(self) -> Observed:
        """What the latency histogram gained, by target."""
        histogram = self._server.histogram
        gains, lag = self._gains(f"{histogram}_count")
        faults = [
            *shortfalls(gains, f"{histogram}_count", REQUESTS),
            *bucket_shortfalls(gains, histogram, REQUESTS),
        ]
        return Observed(
            sent=REQUESTS,
            counts=at_most(of_targets(gains, f"{histogram}_count"), REQUESTS),
            last_buckets=at_most(targets_of_last_buckets(gains, histogram), REQUESTS),
            faults=tuple(faults),
            lag=lag,
        )

    def queue(self) -> Queue:
        """The queue gauge; its depth is not provoked in a service of others."""
        _, after, _ = self._send_and_watch()
        self._platform.evidence.fact("queue", "the gauge only: no request of ours was made to wait")
        return Queue(
            name=self._server.queue,
            prometheus=str(self._platform.monitoring.prometheus),
            held=0,
            peak=0.0,
            left=0.0,
            faults=tuple(queue_faults(after, self._server)),
        )

    def remaining(self) -> Remaining:
        """Nothing can be said.

        Raises:
            DoesNotApply: we do not delete what is the user's.
        """
        raise DoesNotApply(f"{self._named} is the user's: it is not deleted.")

    # Finding it

    @property
    def _server(self) -> ServerMetrics:
        """The server's names, for whoever needs the service to be collected.

        Raises:
            ProbeFailed: it is not: the first check has accused, and nothing is left to look at.
        """
        try:
            return self._find()
        except Inconclusive:
            raise
        except AicrError as error:
            raise ProbeFailed(f"The service is not collected: {error}") from error

    def _one_backend(self) -> Backend:
        named = self._named
        try:
            service = self._platform.cluster.get(SERVICE, named.name, named.namespace)
        except ApiError as error:
            raise Inconclusive(
                f"--aicr-service {named}: {error}", hint="Name a Service that is there."
            ) from error
        ports = [
            port
            for port in service["spec"].get("ports") or ()
            if not named.port or named.port in (port.get("name"), str(port["port"]))
        ]
        if not named.port and len(ports) > 1:
            ports = [port for port in ports if port.get("name") in ("http", "http1", "api")]
        if len(ports) != 1:
            raise Inconclusive(
                f"--aicr-service {named}: which port gets requests is not clear.",
                hint="Name it: --aicr-service NAMESPACE/NAME:PORT.",
            )
        labels = f"kubernetes.io/service-name={named.name}"
        slices = self._platform.cluster.list(ENDPOINT_SLICE, named.namespace, labels=labels)
        ready = backends(slices, ports[0].get("name") or "")
        if not ready:
            raise ProbeFailed(f"--aicr-service {named}: no pod behind it is ready.")
        self._platform.evidence.fact(
            "pod that gets the requests", f"{named.namespace}/{ready[0].pod}"
        )
        return ready[0]

    def _series(self, names: str) -> str:
        """The expression for the series of some names that tell of our pod."""
        backend, namespace = self._backend(), self._named.namespace
        name = f'__name__=~"{names}"'
        by_pod = [
            f'{{{name},{of_namespace}="{namespace}",{of_pod}="{backend.pod}"}}'
            for of_namespace, of_pod in _POD_LABELS
        ]
        return " or ".join([*by_pod, f"{{{name},{at_address(backend.address)}}}"])

    def _server_found(self) -> ServerMetrics:
        backend, prometheus = self._backend(), self._platform.monitoring.prometheus
        expression = self._series("|".join(server.names for server in SERVERS))
        targets: list[Target] | None = []

        def look() -> set[str]:
            nonlocal targets
            targets = targets_of(prometheus, self._named.namespace, backend.pod)
            series = keyed(prometheus.query(expression))
            self._samples = len(series)
            return {key[0] for key in series}

        def collected(names: set[str]) -> bool:
            return bool(names) or any(target.health == "up" for target in targets or ())

        try:
            names = self._platform.waiter.poll(
                f"{prometheus}: a target of pod {backend.pod} that is up, or samples of it",
                look,
                until=collected,
                describe=lambda names: f"{len(names)} metrics that we know; {shown(targets)}",
                timeout=self._platform.waiter.deadlines.monitoring_follows,
            )
        finally:
            self._platform.evidence.json(
                f"Targets of {backend.pod}",
                [as_json(target) for target in targets or ()],
                source=f"GET {prometheus}/api/v1/targets?state=active, those of the pod",
            )
        for server in SERVERS:
            if server.counter in names or server.queue in names:
                return server
        known = ", ".join(server.server for server in SERVERS)
        raise ProbeFailed(
            f"{self._named} is collected ({shown(targets)}), and has no metric of a server that "
            f"we know: {known}.",
            hint="Leave --aicr-service out, so that the suite's own sample is looked at.",
        )

    # Requests

    def _sent_and_watched(self) -> tuple[Mapping[Key, float], Mapping[Key, float], str]:
        server, backend = self._server, self._backend()
        service = Completions(
            self._platform.cluster,
            self._named.namespace,
            backend.pod,
            backend.port,
            "",
            timeout=ANSWER * self._platform.waiter.scale,
        )
        self._platform.evidence.fact("model", service.first_model())
        expression = self._series(server.names)
        watching = CounterRecorder(self._platform.monitoring.prometheus, server, expression)
        watching.sample()
        watching.keep("Series of the service before our requests")
        for _ in range(REQUESTS):
            service.complete()
        watching.mark(f"{REQUESTS} requests of ours are answered")

        def faults(values: Mapping[Key, float]) -> list[str]:
            gains = gained(watching.before, values)
            return [
                *shortfalls(gains, server.counter, REQUESTS),
                *shortfalls(gains, f"{server.histogram}_count", REQUESTS),
                *bucket_shortfalls(gains, server.histogram, REQUESTS),
                *queue_faults(values, server),
            ]

        try:
            what = f"{REQUESTS} requests to {backend.pod}"
            after, lag = watching.until_right(self._platform.waiter, what, faults)
        finally:
            watching.keep("Series of the service after our requests")
            self._platform.evidence.timeline(
                watching.timeline,
                source=f"{self._platform.monitoring.prometheus}, asked every second",
            )
        return watching.before, after, lag

    def _gains(self, name: str) -> tuple[Mapping[Key, float], str]:
        """What each series gained, and why not what was expected; those of a name are shown."""
        before, after, lag = self._send_and_watch()
        show_gains(
            self._platform.evidence,
            self._platform.monitoring.prometheus,
            name,
            before,
            after,
            REQUESTS,
        )
        return gained(before, after), lag
