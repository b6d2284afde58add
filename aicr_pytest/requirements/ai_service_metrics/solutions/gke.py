"""PodMonitoring of Google's managed Prometheus; the samples are asked for at a URL of the user's.

Source: Google Cloud's documentation of managed collection. No lab has it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        """Whichever the user names: the cluster has none of its own for it."""
        return None

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
