"""KAI scheduler, counted on nodes.

Source: the project's documentation, API scheduling.run.ai/v2alpha2. Pods are tied to a PodGroup of
ours by an annotation; labels alone give one group per pod, made by KAI's own pod grouper.
"""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import (
    Group,
    TiedToMinMember,
    scheduled_by,
    with_annotations,
    with_labels,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.cluster.client import Cluster

GROUP = "scheduling.run.ai"
SCHEDULER = "kai-scheduler"
QUEUE = "default-queue"
"""As the project's first steps name it; ``--aicr-queue`` names another."""
QUEUES = Kind(GROUP, "v2", "Queue", "queues", False)


class Kai(TiedToMinMember):
    """PodGroup of scheduling.run.ai, in a queue."""

    name = "kai"
    verified_in_lab = False
    api = f"{GROUP}/v2alpha2"
    looked_for = f"PodGroup of {GROUP}/v2alpha2 among the APIs served"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether the API server serves its PodGroup."""
        if "PodGroup" not in cluster.serves(GROUP, "v2alpha2"):
            return None
        return Found(where=f"{GROUP}/v2alpha2 PodGroup", facts={"scheduler": SCHEDULER})

    def room(self, cluster: "Cluster", node: "AcceleratorNode", queue: str | None) -> int:
        """What the node has free, where the queue is there.

        Raises:
            Inconclusive: it is not, so that KAI leaves every pod of it alone.
        """
        wanted = queue or QUEUE
        names = sorted(obj["metadata"]["name"] for obj in cluster.list(QUEUES))
        if wanted not in names:
            raise Inconclusive(
                f"KAI has no queue {wanted}; it has {', '.join(names) or 'none'}.",
                hint="Name one that may have accelerators: --aicr-queue NAME.",
            )
        return node.free

    def group(self, group: Group) -> list[Object]:
        """A PodGroup whose ``minMember`` is its size, in the queue."""
        (made,) = super().group(group)
        return [{**made, "spec": {**made["spec"], "queue": group.queue or QUEUE}}]

    def member(self, pod: Object, group: Group) -> Object:
        """The pod with annotation and queue."""
        tied = with_annotations(scheduled_by(pod, SCHEDULER), {"pod-group-name": group.name})
        return with_labels(tied, {"kai.scheduler/queue": group.queue or QUEUE})
