"""Karpenter: NodePools of karpenter.sh; a pod names all of them, and Karpenter takes what fits.

Karpenter refuses pods with ResourceClaims (1.14), so that pods ask by the extended resource.
"""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.solutions.autoscaler.autoscaler import Fact, Object, Reach
from aicr_pytest.solutions.frame import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP, VERSION = "karpenter.sh", "v1"
NODE_POOL = Kind(GROUP, VERSION, "NodePool", "nodepools", False)
NODE_CLAIM = Kind(GROUP, VERSION, "NodeClaim", "nodeclaims", False)
POOL_LABEL = "karpenter.sh/nodepool"


class Karpenter:
    """Karpenter, whatever its provider."""

    name = "karpenter"
    verified_in_lab = True
    looked_for = f"NodePools of {GROUP}/{VERSION}"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether there is a NodePool."""
        if "NodePool" not in cluster.serves(GROUP, VERSION):
            return None
        pools = cluster.list(NODE_POOL)
        if not pools:
            return None
        names = ", ".join(pool["metadata"]["name"] for pool in pools)
        return Found(where=f"{GROUP}/{VERSION}", facts={"NodePools": names})

    def reach(self, cluster: "Cluster", resource: str) -> Reach:
        """Any NodePool, with all their taints tolerated."""
        pools = cluster.list(NODE_POOL)
        return Reach(
            requirements=(
                {
                    "key": POOL_LABEL,
                    "operator": "In",
                    "values": [pool["metadata"]["name"] for pool in pools],
                },
            ),
            tolerations=tuple(_tolerations(pools)),
            limits="; ".join(_limits(pool) for pool in pools),
            forbids_removal="; ".join(filter(None, map(_forbids, pools))),
        )

    def facts(self, cluster: "Cluster") -> list[Fact]:
        """NodePools and NodeClaims."""
        return [
            Fact(
                title=f"{kind.name}s",
                content={"items": cluster.list(kind)},
                source=f"kubectl get {kind.resource} -o yaml",
            )
            for kind in (NODE_POOL, NODE_CLAIM)
        ]


def _tolerations(pools: list[Object]) -> list[Object]:
    found: list[Object] = []
    for pool in pools:
        spec = pool["spec"]["template"]["spec"]
        for taint in spec.get("taints") or ():
            toleration = {
                "key": taint["key"],
                "operator": "Equal",
                "value": taint.get("value", ""),
                "effect": taint["effect"],
            }
            if toleration not in found:
                found.append(toleration)
    return found


def _limits(pool: Object) -> str:
    limits = pool["spec"].get("limits") or {}
    told = ", ".join(f"{name}: {value}" for name, value in sorted(limits.items())) or "none"
    used = (pool.get("status") or {}).get("resources") or {}
    taken = ", ".join(f"{name}: {used[name]}" for name in sorted(limits) if name in used)
    return f"NodePool {pool['metadata']['name']} has limits {told}" + (
        f", in use {taken}" if taken else ""
    )


def _forbids(pool: Object) -> str:
    name = pool["metadata"]["name"]
    disruption = pool["spec"].get("disruption") or {}
    if disruption.get("consolidateAfter") == "Never":
        return f"NodePool {name} has consolidateAfter Never"
    for budget in disruption.get("budgets") or ():
        always = not budget.get("schedule")
        reasons = budget.get("reasons")
        if always and budget.get("nodes") in ("0", "0%") and (not reasons or "Empty" in reasons):
            return f"NodePool {name} has a disruption budget of {budget['nodes']} nodes"
    return ""
