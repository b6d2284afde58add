"""What is kept of the pods of a whole cluster: there may be tens of thousands of them.

Who looks at all of them asks what they are called, where they run, of what and with how much; the
rest, three quarters of it, is let go page by page. Pods of one namespace, or chosen by a selector,
stay whole.
"""

from collections.abc import Mapping

from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.cluster.watching import Subject

_KEPT: Mapping[str, frozenset[str]] = {
    "metadata": frozenset(
        {"name", "namespace", "uid", "resourceVersion", "labels", "deletionTimestamp"}
    ),
    "spec": frozenset({"nodeName", "containers", "initContainers", "overhead", "resources"}),
    "status": frozenset({"phase", "nominatedNodeName"}),
}
_KEPT_OF_CONTAINERS = frozenset({"name", "image", "command", "args", "resources", "restartPolicy"})


def is_slimmed(subject: Subject) -> bool:
    """Whether what a list gives is only kept in part."""
    return subject.kind == POD and subject.namespace is None and not subject.selection


def slimmed(pod: Object) -> Object:
    """A pod without what nobody asks of all pods."""
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
