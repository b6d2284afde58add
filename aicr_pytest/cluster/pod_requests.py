"""How much of a resource a pod takes of its node, and of which. Pure.

As the scheduler reckons it: containers and those init containers that go on (sidecars) add up,
each other init container needs its own beside the sidecars before it; what is asked for the pod as
a whole stands for its containers.
"""

from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object


def node_of(pod: Object) -> str:
    """The node that a pod takes room of: bound, or promised after a preemption; empty for none."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return ""
    return str(pod["spec"].get("nodeName") or status.get("nominatedNodeName") or "")


def requested(pod: Object, resource: str) -> float:
    """What a pod asks of a resource, in its unit (cores, bytes, devices)."""
    spec = pod["spec"]
    overhead = quantities.number((spec.get("overhead") or {}).get(resource)) or 0.0
    whole = _asked(spec, resource)
    if whole is not None:
        return whole + overhead
    sidecars = highest = 0.0
    for container in spec.get("initContainers") or ():
        asked = _asked(container, resource) or 0.0
        if container.get("restartPolicy") == "Always":
            sidecars += asked
            highest = max(highest, sidecars)
        else:
            highest = max(highest, sidecars + asked)
    running = sum(_asked(one, resource) or 0.0 for one in spec.get("containers") or ())
    return max(running + sidecars, highest) + overhead


def _asked(of: Object, resource: str) -> float | None:
    """The request, which is the limit where none is told; None where neither is."""
    resources = of.get("resources") or {}
    asked = (resources.get("requests") or {}).get(resource)
    if asked is None:
        asked = (resources.get("limits") or {}).get(resource)
    return quantities.number(asked)
