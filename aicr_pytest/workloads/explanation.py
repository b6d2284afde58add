"""What explains a check that did not pass: its namespaces' pods, and what was said of them."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import EVENT, POD, Object
from aicr_pytest.cluster.workspace import Workspace

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence

_EVENTS = 40
"""The newest that are kept."""
_WHOLE = 4
"""Pods that are not ready and kept whole."""


def explain(workspace: Workspace, evidence: "CheckEvidence") -> None:
    """Keep how the pods of a namespace stand, and the last events there.

    Raises:
        AicrError: the API server does not tell.
    """
    cluster, namespace = workspace.cluster, workspace.namespace
    pods = cluster.list(POD, namespace)
    events = sorted(cluster.list(EVENT, namespace), key=pod_state.said_at)
    evidence.table(
        f"Pods of namespace {namespace} at that time",
        ("pod", "node", "state"),
        [
            (pod["metadata"]["name"], pod_state.node_of(pod), pod_state.line(pod, _of(pod, events)))
            for pod in pods
        ],
        source=f"{POD.request('GET', namespace)}, {EVENT.request('GET', namespace)}",
    )
    evidence.table(
        f"Events in namespace {namespace}, the newest last",
        ("time", "of", "reason", "message"),
        [_told(event) for event in events[-_EVENTS:]],
        source=EVENT.request("GET", namespace),
    )
    waiting = [pod for pod in pods if not pod_state.is_ready(pod)][:_WHOLE]
    for pod in waiting:
        name = pod["metadata"]["name"]
        evidence.yaml(f"Pod {name}", pod, source=POD.request("GET", namespace, name))


def _of(pod: Object, events: list[Object]) -> list[Object]:
    uid = pod["metadata"].get("uid")
    return [event for event in events if event.get("involvedObject", {}).get("uid") == uid]


def _told(event: Object) -> tuple[str, str, str, str]:
    of = event.get("involvedObject", {})
    return (
        pod_state.said_at(event),
        f"{of.get('kind', '')} {of.get('name', '')}",
        str(event.get("reason", "")),
        str(event.get("message", "")),
    )
