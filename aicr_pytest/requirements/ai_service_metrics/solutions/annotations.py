"""Pods with ``prometheus.io/`` annotations, by a scrape configuration that honours them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.errors import AccessDenied, EndpointSilent, Inconclusive, ProbeFailed
from aicr_pytest.monitoring.discovery import ambiguous, endpoints, place
from aicr_pytest.monitoring.prometheus import data_of
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Registration, Workload
from aicr_pytest.requirements.solutions import Found, NotLetIn

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.monitoring.endpoints import Endpoint
    from aicr_pytest.settings import Settings

_LABEL = "__meta_kubernetes_pod_annotation_prometheus_io_scrape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """The convention of most Prometheus charts without an operator."""

    name: str = "annotations"
    """As ``--aicr-solution metrics=`` takes it."""
    verified_in_lab: bool = True
    """The lab's Prometheus has such a configuration beside the operator's."""
    settings: "Settings | None" = None
    """Where the user says that Prometheus is; None: wherever it may be."""

    @property
    def looked_for(self) -> str:
        """What shows that it is there."""
        return f"a Prometheus whose running configuration uses {_LABEL}"

    def found(self, cluster: "Cluster") -> Found | None:
        """The Prometheus whose configuration honours them.

        Raises:
            NotLetIn: as ``endpoint`` does.
        """
        try:
            endpoint = self.endpoint(cluster)
        except ProbeFailed as several:  # said where one has to be asked
            return Found(where=str(several).partition("\n")[0])
        return None if endpoint is None else Found(where=str(endpoint))

    def endpoint(self, cluster: "Cluster") -> "Endpoint | None":
        """The first way to such a Prometheus.

        Raises:
            ProbeFailed: there are several, and which one is the platform's cannot be told.
            NotLetIn: none that we were let in to, and one that we were not.
        """
        fitting: dict[str, Endpoint] = {}
        closed: list[AccessDenied] = []
        for endpoint in endpoints(cluster, self.settings):
            try:
                config = data_of(*endpoint.ask("/api/v1/status/config", []), str(endpoint))
            except AccessDenied as refusal:
                closed.append(refusal)
                continue
            except (EndpointSilent, Inconclusive):
                continue  # another way may do; that it is silent is found where it is asked
            if isinstance(config, dict) and _LABEL in str(config.get("yaml", "")):
                fitting.setdefault(place(endpoint), endpoint)
        if len(fitting) > 1:
            raise ambiguous(map(str, fitting.values()))
        if closed and not fitting:
            raise NotLetIn(closed[0])
        return next(iter(fitting.values()), None)

    def register(self, cluster: "Cluster", workload: Workload) -> Registration:
        """Nothing but annotations of the pod."""
        return Registration(
            annotations={
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(workload.port),
                "prometheus.io/path": workload.path,
                "prometheus.io/scheme": "http",
            }
        )
