"""Kubernetes' own gang scheduling: PodGroup of scheduling.k8s.io, counted on nodes."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import CountedOnNodes, Group
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

VERSION = "v1beta1"


class Native(CountedOnNodes):
    """PodGroup and ``schedulingGroup`` of the default scheduler (Kubernetes 1.37)."""

    name = "native"
    verified_in_lab = True
    looked_for = f"PodGroup of scheduling.k8s.io/{VERSION} among the APIs served"

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether the API server serves PodGroup."""
        if "PodGroup" not in cluster.serves("scheduling.k8s.io", VERSION):
            return None
        return Found(where=f"scheduling.k8s.io/{VERSION} PodGroup", version=cluster.version())

    def group(self, group: Group) -> list[Object]:
        """A PodGroup whose ``minCount`` is its size."""
        return [
            {
                "apiVersion": f"scheduling.k8s.io/{VERSION}",
                "kind": "PodGroup",
                "metadata": {"name": group.name},
                "spec": {"schedulingPolicy": {"gang": {"minCount": group.size}}},
            }
        ]

    def member(self, pod: Object, group: Group) -> Object:
        """The pod, naming its PodGroup."""
        return {**pod, "spec": {**pod["spec"], "schedulingGroup": {"podGroupName": group.name}}}
