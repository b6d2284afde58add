"""Kueue: admits a group of pods when its quota has room for all of them.

Without topology-aware scheduling it counts quota, not nodes, so that scarcity is made in a queue.
Its pod integration does not count ResourceClaims: pods ask by the extended resource.
"""

from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import (
    Group,
    condition_message,
    with_annotations,
    with_labels,
)
from aicr_pytest.requirements.solutions import Found

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

GROUP = "kueue.x-k8s.io"
VERSIONS = ("v1beta2", "v1beta1")
LOCAL_QUEUE = "gangs"
"""Name of the queue in our namespace."""


class Kueue:
    """Pod groups of Kueue, in a queue of ours or of the user's."""

    name = "kueue"
    verified_in_lab = True
    looked_for = f"ClusterQueue of {GROUP}/{' or '.join(VERSIONS)} among the APIs served"
    understands_claims = False
    # A gated group keeps its finalizers (kubernetes-sigs/kueue#5130).
    keeps_members = True

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
            return [_local_queue(api, queue)]
        flavor = {"apiVersion": api, "kind": "ResourceFlavor", "metadata": {"name": name}}
        quotas = {"cpu": "16", "memory": "64Gi", node.extended_resource: str(node.free)}
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

    def room(self, cluster: "Cluster", node: AcceleratorNode, queue: str | None) -> int:
        """What a queue of ours lets through is what the node has; the user's may let less.

        Raises:
            Inconclusive: in the user's queue scarcity cannot be made by pods on one node.
        """
        return node.free if queue is None else _room_of(_cluster_queue(cluster, queue), node)

    def group(self, group: Group) -> list[Object]:
        """None: Kueue makes the Workload itself once all members are there."""
        return []

    def status_objects(self, cluster: "Cluster", group: Group) -> list[Object]:
        """The Workload that Kueue makes, named like the group."""
        api = f"{GROUP}/{_version(cluster) or VERSIONS[0]}"
        return [{"apiVersion": api, "kind": "Workload", "metadata": {"name": group.name}}]

    def member(self, pod: Object, group: Group) -> Object:
        """The pod in the queue, with its group and how many it has."""
        labels = {f"{GROUP}/queue-name": LOCAL_QUEUE, f"{GROUP}/pod-group-name": group.name}
        counted = {f"{GROUP}/pod-group-total-count": str(group.size)}
        return with_annotations(with_labels(pod, labels), counted)

    def outside_gang(self, pod: Object) -> Object:
        """The pod in the same queue: it has to take of the same quota."""
        return with_labels(pod, {f"{GROUP}/queue-name": LOCAL_QUEUE})

    def unmanaged_reason(self, pod: Object) -> str:
        """Kueue labels the pods that it manages."""
        if pod["metadata"].get("labels", {}).get(f"{GROUP}/managed") == "true":
            return ""
        return (
            f"Kueue does not manage {pod['metadata']['name']}: list pod among "
            "integrations.frameworks of its configuration, for namespaces like this one."
        )

    def message(self, obj: Object) -> str:
        """What the Workload's conditions say."""
        return condition_message(obj, "QuotaReserved", "Admitted")


def _version(cluster: "Cluster") -> str:
    return next((v for v in VERSIONS if "ClusterQueue" in cluster.serves(GROUP, v)), "")


def _local_queue(api: str, cluster_queue: str) -> Object:
    return {
        "apiVersion": api,
        "kind": "LocalQueue",
        "metadata": {"name": LOCAL_QUEUE},
        "spec": {"clusterQueue": cluster_queue},
    }


def _cluster_queue(cluster: "Cluster", name: str) -> Object:
    kind = Kind(GROUP, _version(cluster), "ClusterQueue", "clusterqueues", False)
    return cluster.get(kind, name)


def _room_of(queue: Object, node: AcceleratorNode) -> int:
    """How many accelerators the user's ClusterQueue lets through beside what it has let through."""
    name, resource = queue["metadata"]["name"], node.extended_resource
    spec, status = queue["spec"], queue.get("status") or {}
    quotas = [
        (flavor["name"], item)
        for group in spec.get("resourceGroups") or ()
        for flavor in group["flavors"]
        for item in flavor["resources"]
        if item["name"] == resource
    ]
    if len(quotas) != 1:
        raise _unsuitable(f"ClusterQueue {name} has {len(quotas)} quotas of {resource}, not one")
    ((flavor, item),) = quotas
    cohort = spec.get("cohortName") or spec.get("cohort")
    if cohort and str(item.get("borrowingLimit", "")) != "0":
        raise _unsuitable(f"ClusterQueue {name} may borrow {resource} from its cohort {cohort}")
    reserved = sum(
        int(used.get("total", 0))
        for one in status.get("flavorsReservation") or status.get("flavorsUsage") or ()
        if one["name"] == flavor
        for used in one.get("resources") or ()
        if used["name"] == resource
    )
    room = max(0, int(item["nominalQuota"]) - reserved)
    if room > node.free:
        raise _unsuitable(
            f"ClusterQueue {name} lets {room} more {resource} through, and {node.name} has "
            f"{node.free} free"
        )
    return room


def _unsuitable(why: str) -> Inconclusive:
    return Inconclusive(
        f"{why}: pods on one node cannot make scarcity there.",
        hint="Leave --aicr-queue out, and the run makes a queue of its own.",
    )
