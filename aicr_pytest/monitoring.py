"""The cluster's Prometheus: named by the user, made by an operator, or behind a usual Service."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import SERVICE, Object
from aicr_pytest.cluster.prometheus import (
    Door,
    Prometheus,
    ServiceDoor,
    UrlDoor,
    is_prometheus,
)
from aicr_pytest.errors import ApiError, EndpointSilent, SettingsError, SolutionAbsent

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


def find_prometheus(
    cluster: "Cluster",
    waiter: "Waiter",
    settings: "Settings",
    evidence: Callable[[], "CheckEvidence"],
) -> Prometheus:
    """The Prometheus API of the platform.

    Raises:
        SolutionAbsent: there is none, with what was looked for.
        WaitTimeout: there is one by its objects, and it gives no answer.
    """

    def keep(title: str, body: str, request: str) -> None:
        evidence().text(title, body, source=request)

    if settings.prometheus_url:
        token = _token(settings.prometheus_token_file)
        return Prometheus(UrlDoor(url=settings.prometheus_url, token=token), waiter, keep)
    door = waiter.poll(
        "the cluster's Prometheus: an answer",
        lambda: _answering(cluster, settings),
        until=lambda _: True,
        timeout=waiter.deadlines.monitoring_answers,
        tolerate=(EndpointSilent,),
    )
    return Prometheus(door, waiter, keep)


def _answering(cluster: "Cluster", settings: "Settings") -> Door:
    """The first door behind which a Prometheus API answers."""
    silent = []
    for door in _doors(cluster, settings):
        if not (why := is_prometheus(door)):
            return door
        silent.append(why)
    if silent:
        raise EndpointSilent(
            "there is a Prometheus in the cluster, and it gives no usable answer: "
            + "; ".join(silent[:3])
        )
    raise SolutionAbsent(
        "There is no Prometheus API in the cluster. Looked for Prometheus objects of "
        f"{OPERATOR_API} and Services with {' or '.join(SELECTORS)} in all namespaces; "
        "name it with --aicr-prometheus-service or --aicr-prometheus-url."
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


def _token(file: str | None) -> str:
    if not file:
        return ""
    try:
        return Path(file).expanduser().read_text().strip()
    except OSError as error:
        raise SettingsError(f"--aicr-prometheus-token-file: {error}") from error


def _doors(cluster: "Cluster", settings: "Settings") -> Iterator[Door]:
    if named := settings.prometheus_service:
        service = cluster.get(SERVICE, named.name, named.namespace)
        port = str(named.port or "") or _port(service)
        yield from _with_prefixes(cluster, named.namespace, named.name, port)
    else:
        yield from doors(cluster)


def doors(cluster: "Cluster") -> Iterator[Door]:
    """Where a Prometheus API of the cluster may answer, the likeliest first."""
    for prometheus in prometheus_objects(cluster):
        spec, namespace = prometheus["spec"], prometheus["metadata"]["namespace"]
        prefix = str(spec.get("routePrefix") or "").rstrip("/")
        yield ServiceDoor(
            cluster=cluster,
            namespace=namespace,
            service=spec.get("serviceName") or OPERATED,
            port=str(spec.get("portName") or "web"),
            prefix=prefix,
        )
    seen = set()
    for selector in SELECTORS:
        for service in cluster.list(SERVICE, labels=selector):
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            if (namespace, name) not in seen and name != OPERATED:
                seen.add((namespace, name))
                yield from _with_prefixes(cluster, namespace, name, _port(service))


def _with_prefixes(
    cluster: "Cluster", namespace: str, service: str, port: str
) -> Iterator[ServiceDoor]:
    for prefix in _PREFIXES:
        yield ServiceDoor(
            cluster=cluster, namespace=namespace, service=service, port=port, prefix=prefix
        )


def _port(service: Object) -> str:
    ports = service["spec"].get("ports") or [{"port": 9090}]
    named = [port for port in ports if port.get("name") in _PORT_NAMES]
    chosen = (named or ports)[0]
    return str(chosen.get("name") or chosen["port"])
