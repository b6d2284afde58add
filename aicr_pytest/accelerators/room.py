"""What a node has left beside its accelerators. Pure."""

from collections.abc import Iterable

from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object

_WANTED = {"cpu": 0.2, "memory": 512 * 2**20, "pods": 4.0}
"""What a few pods of ours request."""


def has_room(node: Object, pods: Iterable[Object]) -> bool:
    """Whether a node has CPU, memory and pod slots for a few pods of ours."""
    allocatable = node.get("status", {}).get("allocatable", {})
    there = [
        pod
        for pod in pods
        if pod["spec"].get("nodeName") == node["metadata"]["name"]
        and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    ]
    for resource, wanted in _WANTED.items():
        total = quantities.number(allocatable.get(resource))
        if total is None:
            continue  # not told
        taken = float(len(there)) if resource == "pods" else _requests(there, resource)
        if total - taken < wanted:
            return False
    return True


def _requests(pods: Iterable[Object], resource: str) -> float:
    asked = [
        container.get("resources", {}).get("requests", {}).get(resource)
        for pod in pods
        for container in pod["spec"].get("containers", ())
    ]
    return sum(quantities.number(quantity) or 0.0 for quantity in asked)
