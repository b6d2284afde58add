"""What a node says of itself: its pool, its state, and whom it is for. Pure."""

from aicr_pytest.accelerators.state_taints import is_of_state
from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object

POOL_LABELS = (
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "node.kubernetes.io/instance-type",
)
"""Labels that tell one kind of node from another, the most telling first."""

CORDONED = "cordoned"
"""What keeps new pods away, and no daemon's."""


def labels_of(node: Object) -> dict[str, str]:
    """The labels of a node."""
    return node["metadata"].get("labels") or {}


def annotations_of(node: Object) -> dict[str, str]:
    """The annotations of a node."""
    return node["metadata"].get("annotations") or {}


def allocatable(node: Object) -> dict[str, int]:
    """How many units of each extended resource a node offers; none is left out."""
    offered = (node.get("status") or {}).get("allocatable") or {}
    counted = {name: quantities.number(count) for name, count in offered.items() if "/" in name}
    return {name: int(count) for name, count in counted.items() if count}


def pool_label(node: Object) -> str:
    """``label=value`` that tells its node pool; empty where no known label is set."""
    labels = labels_of(node)
    return next((f"{key}={labels[key]}" for key in POOL_LABELS if key in labels), "")


def is_ready(node: Object) -> bool:
    """Whether kubelet says that it is Ready."""
    conditions = node.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def own_taints(node: Object) -> tuple[tuple[str, str, str], ...]:
    """(key, value, effect) of the taints that say whom it is for."""
    return tuple(
        (taint["key"], taint.get("value", ""), taint["effect"])
        for taint in node["spec"].get("taints") or ()
        if not is_of_state(taint["key"])
    )


def kept_from(node: Object) -> list[str]:
    """What keeps new pods from a node, whoever they are, in the words of messages."""
    cordoned = [CORDONED] if node["spec"].get("unschedulable") else []
    taints = [
        f"tainted {taint['key']}"
        for taint in node["spec"].get("taints") or ()
        if is_of_state(taint["key"])
        and taint["effect"] in ("NoSchedule", "NoExecute")
        and taint["key"] != "node.kubernetes.io/unschedulable"
    ]
    return cordoned + taints


def nothing_runs_on(node: Object) -> bool:
    """Whether a node is simulated, or stands for something else that runs pods.

    KWOK's pods say that they run, and nothing does; into those of a virtual kubelet nobody looks.
    """
    metadata = node["metadata"]
    taints = [taint["key"] for taint in (node.get("spec") or {}).get("taints") or ()]
    return (
        "kwok.x-k8s.io/node" in (metadata.get("annotations") or {})
        or (metadata.get("labels") or {}).get("type") == "virtual-kubelet"
        or any(key.startswith("virtual-kubelet.io/") for key in taints)
    )
