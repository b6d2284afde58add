"""What the gang checks need of a gang scheduler: how pods are tied together, and what counts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from aicr_pytest.cluster.kinds import Object

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.requirements.solutions import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pods that start together or not at all."""

    name: str
    """Of the gang and of its object."""
    size: int
    """How many members it has; all of them are needed."""
    queue: str | None = None
    """Queue of the whole cluster that the user named."""


class GangScheduler(Protocol):
    """A product that schedules gangs."""

    @property
    def name(self) -> str:
        """As ``--aicr-solution`` takes it."""

    @property
    def verified_in_lab(self) -> bool:
        """Whether our own truth tests ran against the product itself."""

    @property
    def looked_for(self) -> str:
        """What shows that it is installed, for people."""

    @property
    def understands_claims(self) -> bool:
        """Whether it counts ResourceClaims; else pods ask by the extended resource."""

    @property
    def keeps_members(self) -> bool:
        """Whether deleted members stay until what ``status_objects`` names is deleted, too."""

    def found(self, cluster: "Cluster") -> "Found | None":
        """Where it is installed; None where it is not."""

    def queues(
        self, cluster: "Cluster", node: "AcceleratorNode", name: str, queue: str | None
    ) -> list[Object]:
        """Objects that have to be there before any pod; none where nodes are counted.

        Args:
            node: all that it has free is what a queue of ours lets through.
            name: for objects of the whole cluster; no other run has it.
            queue: the user's queue of the whole cluster; None: one of ours.
        """

    def room(self, cluster: "Cluster", node: "AcceleratorNode", queue: str | None) -> int:
        """How many accelerators pods on this node can have, where this scheduler counts them.

        Args:
            queue: the user's queue of the whole cluster; None: one of ours.

        Raises:
            Inconclusive: pods on this node cannot make scarcity there.
        """

    def group(self, group: Group) -> list[Object]:
        """Objects that stand for the gang, made before its members."""

    def status_objects(self, cluster: "Cluster", group: Group) -> list[Object]:
        """Which objects say how the gang fares: ``apiVersion``, ``kind`` and name of each."""

    def member(self, pod: Object, group: Group) -> Object:
        """The pod as a member of the gang."""

    def outside_gang(self, pod: Object) -> Object:
        """A pod that is no member and takes room where the members do."""

    def unmanaged_reason(self, pod: Object) -> str:
        """Why it does not manage a pod that was made for it; empty where it does."""

    def message(self, obj: Object) -> str:
        """Why a gang waits, as its object says; empty where it says nothing."""


def with_labels(pod: Object, labels: dict[str, str]) -> Object:
    """The pod with further labels."""
    return _noted(pod, "labels", labels)


def with_annotations(pod: Object, annotations: dict[str, str]) -> Object:
    """The pod with further annotations."""
    return _noted(pod, "annotations", annotations)


def scheduled_by(pod: Object, scheduler: str) -> Object:
    """The pod for another scheduler than the default one."""
    return {**pod, "spec": {**pod["spec"], "schedulerName": scheduler}}


def _noted(pod: Object, where: str, notes: dict[str, str]) -> Object:
    metadata = {**pod["metadata"], where: {**pod["metadata"].get(where, {}), **notes}}
    return {**pod, "metadata": metadata}


def condition_message(obj: Object, *types: str) -> str:
    """What conditions of an object say that are not True, those of the given types if any."""
    said = [
        f"{c['type']}={c['status']} {c.get('reason', '')}: {c.get('message', '')}".rstrip(": ")
        for c in (obj.get("status") or {}).get("conditions") or ()
        if c.get("status") != "True" and (not types or c["type"] in types)
    ]
    return "; ".join(said)


class CountedOnNodes(ABC):
    """What all products share that count accelerators where they are: on nodes."""

    understands_claims = True
    keeps_members = False

    def queues(
        self, cluster: "Cluster", node: "AcceleratorNode", name: str, queue: str | None
    ) -> list[Object]:
        """None: scarcity is made by a pod that holds the rest of the node."""
        return []

    def room(self, cluster: "Cluster", node: "AcceleratorNode", queue: str | None) -> int:
        """What the node has free."""
        return node.free

    @abstractmethod
    def group(self, group: Group) -> list[Object]:
        """The gang's object."""

    def status_objects(self, cluster: "Cluster", group: Group) -> list[Object]:
        """The gang's object."""
        return self.group(group)

    def outside_gang(self, pod: Object) -> Object:
        """The pod as it is: whoever schedules it, its accelerators are taken on the node."""
        return pod

    def unmanaged_reason(self, pod: Object) -> str:
        """Nothing: every pod is scheduled by somebody."""
        return ""

    def message(self, obj: Object) -> str:
        """What the conditions of the gang's object say."""
        return condition_message(obj)


class TiedToMinMember(CountedOnNodes):
    """What those products share whose PodGroup has a ``minMember``."""

    api: ClassVar[str]
    """``apiVersion`` of its PodGroup."""

    def group(self, group: Group) -> list[Object]:
        """A PodGroup whose ``minMember`` is its size."""
        return [
            {
                "apiVersion": self.api,
                "kind": "PodGroup",
                "metadata": {"name": group.name},
                "spec": {"minMember": group.size},
            }
        ]
