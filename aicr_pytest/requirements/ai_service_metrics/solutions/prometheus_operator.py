"""ServiceMonitor and PodMonitor of the Prometheus Operator, with the labels that are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.monitoring.discovery import (
    OPERATOR_API,
    ambiguous,
    endpoint_of,
    prometheus_objects,
)
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Registration, Workload
from aicr_pytest.requirements.ai_service_metrics.solutions.label_selectors import (
    OF_NEW_NAMESPACE,
    satisfying,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.monitoring.endpoints import Endpoint
    from aicr_pytest.settings import Settings

_FIELD = {"ServiceMonitor": "serviceMonitor", "PodMonitor": "podMonitor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitors:
    """Monitors of one kind, for the first Prometheus that takes them from our namespaces."""

    name: str
    """As ``--aicr-solution metrics=`` takes it."""
    kind: Literal["ServiceMonitor", "PodMonitor"]
    """Kind of the monitors."""
    verified_in_lab: bool = True
    """The lab runs the operator itself."""
    settings: "Settings | None" = None
    """Where the user says that Prometheus is; None: wherever it may be."""

    @property
    def looked_for(self) -> str:
        """What shows that it is there."""
        field = _FIELD[self.kind]
        return (
            f"a Prometheus object of {OPERATOR_API} whose {field}Selector and "
            f"{field}NamespaceSelector can select {self.kind}s of a new namespace"
        )

    def found(self, cluster: "Cluster") -> Found | None:
        """The Prometheus, and by which labels it selects."""
        chosen = self._chosen(cluster)
        if chosen is None:
            return None
        prometheus, labels, _ = chosen
        metadata = prometheus["metadata"]
        shown = ", ".join(f"{key}={value}" for key, value in labels.items()) or "any"
        return Found(
            where=f"Prometheus {metadata['namespace']}/{metadata['name']}",
            version=str(prometheus["spec"].get("version", "")),
            facts={f"{self.kind}s with labels": shown},
        )

    def endpoint(self, cluster: "Cluster") -> "Endpoint | None":
        """The way to the Prometheus that takes the monitors.

        Raises:
            ProbeFailed: several do, and which one is the platform's cannot be told.
        """
        taking = self._taking(cluster)
        if len({prometheus["metadata"]["namespace"] for prometheus, *_ in taking}) > 1:
            raise ambiguous(str(endpoint_of(cluster, prometheus)) for prometheus, *_ in taking)
        return endpoint_of(cluster, taking[0][0]) if taking else None

    def register(self, cluster: "Cluster", workload: Workload) -> Registration:
        """A monitor with the labels that are asked for."""
        chosen = self._chosen(cluster)
        labels, of_namespace = chosen[1:] if chosen else ({}, {})
        endpoints = "endpoints" if self.kind == "ServiceMonitor" else "podMetricsEndpoints"
        monitor: Object = {
            "apiVersion": OPERATOR_API,
            "kind": self.kind,
            "metadata": {"name": workload.name, "labels": dict(labels)},
            "spec": {
                "selector": {"matchLabels": {"app": workload.name}},
                endpoints: [{"port": workload.port_name, "path": workload.path}],
            },
        }
        return Registration(objects=[monitor], namespace_labels=of_namespace)

    def _chosen(
        self, cluster: "Cluster"
    ) -> tuple[Object, Mapping[str, str], Mapping[str, str]] | None:
        """Prometheus, labels of the monitor, labels of its namespace."""
        return next(iter(self._taking(cluster)), None)

    def _taking(
        self, cluster: "Cluster"
    ) -> list[tuple[Object, Mapping[str, str], Mapping[str, str]]]:
        """As ``_chosen``, each that takes our monitors; the user's own first."""
        field = _FIELD[self.kind]
        named = self.settings.prometheus_service if self.settings else None
        found = []
        for prometheus in prometheus_objects(cluster):
            spec = prometheus["spec"]
            labels = satisfying(spec.get(f"{field}Selector"))
            # Without this selector a Prometheus looks only into its own namespace, which is not
            # ours to create things in.
            of_namespace = satisfying(spec.get(f"{field}NamespaceSelector"), OF_NEW_NAMESPACE)
            if labels is not None and of_namespace is not None:
                found.append((prometheus, labels, of_namespace))
        return sorted(
            found, key=lambda one: not named or one[0]["metadata"]["namespace"] != named.namespace
        )
