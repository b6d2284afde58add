"""Cluster Autoscaler, self-managed or the one that clouds run: known by the ConfigMap it writes.

Source: the project's FAQ, by which it writes its status into a ConfigMap of kube-system.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import POOL_LABELS
from aicr_pytest.cluster.kinds import CONFIG_MAP
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Fact,
    Object,
    ScalableNodePools,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

NAMESPACE, STATUS = "kube-system", "cluster-autoscaler-status"
KEPT = "cluster-autoscaler.kubernetes.io/scale-down-disabled"


class ClusterAutoscaler:
    """Cluster Autoscaler."""

    name = "cluster-autoscaler"
    verified_in_lab = False
    takes_claims = True
    looked_for = f"ConfigMap {NAMESPACE}/{STATUS}"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether it has written its status."""
        if cluster.find(CONFIG_MAP, STATUS, NAMESPACE) is None:
            return None
        return Found(where=f"ConfigMap {NAMESPACE}/{STATUS}")

    def reach(
        self, cluster: "Cluster", offering: Sequence[Object], *, scale_in_timeout: float
    ) -> ScalableNodePools:
        """The pools of nodes that offer accelerators; any node where none does yet."""
        pools: dict[str, set[str]] = {}
        for node in offering:
            labels = node["metadata"].get("labels") or {}
            key = next((label for label in POOL_LABELS if label in labels), None)
            if key:
                pools.setdefault(key, set()).add(labels[key])
        tolerations: list[Object] = []
        for node in offering:
            for taint in node["spec"].get("taints") or ():
                toleration = {"key": taint["key"], "operator": "Exists", "effect": taint["effect"]}
                ours = not taint["key"].startswith("node.kubernetes.io/")
                if ours and toleration not in tolerations:
                    tolerations.append(toleration)
        requirements = [
            {"key": key, "operator": "In", "values": sorted(values)}
            for key, values in sorted(pools.items())
        ]
        return ScalableNodePools(
            requirements=tuple(requirements[:1]), tolerations=tuple(tolerations)
        )

    def keeps(self, cluster: "Cluster", node: Object) -> str:
        """Its annotation on the node says so."""
        if (node["metadata"].get("annotations") or {}).get(KEPT) == "true":
            return f"{node['metadata']['name']} has annotation {KEPT}"
        return ""

    def facts(self, cluster: "Cluster") -> list[Fact]:
        """Its status, with minimum and maximum of every node group."""
        found = cluster.find(CONFIG_MAP, STATUS, NAMESPACE)
        source = CONFIG_MAP.request("GET", NAMESPACE, STATUS)
        return [Fact(title="Status of the autoscaler", content=found, source=source)]
