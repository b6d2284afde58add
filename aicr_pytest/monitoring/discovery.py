"""The cluster's Prometheus: named by the user, made by an operator, or behind a usual Service."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import SERVICE, Object
from aicr_pytest.errors import (
    ApiError,
    EndpointSilent,
    Inconclusive,
    ProbeFailed,
    UnknownSolution,
    WaitTimeout,
)
from aicr_pytest.evidence.answers import reduce_answer
from aicr_pytest.monitoring.endpoints import Endpoint, ServiceEndpoint, UrlEndpoint
from aicr_pytest.monitoring.prometheus import Prometheus, data_of
from aicr_pytest.once import Once

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.settings import Settings

OPERATOR_API = "monitoring.coreos.com/v1"
OPERATED = "prometheus-operated"
"""Service that the Prometheus Operator makes beside every Prometheus."""
SELECTORS = (
    "app.kubernetes.io/name=prometheus",
    "app=prometheus",
    "app=kube-prometheus-stack-prometheus",
    "app=prometheus,component=server",
    "app.kubernetes.io/name=thanos-query",
    "app.kubernetes.io/name=vmsingle",
)
"""Labels of Services behind which a Prometheus API usually answers."""
_PORT_NAMES = ("web", "http-web", "http", "server")
_PREFIXES = ("", "/prometheus")
_NOBODY = "no endpoints available"
"""Part of what the API server answers for a Service without ready endpoints, with status 503."""


def find_prometheus(
    cluster: "Cluster",
    waiter: "Waiter",
    settings: "Settings",
    evidence: Callable[[], "CheckEvidence"],
    *,
    preferred: Callable[["Cluster"], Endpoint | None] = lambda _: None,
) -> Prometheus:
    """The Prometheus API of the platform.

    Args:
        preferred: the endpoint of the Prometheus that is meant, unless the user names one; None
            where any will do.

    Raises:
        UnknownSolution: the cluster shows none, with what was looked for.
        Inconclusive: none answers, and one does not let us in, hangs, or is of another kind; or
            there are several, and which one is the platform's cannot be told.
        WaitTimeout: there is one by its objects, and nobody is behind it.
    """

    def keep(title: str, body: str, request: str, by_hand: str) -> None:
        evidence().text(title, reduce_answer(body), source=request, by_hand=by_hand)

    strange: list[str] = []
    try:
        endpoint = waiter.poll(
            "the cluster's Prometheus: an answer",
            lambda: _answering(endpoints(cluster, settings, preferred), strange),
            until=lambda _: True,
            timeout=waiter.deadlines.monitoring_answers,
            tolerate=(EndpointSilent,),
        )
    except WaitTimeout as error:
        if not strange:
            raise
        hint = "Say where it is: --aicr-prometheus-service or --aicr-prometheus-url."
        raise ProbeFailed(f"No Prometheus API: {'; '.join(strange[:3])}", hint=hint) from error
    return Prometheus(endpoint, waiter, keep)


@dataclass(slots=True)
class _Look:
    """What was met at the endpoints of one place: one namespace, or the user's own choice."""

    endpoint: Endpoint | None = None
    """Behind it a Prometheus API answers."""
    empty: list[str] = field(default_factory=list)
    """Services without endpoints."""
    closed: list[Inconclusive] = field(default_factory=list)
    """Why we were not let in."""
    others: list[str] = field(default_factory=list)
    """What was answered that is no Prometheus API."""
    foreign: bool = True
    """Whether all that answered was another product, or nothing answered."""

    def at(self, endpoint: Endpoint) -> bool:
        """Look at one more endpoint; whether it is the one."""
        status = 0
        try:
            status, text = endpoint.ask("/api/v1/query", [("query", "1")])
            if status == 503 and _NOBODY in text:
                self.empty.append(f"{endpoint}: HTTP {status}: {_NOBODY}")
                self.foreign = False
                return False
            data_of(status, text, str(endpoint), hint=endpoint.hint)
        except Inconclusive as refusal:
            self.closed.append(refusal)
            self.foreign = False
        except EndpointSilent as error:
            self.others.append(str(error))
            self.foreign = self.foreign and 200 <= status < 500
        else:
            self.endpoint, self.foreign = endpoint, False
        return self.endpoint is not None


def _answering(candidates: Iterable[Endpoint], strange: list[str]) -> Endpoint:
    """The endpoint at which the platform's Prometheus API answers.

    Args:
        strange: gets what was answered that is no Prometheus API, where nothing else is to be said.
    """
    looks: dict[str, _Look] = {}
    named: dict[str, list[str]] = {}
    for endpoint in candidates:
        look = looks.setdefault(place(endpoint), _Look())
        named.setdefault(place(endpoint), []).append(str(endpoint))
        if look.endpoint is None:
            look.at(endpoint)
    rivals = [place for place, look in looks.items() if not look.foreign]
    if len(rivals) > 1:
        raise ambiguous([named[place][0] for place in rivals])
    for look in looks.values():
        if look.endpoint is not None:
            return look.endpoint
    empty = [text for look in looks.values() for text in look.empty]
    others = [text for look in looks.values() for text in look.others]
    if closed := [refusal for look in looks.values() for refusal in look.closed]:
        raise closed[0]
    # A Prometheus that is there and does not run is the platform's fault; what answers otherwise
    # beside it is another product under a usual label.
    strange[:] = [] if empty else others
    if empty or others:
        raise EndpointSilent(
            "there is a Prometheus in the cluster, and it gives no usable answer: "
            + "; ".join((empty or others)[:3])
        )
    # Managed ones answer outside the cluster.
    raise UnknownSolution(
        "There is no Prometheus API in the cluster. Looked for Prometheus objects of "
        f"{OPERATOR_API} and Services with {' or '.join(SELECTORS)} in all namespaces; "
        "name it with --aicr-prometheus-service or --aicr-prometheus-url."
    )


def place(endpoint: Endpoint) -> str:
    """Whose it is: who has a namespace has everything in it, and nothing beside."""
    return endpoint.namespace if isinstance(endpoint, ServiceEndpoint) else ""


def ambiguous(found: Iterable[str]) -> ProbeFailed:
    """Several of the same rank: anybody may label a Service, and a tenant's says nothing of us."""
    return ProbeFailed(
        "Which Prometheus is the platform's cannot be told, there are several: "
        f"{'; '.join(found)}.",
        hint="Say which: --aicr-prometheus-service NAMESPACE/NAME or --aicr-prometheus-url.",
    )


def prometheus_objects(cluster: "Cluster") -> list[Object]:
    """The Prometheus Operator's ``Prometheus`` objects; none where it is not installed."""
    try:
        kind = cluster.kind(OPERATOR_API, "Prometheus")
    except ApiError as error:
        if error.status == 404:
            return []
        raise
    return cluster.list(kind)


def endpoints(
    cluster: "Cluster",
    settings: "Settings | None",
    preferred: Callable[["Cluster"], Endpoint | None] = lambda _: None,
) -> Iterator[Endpoint]:
    """Where the Prometheus API may answer: where the user says, else the likeliest first.

    Args:
        preferred: the only one, unless the user names another; None where any will do.
    """
    if settings and settings.prometheus_url:
        yield UrlEndpoint(url=settings.prometheus_url, token_file=settings.prometheus_token_file)
    elif settings and (named := settings.prometheus_service):
        service = cluster.get(SERVICE, named.name, named.namespace)
        port = str(named.port or "") or _port(service)
        yield from _with_prefixes(cluster, named.namespace, named.name, port)
    elif (only := preferred(cluster)) is not None:
        yield only
    else:
        yield from _endpoints_found(cluster)


def endpoint_of(cluster: "Cluster", prometheus: Object) -> ServiceEndpoint:
    """The endpoint of a ``Prometheus`` object."""
    spec = prometheus["spec"]
    return ServiceEndpoint(
        cluster=cluster,
        namespace=prometheus["metadata"]["namespace"],
        service=spec.get("serviceName") or OPERATED,
        port=str(spec.get("portName") or "web"),
        prefix=str(spec.get("routePrefix") or "").rstrip("/"),
    )


def _endpoints_found(cluster: "Cluster") -> Iterator[Endpoint]:
    operated = prometheus_objects(cluster)
    for prometheus in operated:
        yield endpoint_of(cluster, prometheus)
    # An operator's Prometheus goes before a label, which anybody sets; what stands beside it in
    # its namespace is another way to it, or by the same hands.
    places = {prometheus["metadata"]["namespace"] for prometheus in operated}
    seen = set()
    for selector in SELECTORS:
        for service in cluster.list(SERVICE, labels=selector):
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            if places and namespace not in places:
                continue
            if (namespace, name) not in seen and name != OPERATED:
                seen.add((namespace, name))
                yield from _with_prefixes(cluster, namespace, name, _port(service))


def _with_prefixes(
    cluster: "Cluster", namespace: str, service: str, port: str
) -> Iterator[ServiceEndpoint]:
    for prefix in _PREFIXES:
        yield ServiceEndpoint(
            cluster=cluster, namespace=namespace, service=service, port=port, prefix=prefix
        )


def _port(service: Object) -> str:
    ports = service["spec"].get("ports") or [{"port": 9090}]
    named = [port for port in ports if port.get("name") in _PORT_NAMES]
    chosen = (named or ports)[0]
    return str(chosen.get("name") or chosen["port"])


class Monitoring:
    """The platform's monitoring system; looked for once, and a failure is remembered."""

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        settings: "Settings",
        evidence: Callable[[], "CheckEvidence"],
    ) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._settings = settings
        self._evidence = evidence
        self._found: dict[str, Once[Prometheus]] = {}

    @property
    def prometheus(self) -> Prometheus:
        """Its Prometheus API.

        Raises:
            UnknownSolution: the cluster shows none, and the user named none.
        """
        return self._once("", lambda _: None)

    def prometheus_at(
        self, name: str, preferred: Callable[["Cluster"], Endpoint | None]
    ) -> Prometheus:
        """The Prometheus of an endpoint that is tried first, unless the user names one.

        Args:
            name: of the endpoint, which is looked for once.
        """
        return self._once(name, preferred)

    def _once(self, name: str, preferred: Callable[["Cluster"], Endpoint | None]) -> Prometheus:
        if name not in self._found:
            self._found[name] = Once(
                lambda: find_prometheus(
                    self._cluster,
                    self._waiter,
                    self._settings,
                    self._evidence,
                    preferred=preferred,
                )
            )
        return self._found[name]()
