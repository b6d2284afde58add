"""Ways to break the autoscaling of nodes: the autoscaler, its pool, what its nodes come from."""

from dataclasses import dataclass

from aicr_lab.addons import karpenter, kwok, manifests
from aicr_lab.addons.karpenter import POOL_LABEL
from aicr_lab.defects.injections.admission_policies import refusing, rule
from aicr_lab.defects.injections.injection import Applied, Meddling, await_effect
from aicr_lab.defects.programs import uncordoner
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

SPARE = "spare-0"
_APPS = "apps/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """A Deployment has no pods."""

    name: str
    namespace: str

    def inject(self, lab: Lab) -> None:
        """Scales it to nothing and waits until its pods are gone."""
        self._scale(lab, 0)
        await_effect(f"the end of {self.name}", lambda: not self._pods(lab))

    def revert(self, lab: Lab) -> None:
        """Scales it back and waits until it is available."""
        self._scale(lab, 1)
        await_effect(
            self.name,
            lambda: not manifests.unavailable(lab, "Deployment", self.name, self.namespace),
        )
        remove_nodes(lab)

    def _scale(self, lab: Lab, replicas: int) -> None:
        patch = {"spec": {"replicas": replicas}}
        lab.api.patch(_APPS, "Deployment", self.name, patch, self.namespace)

    def _pods(self, lab: Lab) -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in lab.api.list("v1", "Pod", self.namespace)
            if pod["metadata"]["name"].startswith(f"{self.name}-")
        ]


AUTOSCALER_DOWN = Down(name=karpenter.DEPLOYMENT, namespace=karpenter.NAMESPACE)
NODES_NEVER_READY = Down(name=kwok.DEPLOYMENT, namespace=kwok.NAMESPACE)


def remove_nodes(lab: Lab) -> None:
    """Remove the nodes that the autoscaler made, and wait until they are gone."""
    for claim in lab.api.list("karpenter.sh/v1", "NodeClaim"):
        lab.api.delete("karpenter.sh/v1", "NodeClaim", claim["metadata"]["name"])
    for node in _autoscaled(lab):
        lab.api.delete("v1", "Node", node["metadata"]["name"])
    # Drained first, by programs that may have just been started.
    await_effect("the end of autoscaled nodes", lambda: not _autoscaled(lab), within=120.0)


def _autoscaled(lab: Lab) -> list[Object]:
    return [node for node in lab.api.list("v1", "Node") if POOL_LABEL in node["metadata"]["labels"]]


NEVER_REMOVED = Applied(
    objects=tuple(
        refusing(
            "node-removal",
            [rule("", ["nodes"], ["DELETE"])],
            expression=f"!('{POOL_LABEL}' in oldObject.metadata.labels)",
            message="nodes are not given back here",
        )
    ),
    afterwards=remove_nodes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The NodePool is another one."""

    broken: Object

    def inject(self, lab: Lab) -> None:
        """Apply the broken one and wait until it is looked at."""
        self._apply(lab, self.broken)

    def revert(self, lab: Lab) -> None:
        """Apply the healthy one."""
        self._apply(lab, karpenter.node_pool())

    def _apply(self, lab: Lab, pool: Object) -> None:
        lab.api.apply(pool)
        await_effect("the NodePool", lambda: not karpenter.ADDON.missing(lab))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareNode:
    """No autoscaler: a spare node that was there all the while is uncordoned when a pod waits."""

    _uncordoner = Meddling(component="uncordoner", program=uncordoner.__name__, words=(SPARE,))

    def inject(self, lab: Lab) -> None:
        """Stop the autoscaler, add the cordoned node, start who uncordons it."""
        AUTOSCALER_DOWN.inject(lab)
        lab.api.apply(_spare())
        await_effect("the spare node", lambda: _is_ready(lab))
        self._uncordoner.inject(lab)

    def revert(self, lab: Lab) -> None:
        """End all of that."""
        self._uncordoner.revert(lab)
        lab.api.delete("v1", "Node", SPARE)
        AUTOSCALER_DOWN.revert(lab)


def _spare() -> Object:
    capacity = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": "8"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": SPARE,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                POOL_LABEL: karpenter.NODE_POOL,
                "kubernetes.io/hostname": SPARE,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"unschedulable": True, "taints": [karpenter.TAINT]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def _is_ready(lab: Lab) -> bool:
    found = lab.api.find("v1", "Node", SPARE) or {}
    conditions = found.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
