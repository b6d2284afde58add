"""Volcano, counted on nodes.

Source: volcano.sh, API scheduling.volcano.sh/v1beta1. Pods are tied by an annotation to a PodGroup
of ours; left to itself, Volcano's webhook makes one group per owner, with ``minMember`` 1.
"""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import (
    Group,
    TiedToMinMember,
    condition_message,
    scheduled_by,
    with_annotations,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP = "scheduling.volcano.sh"
SCHEDULER = "volcano"


class Volcano(TiedToMinMember):
    """PodGroup of scheduling.volcano.sh."""

    name = "volcano"
    verified_in_lab = False
    api = f"{GROUP}/v1beta1"
    looked_for = f"PodGroup of {GROUP}/v1beta1 among the APIs served"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether the API server serves its PodGroup."""
        if "PodGroup" not in cluster.serves(GROUP, "v1beta1"):
            return None
        return Found(where=f"{GROUP}/v1beta1 PodGroup", facts={"scheduler": SCHEDULER})

    def member(self, pod: Object, group: Group) -> Object:
        """The pod with the annotation that names its PodGroup."""
        tie = {"scheduling.k8s.io/group-name": group.name}
        return with_annotations(scheduled_by(pod, SCHEDULER), tie)

    def message(self, obj: Object) -> str:
        """What its PodGroup's conditions say; Volcano tells the phase, too."""
        phase = (obj.get("status") or {}).get("phase", "")
        return "; ".join(filter(None, [f"phase {phase}" if phase else "", condition_message(obj)]))
