"""A scaled Deployment as it is seen while it is watched: replicas, metric, conditions, events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import EVENT, HORIZONTAL_POD_AUTOSCALER, POD, Object
from aicr_pytest.evidence.clock import Clock, utc_now
from aicr_pytest.requirements.recorder import Recorder

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


_METRIC, _TARGET = "metric, average", "target"
_FOLLOWED = 3
"""Pods whose own metric has a line of its own: the first, the new one, and one that is too many."""
_CURRENT, _DESIRED, _READY = "current", "desired", "ready"
UNITS = {
    _METRIC: "%",
    _TARGET: "%",
    _CURRENT: "replicas",
    _DESIRED: "replicas",
    _READY: "replicas",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look."""

    values: Mapping[str, float]
    """Pod → its metric."""
    pods: Mapping[str, Object] = field(default_factory=dict)
    """The Deployment's pods that are not being deleted, by name."""
    current: int = 0
    """Replicas that the autoscaler counts; 0 while it has said nothing."""
    desired: int = 0
    """Replicas that it wants; 0 while it has said nothing."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Type → status, reason and message."""

    @property
    def ready(self) -> list[str]:
        """Names of the pods that are ready, the oldest first."""
        ready = [pod for pod in self.pods.values() if pod_state.is_ready(pod)]
        ready.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        return [pod["metadata"]["name"] for pod in ready]

    def __str__(self) -> str:
        metric = ", ".join(f"{pod} at {value:g}" for pod, value in sorted(self.values.items()))
        active = self.conditions.get("ScalingActive", "not told")
        return (
            f"metric: {metric or 'no value'}; replicas: {self.current} current, {self.desired} "
            f"desired, {len(self.ready)} ready; ScalingActive: {active}"
        )


class ReplicaRecorder(Recorder[Snapshot]):
    """Records the Deployment's pods, its autoscaler and its metric."""

    def __init__(
        self,
        cluster: "Cluster",
        namespace: str,
        name: str,
        values: Callable[[], Mapping[str, float]],
        target: float,
        *,
        title: str,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(title, UNITS, Snapshot(values={}), clock=clock)
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._values = values
        self._target = target
        self._conditions: dict[str, str] = {}
        self._events: set[str] = set()
        self._placed: set[str] = set()
        self._followed: list[str] = []

    def sample(self) -> Snapshot:
        """See metric, pods and autoscaler as they are now."""
        values = self._values()
        labels = f"app={self._name}"
        pods = {
            pod["metadata"]["name"]: pod
            for pod in self._cluster.list(POD, self._namespace, labels=labels)
            if not pod["metadata"].get("deletionTimestamp")
        }
        scaler = self._cluster.find(HORIZONTAL_POD_AUTOSCALER, self._name, self._namespace)
        status = (scaler or {}).get("status", {})
        snapshot = Snapshot(
            values=values,
            pods=pods,
            current=int(status.get("currentReplicas") or 0),
            desired=int(status.get("desiredReplicas") or 0),
            conditions={
                one["type"]: f"{one['status']} {one.get('reason', '')}: {one.get('message', '')}"
                for one in status.get("conditions") or ()
            },
        )
        self._show(snapshot, scaler)
        return snapshot

    def _show(self, snapshot: Snapshot, scaler: Object | None) -> None:
        own = {pod: value for pod, value in snapshot.values.items() if pod in snapshot.pods}
        for pod in [*self._followed, *own]:
            if pod not in self._followed and len(self._followed) < _FOLLOWED:
                self._followed.append(pod)
                self.timeline.units = {**self.timeline.units, pod: "%"}
        self.note(
            **{pod: own.get(pod) for pod in self._followed},
            **{
                _METRIC: sum(own.values()) / len(own) if own else None,
                _TARGET: self._target,
                _CURRENT: float(snapshot.current) if scaler else None,
                _DESIRED: float(snapshot.desired) if scaler else None,
                _READY: float(len(snapshot.ready)),
            },
        )
        for kind, message in snapshot.conditions.items():
            # The message changes with every value; what changes for a reader is the reason.
            state = message.partition(":")[0]
            if self._conditions.get(kind) != state:
                self._conditions[kind] = state
                self.mark(f"{kind} {message}")
        for name in snapshot.ready:
            if name not in self._placed:
                self._placed.add(name)
                node = pod_state.node_of(snapshot.pods[name])
                self.mark(f"pod {name} ready on {node}")
        if scaler:
            self._note_events(scaler["metadata"]["uid"])

    def _note_events(self, uid: str) -> None:
        fields = f"involvedObject.uid={uid}"
        for event in self._cluster.list(EVENT, self._namespace, fields=fields):
            if event["metadata"]["uid"] not in self._events:
                self._events.add(event["metadata"]["uid"])
                message = f"{event.get('reason', '')}: {event.get('message', '')}"
                self.mark(f"event {message}")
