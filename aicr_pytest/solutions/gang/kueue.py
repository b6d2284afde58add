"""Kueue: admits a group of pods when its quota has room for all of them.

Without topology-aware scheduling it counts quota, not nodes, so that scarcity is made in a queue.
Its pod integration does not count ResourceClaims: pods ask by the extended resource.
"""

from typing import TYPE_CHECKING, Literal

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.errors import Inconclusive
from aicr_pytest.solutions.frame import Found
from aicr_pytest.solutions.gang.gang import (
    Group,
    Object,
    condition_words,
    with_annotations,
    with_labels,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP = "kueue.x-k8s.io"
VERSIONS = ("v1beta2", "v1beta1")
LOCAL_QUEUE = "gangs"
"""Name of the queue in our namespace."""


class Kueue:
    """Pod groups of Kueue, in a queue of ours or of the user's."""

    name = "kueue"
    verified_in_lab = False
    looked_for = f"ClusterQueue of {GROUP}/{' or '.join(VERSIONS)} among the APIs served"
    counts: Literal["quota"] = "quota"
    understands_claims = False

    def found(self, cluster: "Cluster") -> Found | None:
        """Whether the API server serves ClusterQueue."""
        version = _version(cluster)
        return Found(where=f"{GROUP}/{version} ClusterQueue") if version else None

    def queues(
        self, cluster: "Cluster", node: AcceleratorNode, name: str, queue: str | None
    ) -> list[Object]:
        """A queue in our namespace, for the user's ClusterQueue or for one with the node's room."""
        api = f"{GROUP}/{_version(cluster) or VERSIONS[0]}"
        if queue is not None:
            _refuse_larger(cluster, node, queue)
            return [_local_queue(api, queue)]
        flavor = {"apiVersion": api, "kind": "ResourceFlavor", "metadata": {"name": name}}
        quotas = {"cpu": "16", "memory": "64Gi", node.profile.extended_resource: str(node.free)}
        resources = [{"name": key, "nominalQuota": value} for key, value in quotas.items()]
        group = {
            "coveredResources": list(quotas),
            "flavors": [{"name": name, "resources": resources}],
        }
        cluster_queue = {
            "apiVersion": api,
            "kind": "ClusterQueue",
            "metadata": {"name": name},
            "spec": {"namespaceSelector": {}, "resourceGroups": [group]},
        }
        return [flavor, cluster_queue, _local_queue(api, name)]

    def group(self, group: Group) -> list[Object]:
        """None: Kueue makes the Workload itself once all members are there."""
        return []

    def told_by(self, group: Group) -> list[Object]:
        """The Workload that Kueue makes, named like the group."""
        api = f"{GROUP}/{VERSIONS[0]}"
        return [{"apiVersion": api, "kind": "Workload", "metadata": {"name": group.name}}]

    def member(self, pod: Object, group: Group) -> Object:
        """The pod in the queue, with its group and how many it has."""
        labels = {f"{GROUP}/queue-name": LOCAL_QUEUE, f"{GROUP}/pod-group-name": group.name}
        counted = {f"{GROUP}/pod-group-total-count": str(group.size)}
        return with_annotations(with_labels(pod, labels), counted)

    def alone(self, pod: Object) -> Object:
        """The pod in the same queue: it has to take of the same quota."""
        return with_labels(pod, {f"{GROUP}/queue-name": LOCAL_QUEUE})

    def words(self, obj: Object) -> str:
        """What the Workload's conditions say."""
        return condition_words(obj, "QuotaReserved", "Admitted")


def _version(cluster: "Cluster") -> str:
    return next((v for v in VERSIONS if "ClusterQueue" in cluster.serves(GROUP, v)), "")


def _local_queue(api: str, cluster_queue: str) -> Object:
    return {
        "apiVersion": api,
        "kind": "LocalQueue",
        "metadata": {"name": LOCAL_QUEUE},
        "spec": {"clusterQueue": cluster_queue},
    }


def _refuse_larger(cluster: "Cluster", node: AcceleratorNode, queue: str) -> None:
    """A quota beyond the node's room cannot be made scarce by pods on this node."""
    kind = Kind(GROUP, _version(cluster), "ClusterQueue", "clusterqueues", False)
    resource = node.profile.extended_resource
    spec = cluster.get(kind, queue)["spec"]
    quota = sum(
        int(item["nominalQuota"])
        for group in spec.get("resourceGroups") or ()
        for flavor in group["flavors"]
        for item in flavor["resources"]
        if item["name"] == resource
    )
    if quota != node.free:
        raise Inconclusive(
            f"ClusterQueue {queue} has a quota of {quota} {resource}, and {node.name} has "
            f"{node.free} free: without as much of both, scarcity cannot be made there.",
            hint="Leave --aicr-queue out, and the run makes a queue of its own.",
        )
