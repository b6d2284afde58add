"""The APIs from which autoscalers read metrics of pods: what they offer, and its values."""

import contextlib
import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aicr_pytest.cluster.kinds import API_SERVICE
from aicr_pytest.cluster.served import unavailable
from aicr_pytest.errors import ApiUnreachable, EndpointSilent, SolutionAbsent

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_POD_LABELS = ("pod", "exported_pod", "pod_name")
"""Labels by which a series tells its pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the API said of one metric of some pods."""

    values: Mapping[str, float]
    """Pod → value."""
    text: str
    """The answer, verbatim."""
    request: str
    """What was asked."""


class MetricsApi:
    """One of the metrics APIs of a cluster.

    Raises (all methods):
        EndpointSilent: it is registered, and whoever shall serve it does not.
        SolutionAbsent: it is not registered.
    """

    group: ClassVar[str]
    """Its API group."""
    autoscaler: ClassVar[str]
    """Manifest of an autoscaler that reads it."""

    def __init__(self, cluster: "Cluster") -> None:
        self._cluster = cluster

    def require(self) -> str:
        """The version that is registered and answers, e.g. ``v1beta1``."""
        services = [
            service
            for service in self._cluster.list(API_SERVICE)
            if (service.get("spec") or {}).get("group") == self.group
        ]
        if not services:
            raise SolutionAbsent(
                f"No metrics API for autoscalers: no APIService of {self.group}. Looked for it "
                "among all APIServices; prometheus-adapter, KEDA and the clouds' adapters register "
                "one."
            )
        available = [service for service in services if not unavailable(service)]
        if not available:
            words = "; ".join(
                f"{service['metadata']['name']}: {unavailable(service)}" for service in services
            )
            raise EndpointSilent(f"The metrics API is registered and not available: {words}")
        return min(str(service["spec"].get("version", "")) for service in available)

    def offered(self) -> list[str]:
        """Names of the metrics that pods can scale by, sorted."""
        raise NotImplementedError

    def of_pods(self, namespace: str, labels: str, metric: str) -> Reply:
        """The values of a metric by pod.

        No values where the API knows neither the metric nor the pods.

        Args:
            labels: selector of the pods.
        """
        raise NotImplementedError

    def _ask(
        self, path: str, query: Sequence[tuple[str, str]] = ()
    ) -> tuple[dict[str, Any], str, str]:
        path = f"/apis/{self.group}/{self.require()}{path}"
        request = f"GET {path}" + "".join(f"?{key}={value}" for key, value in query)
        try:
            answer = self._cluster.raw("GET", path, query=query)
        except ApiUnreachable as error:
            raise EndpointSilent(f"The metrics API gives no answer: {error}") from error
        if answer.status == 404:
            return {}, answer.text, request
        if answer.status >= 400:
            raise EndpointSilent(f"{request}: HTTP {answer.status}: {answer.text[:300]}")
        try:
            said = answer.json()
        except ApiUnreachable as error:
            raise EndpointSilent(f"{request}: {error}") from error
        return (said if isinstance(said, dict) else {}), answer.text, request


class CustomMetrics(MetricsApi):
    """Metrics of objects, of which those of pods are looked at."""

    group = "custom.metrics.k8s.io"
    autoscaler = "pod_autoscaling/autoscaler"

    def offered(self) -> list[str]:
        """Names of the metrics of pods, sorted."""
        answer, text, request = self._ask("")
        with _understood(text, request):
            names = [str(item["name"]) for item in answer.get("resources") or ()]
        return sorted(name.removeprefix("pods/") for name in names if name.startswith("pods/"))

    def of_pods(self, namespace: str, labels: str, metric: str) -> Reply:
        """The values of a metric for the pods that a label selector chooses."""
        path = f"/namespaces/{namespace}/pods/*/{metric}"
        answer, text, request = self._ask(path, [("labelSelector", labels)])
        with _understood(text, request):
            values = {
                str(item["describedObject"]["name"]): quantity(str(item["value"]))
                for item in answer.get("items") or ()
            }
        return Reply(values=values, text=text, request=request)


class ExternalMetrics(MetricsApi):
    """Metrics of whatever there is; those of our pods are bound to them by our own namespace."""

    group = "external.metrics.k8s.io"
    autoscaler = "pod_autoscaling/external-autoscaler"

    def offered(self) -> list[str]:
        """Names of all metrics, sorted."""
        answer, text, request = self._ask("")
        with _understood(text, request):
            return sorted(str(item["name"]) for item in answer.get("resources") or ())

    def of_pods(self, namespace: str, labels: str, metric: str) -> Reply:
        """The values of the series of a namespace that say of which pod they are.

        Args:
            labels: unused: the pods' labels are none of the series'.
        """
        path = f"/namespaces/{namespace}/{metric}"
        query = [("labelSelector", f"namespace={namespace}")]
        answer, text, request = self._ask(path, query)
        with _understood(text, request):
            values = {
                pod: quantity(str(item["value"]))
                for item in answer.get("items") or ()
                if (pod := _pod_of(item.get("metricLabels") or {}))
            }
        return Reply(values=values, text=text, request=request)


@contextlib.contextmanager
def _understood(text: str, request: str) -> Iterator[None]:
    """What has another shape than answers of this API have is none that can be used."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise EndpointSilent(f"{request}: no answer that can be read: {text[:200]}") from error


def matching(offered: Sequence[str], patterns: Sequence[str]) -> str:
    """The first offered metric that the earliest pattern fits; empty where none does."""
    return next(iter(all_matching(offered, patterns)), "")


def all_matching(offered: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The offered metrics that a pattern fits, those of the earliest pattern first."""
    found = [
        name
        for pattern in patterns
        for name in offered
        if fnmatch.fnmatchcase(name.lower(), pattern.lower())
    ]
    return list(dict.fromkeys(found))


def _pod_of(labels: Mapping[str, str]) -> str:
    return next((str(labels[name]) for name in _POD_LABELS if labels.get(name)), "")


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number.

    Raises:
        EndpointSilent: it is none.
    """
    from kubernetes.utils.quantity import parse_quantity

    try:
        number = float(parse_quantity(text))  # type: ignore[no-untyped-call]
    except (ValueError, ArithmeticError):
        number = math.nan
    if not math.isfinite(number):
        raise EndpointSilent(f"The metrics API gives {text!r}, which is no quantity.")
    return number
