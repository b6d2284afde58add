"""PodMonitoring of Google's managed Prometheus; the samples are asked for at a URL of the user's.

Source: Google Cloud's documentation of managed collection. No lab has it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Registration, Workload
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.monitoring.endpoints import Endpoint

_GROUP, _VERSION, _KIND = "monitoring.googleapis.com", "v1", "PodMonitoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodMonitoring:
    """A PodMonitoring in the workload's namespace."""

    name: str = "gke-pod-monitoring"
    """As ``--aicr-solution metrics=`` takes it."""
    verified_in_lab: bool = False
    """The product runs in Google's cloud only."""

    @property
    def looked_for(self) -> str:
        """What shows that it is there."""
        return f"the API {_GROUP}/{_VERSION} with {_KIND}"

    def found(self, cluster: "Cluster") -> Found | None:
        """Where the API is served."""
        if _KIND not in cluster.serves(_GROUP, _VERSION):
            return None
        return Found(where=f"{_GROUP}/{_VERSION}")

    def endpoint(self, cluster: "Cluster") -> "Endpoint | None":
        """None of the cluster's own: its samples are in Google's store.

        Raises:
            ProbeFailed: asked for only where the user names no endpoint.
        """
        raise ProbeFailed(
            "Google's managed collection keeps its samples outside the cluster, and where they are "
            "asked for is not known.",
            hint="Name its Prometheus API, or a frontend of it: --aicr-prometheus-url or "
            "--aicr-prometheus-service.",
        )

    def register(self, cluster: "Cluster", workload: Workload) -> Registration:
        """The PodMonitoring."""
        return Registration(
            objects=[
                {
                    "apiVersion": f"{_GROUP}/{_VERSION}",
                    "kind": _KIND,
                    "metadata": {"name": workload.name},
                    "spec": {
                        "selector": {"matchLabels": {"app": workload.name}},
                        "endpoints": [
                            {"port": workload.port_name, "path": workload.path, "interval": "10s"}
                        ],
                    },
                }
            ]
        )
