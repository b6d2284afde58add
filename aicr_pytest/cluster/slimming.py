"""What is kept of the objects of a whole cluster: there may be tens of thousands of pods.

Who looks at all of them asks what they are called, where they run, of what and with how much; the
rest, three quarters of it, is let go page by page; of nodes what they have pulled. Objects of one
namespace, or chosen by a selector, stay whole.
"""

from collections.abc import Callable, Mapping

from aicr_pytest.cluster.kinds import NODE, POD, RESOURCE_SLICE, Kind, Object
from aicr_pytest.cluster.watching import Subject

_KEPT: Mapping[str, frozenset[str]] = {
    "metadata": frozenset({"name", "namespace", "deletionTimestamp"}),
    "spec": frozenset({"nodeName", "containers", "initContainers", "overhead", "resources"}),
    "status": frozenset({"phase", "nominatedNodeName"}),
}
_KEPT_OF_CONTAINERS = frozenset({"name", "image", "command", "args", "resources", "restartPolicy"})


def slimmer(subject: Subject) -> Callable[[Object], Object]:
    """What makes of an object of a list what is kept of it."""
    if subject.namespace is not None or subject.selection:
        return _whole
    return _SLIMMERS.get(subject.kind, _whole)


def _whole(obj: Object) -> Object:
    return obj


def _pod(pod: Object) -> Object:
    kept = {
        part: {name: value for name, value in (pod.get(part) or {}).items() if name in names}
        for part, names in _KEPT.items()
    }
    spec = kept["spec"]
    for which in ("containers", "initContainers"):
        if spec.get(which):
            spec[which] = [
                {name: value for name, value in one.items() if name in _KEPT_OF_CONTAINERS}
                for one in spec[which]
            ]
    return kept


def _node_or_slice(obj: Object) -> Object:
    obj["metadata"].pop("managedFields", None)
    (obj.get("status") or {}).pop("images", None)
    return obj


_SLIMMERS: Mapping[Kind, Callable[[Object], Object]] = {
    POD: _pod,
    NODE: _node_or_slice,
    RESOURCE_SLICE: _node_or_slice,
}
