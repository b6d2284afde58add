"""Cluster Autoscaler, self-managed or the one that clouds run: known by the ConfigMap it writes.

Source: the project's FAQ, by which it writes its status into a ConfigMap of the namespace that it
is told (``--namespace``, kube-system unless told), and its flags, by which it may write none. A
cloud's own may run outside the cluster and hide all of it: then the user has to name it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.nodes import POOL_LABELS
from aicr_pytest.cluster.kinds import CONFIG_MAP, LEASE, POD, Object, full_name
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Fact,
    ScalableNodePools,
)
from aicr_pytest.requirements.signs import image_name, images_in
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

STATUS, LEADER = "cluster-autoscaler-status", "cluster-autoscaler"
CALLED, OPERATED = "cluster-autoscaler", "operator"
"""Part of the name of its pods or their image; what installs it has the other part, too."""
KEPT = "cluster-autoscaler.kubernetes.io/scale-down-disabled"


class ClusterAutoscaler:
    """Cluster Autoscaler.

    Args:
        is_named: whether the user says that it is there, though nothing may show it.
    """

    name = "cluster-autoscaler"
    verified_in_lab = False
    takes_claims = True
    looked_for = f"ConfigMap {STATUS}, Lease {LEADER}, or a pod called so, in any namespace"

    def __init__(self, *, is_named: bool = False) -> None:
        self._is_named = is_named

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether it has written its status, has been elected, or runs in a pod."""
        for kind, name in ((CONFIG_MAP, STATUS), (LEASE, LEADER)):
            for obj in cluster.list(kind, fields=f"metadata.name={name}"):
                return Found(where=full_name(kind, name, obj["metadata"]["namespace"]))
        for pod in cluster.list(POD):
            metadata, images = pod["metadata"], images_in(pod)
            names = [metadata["name"], *map(image_name, images)]
            if any(CALLED in name for name in names) and not any(OPERATED in n for n in names):
                where = full_name(POD, metadata["name"], metadata["namespace"])
                return Found(where=where, facts={"image": ", ".join(images)})
        if self._is_named:
            return Found(where="by the user's word; nothing shows it")
        return None

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
        written = cluster.list(CONFIG_MAP, fields=f"metadata.name={STATUS}")
        source = f"{CONFIG_MAP.request()}?fieldSelector=metadata.name={STATUS}"
        content = {"items": written}
        return [Fact(title="Status of the autoscaler", content=content, source=source)]
