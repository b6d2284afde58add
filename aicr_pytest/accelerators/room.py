"""What a node has left beside its accelerators. Pure."""

from collections.abc import Iterable

from aicr_pytest.cluster import pod_requests, quantities
from aicr_pytest.cluster.kinds import Object

_WANTED = {"cpu": 0.2, "memory": 512 * 2**20, "pods": 4.0}
"""What a few pods of ours request."""


def has_room(node: Object, pods: Iterable[Object]) -> bool:
    """Whether a node has CPU, memory and pod slots for a few pods of ours."""
    allocatable = node.get("status", {}).get("allocatable", {})
    there = [pod for pod in pods if pod_requests.node_of(pod) == node["metadata"]["name"]]
    for resource, wanted in _WANTED.items():
        total = quantities.number(allocatable.get(resource))
        if total is None:
            continue  # not told
        taken = (
            float(len(there))
            if resource == "pods"
            else sum(pod_requests.requested(pod, resource) for pod in there)
        )
        if total - taken < wanted:
            return False
    return True
