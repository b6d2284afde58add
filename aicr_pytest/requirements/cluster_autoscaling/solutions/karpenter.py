"""Karpenter: NodePools of karpenter.sh; a pod names all of them, and Karpenter takes what fits.

Karpenter refuses pods with ResourceClaims (1.14), so that pods ask by the extended resource.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Fact,
    ScalableNodePools,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP, VERSION = "karpenter.sh", "v1"
NODE_POOL = Kind(GROUP, VERSION, "NodePool", "nodepools", False)
NODE_CLAIM = Kind(GROUP, VERSION, "NodeClaim", "nodeclaims", False)
POOL_LABEL = "karpenter.sh/nodepool"
KEPT = "karpenter.sh/do-not-disrupt"


class Karpenter:
    """Karpenter, whatever its provider."""

    name = "karpenter"
    verified_in_lab = True
    takes_claims = False
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

    def reach(
        self, cluster: "Cluster", offering: Sequence[Object], *, scale_in_timeout: float
    ) -> ScalableNodePools:
        """Any NodePool that would give an unused node back, with all their taints tolerated."""
        pools = cluster.list(NODE_POOL)
        forbidding = {
            pool["metadata"]["name"]: why
            for pool in pools
            if (why := _forbids(pool, scale_in_timeout))
        }
        left_out = "; ".join(forbidding.values())
        open_pools = [pool for pool in pools if pool["metadata"]["name"] not in forbidding]
        if not open_pools:
            raise Inconclusive(
                f"A node that is bought would not go again, so none is bought: {left_out}.",
                hint="Let a NodePool remove empty nodes, or see --aicr-scale-in-timeout.",
            )
        return ScalableNodePools(
            requirements=(
                {
                    "key": POOL_LABEL,
                    "operator": "In",
                    "values": [pool["metadata"]["name"] for pool in open_pools],
                },
            ),
            tolerations=tuple(_tolerations(open_pools)),
            limits="; ".join(_limits(pool) for pool in open_pools),
            left_out=left_out,
        )

    def keeps(self, cluster: "Cluster", node: Object) -> str:
        """Its annotation on the node, or a budget of the node's pool that holds at times."""
        metadata = node["metadata"]
        if (metadata.get("annotations") or {}).get(KEPT) == "true":
            return f"{metadata['name']} has annotation {KEPT}"
        pool = cluster.find(NODE_POOL, metadata.get("labels", {}).get(POOL_LABEL, "none"))
        for budget in _empty_budgets(pool) if pool else ():
            if schedule := budget.get("schedule"):
                name = pool["metadata"]["name"] if pool else ""
                return f"NodePool {name} has a disruption budget of no node at {schedule}"
        return ""

    def facts(self, cluster: "Cluster") -> list[Fact]:
        """NodePools and NodeClaims."""
        return [
            Fact(
                title=f"{kind.name}s",
                content={"items": cluster.list(kind)},
                source=kind.request(),
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


def _forbids(pool: Object, scale_in_timeout: float) -> str:
    """Why an unused node of the pool would not go in time; empty where it would."""
    name = pool["metadata"]["name"]
    after = (pool["spec"].get("disruption") or {}).get("consolidateAfter", "")
    if after == "Never":
        return f"NodePool {name} has consolidateAfter Never"
    if _seconds(after) >= scale_in_timeout:
        given = f"--aicr-scale-in-timeout is {scale_in_timeout:g} s"
        return f"NodePool {name} has consolidateAfter {after}, and {given}"
    for budget in _empty_budgets(pool):
        if not budget.get("schedule"):
            return f"NodePool {name} has a disruption budget of {budget['nodes']} nodes"
    return ""


def _empty_budgets(pool: Object) -> list[Object]:
    """Disruption budgets that let no empty node go, always or at times."""
    return [
        budget
        for budget in (pool["spec"].get("disruption") or {}).get("budgets") or ()
        if budget.get("nodes") in ("0", "0%")
        and (not (reasons := budget.get("reasons")) or "Empty" in reasons)
    ]


def _seconds(duration: str) -> float:
    """A duration as Go writes it, e.g. ``1h30m``."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)([hms])", duration))
