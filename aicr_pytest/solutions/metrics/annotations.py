"""Pods with ``prometheus.io/`` annotations, by a scrape configuration that honours them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.prometheus import data_of
from aicr_pytest.errors import EndpointSilent, Inconclusive
from aicr_pytest.monitoring import doors
from aicr_pytest.solutions.frame import Found
from aicr_pytest.solutions.metrics.collector import Registration, Workload

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.doors import Door
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
        """The Prometheus whose configuration honours them."""
        door = self.door(cluster)
        return None if door is None else Found(where=str(door))

    def door(self, cluster: "Cluster") -> "Door | None":
        """The first way to such a Prometheus."""
        for door in doors(cluster, self.settings):
            try:
                config = data_of(*door.ask("/api/v1/status/config", []), str(door))
            except (EndpointSilent, Inconclusive):
                continue  # another way may do; that it is closed is found where it is asked
            if _LABEL in str(config.get("yaml", "")):
                return door
        return None

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
