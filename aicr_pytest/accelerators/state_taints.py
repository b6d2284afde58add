"""Taints that tell a node's state, and not whom it is for: another node of its kind is taken."""

from fnmatch import fnmatchcase

_PATTERNS = (
    # Kubernetes' own, and those of whoever stands for a node.
    "node.kubernetes.io/*",
    "node.cloudprovider.kubernetes.io/*",
    "virtual-kubelet.io/*",
    # Nodes that are not ready for pods yet.
    "*not-ready",
    "*/uninitialized",
    "*/unregistered",
    "readiness.k8s.io/*",
    "startup-taint.*",
    "status-taint.*",
    "ignore-taint.*",
    # Nodes that go soon.
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/disrupt*",
    "aws-node-termination-handler/*",
    "*/*impending-node-termination",
    "*/drain*",
    # Nodes that are ill, mended or renewed.
    "*medik8s.io/*",
    "*/unhealthy",
    "nvidia.com/gpu-driver-upgrade*",
    "node.cluster.x-k8s.io/*",
    "UpdateInProgress",
)
"""Keys, as file names are matched."""


def is_of_state(key: str) -> bool:
    """Whether a taint of this key tells a state; anything else is an owner's, and tolerated."""
    return any(fnmatchcase(key, pattern) for pattern in _PATTERNS)
