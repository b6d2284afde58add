"""The Prometheus API, wherever it is: behind a Service of the cluster, or at a user's URL."""

import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aicr_pytest.cluster.kinds import SERVICE
from aicr_pytest.errors import ApiUnreachable, EndpointSilent

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter

_TIMEOUT = 20.0
"""Seconds for one answer."""

Keep = Callable[[str, str, str], object]
"""Gets title, answer verbatim and the request that ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of an instant query's answer."""

    labels: Mapping[str, str]
    """Its labels, ``__name__`` included where the expression keeps it."""
    value: float
    """Its value."""
    at: float
    """When it was evaluated, Unix seconds by the clock of Prometheus."""

    def __str__(self) -> str:
        labels = dict(self.labels)
        name = labels.pop("__name__", "")
        told = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        return f"{name}{{{told}}} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One scrape target."""

    labels: Mapping[str, str]
    """After relabelling."""
    discovered: Mapping[str, str]
    """Before relabelling, with what discovery knows, e.g. ``__meta_kubernetes_namespace``."""
    health: str
    """``up``, ``down`` or ``unknown``."""
    error: str
    """Of the last scrape; empty where it worked."""
    url: str
    """What is scraped."""

    def __str__(self) -> str:
        return f"{self.url}: {self.health}" + (f" ({self.error})" if self.error else "")


class Door(Protocol):
    """How requests get to Prometheus."""

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body of a GET; the path begins after any prefix."""

    def __str__(self) -> str:
        """Where it leads to, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDoor:
    """Through the API server's proxy to a Service of the cluster."""

    cluster: "Cluster"
    namespace: str
    service: str
    port: str
    """Name or number."""
    scheme: str = "http"
    """``https`` where the Service speaks TLS."""
    prefix: str = ""
    """Path under which the API is served, e.g. ``/prometheus``."""

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body; those of the API server where the Service has no endpoints."""
        name = f"{self.scheme}:{self.service}:{self.port}"
        base = SERVICE.path(self.namespace, name, "proxy")
        answer = self.cluster.raw(
            "GET", f"{base}{self.prefix}{path}", query=query, timeout=_TIMEOUT
        )
        return answer.status, answer.text

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.service}:{self.port}{self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlDoor:
    """Straight to a URL that the user named."""

    url: str
    token: str = ""
    """Bearer token; empty for none. Never shown."""

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body.

        Raises:
            ApiUnreachable: nobody answers; whether the platform or our way there is at fault is
                not known.
        """
        import urllib3

        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        target = f"{self.url.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
        try:
            answer = urllib3.PoolManager().request(
                "GET", target, headers=headers, timeout=_TIMEOUT, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(
                f"--aicr-prometheus-url {self.url}: no answer: {error}",
                hint="The URL must be reachable from where the suite runs.",
            ) from error
        return answer.status, answer.data.decode(errors="replace")

    def __str__(self) -> str:
        return self.url


class Prometheus:
    """Asks one Prometheus API; queries and answers are kept verbatim."""

    def __init__(self, door: Door, waiter: "Waiter", keep: Keep) -> None:
        self._door = door
        self._waiter = waiter
        self._keep = keep

    def __str__(self) -> str:
        return f"Prometheus at {self._door}"

    def query(self, expression: str, *, title: str = "") -> list[Series]:
        """An instant query's answer.

        Args:
            title: keep the answer as evidence under this title; empty keeps nothing.

        Raises:
            EndpointSilent: Prometheus gives no usable answer, though it was asked for a while.
        """
        data = self._patiently("/api/v1/query", [("query", expression)], title)
        if data["resultType"] == "scalar":
            at, value = data["result"]
            return [Series(labels={}, value=float(value), at=float(at))]
        return [
            Series(labels=item["metric"], value=float(item["value"][1]), at=float(item["value"][0]))
            for item in data["result"]
        ]

    def now(self) -> float:
        """The time by its own clock, Unix seconds."""
        return self.query("time()")[0].value

    def targets(self, *, title: str = "") -> list[Target]:
        """Its active scrape targets; none where the API has no such thing (Thanos, Mimir).

        Raises:
            EndpointSilent: Prometheus gives no usable answer.
        """
        data = self._patiently("/api/v1/targets", [("state", "active")], title)
        return [
            Target(
                labels=item.get("labels", {}),
                discovered=item.get("discoveredLabels", {}),
                health=item.get("health", "unknown"),
                error=item.get("lastError", ""),
                url=item.get("scrapeUrl", ""),
            )
            for item in data.get("activeTargets", ())
        ]

    def config(self) -> str:
        """Its configuration as it runs, YAML; empty where it is not told."""
        return str(self._patiently("/api/v1/status/config", [], "").get("yaml", ""))

    def _patiently(self, path: str, query: Sequence[tuple[str, str]], title: str) -> Any:
        def look() -> Any:
            return self._once(path, query, title)

        return self._waiter.poll(
            f"{self}: an answer",
            look,
            until=lambda _: True,
            describe=lambda _: "it answers",
            timeout=self._waiter.deadlines.monitoring_answers,
            tolerate=(EndpointSilent,),
        )

    def _once(self, path: str, query: Sequence[tuple[str, str]], title: str) -> Any:
        status, body = self._door.ask(path, query)
        request = f"GET {self._door}{path}?{urllib.parse.urlencode(query)}"
        if title:
            self._keep(title, body, request)
        return data_of(status, body, f"{self}: {path}")


def data_of(status: int, body: str, what: str) -> Any:
    """The ``data`` of an answer.

    Raises:
        EndpointSilent: the answer is no success of a Prometheus API.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("status") == "success" and "data" in answer:
        return answer["data"]
    said = answer if isinstance(answer, dict) else {}
    why = said.get("error") or said.get("message") or body[:200]
    raise EndpointSilent(f"{what}: no success, HTTP {status}: {why}")


def is_prometheus(door: Door) -> str:
    """Why no Prometheus API answers there; empty where one does."""
    try:
        data_of(*door.ask("/api/v1/query", [("query", "1")]), str(door))
    except EndpointSilent as error:
        return str(error)
    return ""
