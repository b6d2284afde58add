"""Coscheduling of kubernetes-sigs/scheduler-plugins, counted on nodes.

Source: the project's KEP 42 and its API scheduling.x-k8s.io/v1alpha1. The scheduler's name is the
one of the project's chart; an installation may choose another.
"""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import (
    Group,
    TiedToMinMember,
    scheduled_by,
    with_labels,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP = "scheduling.x-k8s.io"
SCHEDULER = "scheduler-plugins-scheduler"


class Coscheduling(TiedToMinMember):
    """PodGroup of scheduling.x-k8s.io, tied by a label."""

    name = "coscheduling"
    verified_in_lab = False
    api = f"{GROUP}/v1alpha1"
    looked_for = f"PodGroup of {GROUP}/v1alpha1 among the APIs served"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether the API server serves its PodGroup."""
        if "PodGroup" not in cluster.serves(GROUP, "v1alpha1"):
            return None
        return Found(where=f"{GROUP}/v1alpha1 PodGroup", facts={"scheduler": SCHEDULER})

    def member(self, pod: Object, group: Group) -> Object:
        """The pod with the label that names its PodGroup."""
        return with_labels(scheduled_by(pod, SCHEDULER), {f"{GROUP}/pod-group": group.name})
