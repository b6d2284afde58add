"""The pod that wants a new node, and what keeps it off the nodes that are there."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.request import with_accelerator_request
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.cluster.watching import Subject
from aicr_pytest.errors import Inconclusive, NoAccelerators, WaitTimeout
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Autoscaler,
    ScalableNodePools,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.pods import Pod
    from aicr_pytest.requirements.platform import Platform

MARKED = {"aicr-pytest/marks": "cluster_autoscaling"}
"""Labels of the pods that mark nodes; the one that wants a node stays off these."""
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class PendingPod:
    """Makes the pods of the experiment with one autoscaler."""

    def __init__(self, autoscaler: Autoscaler, platform: "Platform") -> None:
        self._autoscaler = autoscaler
        self._platform = platform
        self._markers: list[Pod] = []

    def mark(self, nodes: Sequence[Object]) -> None:
        """Put a pod that needs next to nothing on each node.

        A pod that finds room brings no node, so the one that wants a node must not run there.
        Autoscalers refuse node affinity by host name (Karpenter: a restricted label), and follow
        anti-affinity between pods.

        Raises:
            Inconclusive: a node takes no marker.
        """
        for number, node in enumerate(nodes):
            (pod,) = self._platform.workspaces.fill(
                "cluster_autoscaling/marker", image="probe", name=f"marker-{number}"
            )
            pod["metadata"]["labels"] = MARKED
            name = {"key": "metadata.name", "operator": "In", "values": [node["metadata"]["name"]]}
            terms = {"nodeSelectorTerms": [{"matchFields": [name]}]}
            pod["spec"]["affinity"] = {"nodeAffinity": {_REQUIRED: terms}}
            pod["spec"]["tolerations"] = [
                {"key": taint["key"], "operator": "Exists", "effect": taint["effect"]}
                for taint in node["spec"].get("taints") or ()
            ]
            self._markers.append(self._platform.workspaces.at().pod(pod))
        if nodes:
            self._await_markers()

    def _await_markers(self) -> None:
        labels = ",".join(f"{key}={value}" for key, value in MARKED.items())
        names = {marker.name for marker in self._markers}
        try:
            self._platform.waiter.until(
                f"{len(names)} pods that mark the nodes that are there: bound",
                [
                    Subject(
                        kind=POD, namespace=self._platform.workspaces.at().namespace, labels=labels
                    )
                ],
                judge=lambda views: (
                    names <= {p["metadata"]["name"] for p in views[0].values() if _bound(p)} or None
                ),
                describe=lambda views: f"{sum(map(_bound, views[0].values()))} bound",
                timeout=self._platform.waiter.deadlines.schedule,
            )
        except WaitTimeout as error:
            raise Inconclusive(
                f"The pod that wants a node cannot be kept off those that are there: {error}"
            ) from error

    def unmark(self) -> None:
        """Take the markers away."""
        for marker in self._markers:
            marker.delete()
        for marker in self._markers:
            marker.gone()
        self._markers.clear()

    def create(self, reach: ScalableNodePools) -> "Pod":
        """The pod that wants a node."""
        asked = self._asked_as()
        (pod,) = self._platform.workspaces.fill(
            "cluster_autoscaling/wanting",
            asked.profile,
            image="probe",
            name=f"wanting-{self._autoscaler.name}",
        )
        tolerations = [*pod["spec"].get("tolerations", ()), *reach.tolerations]
        *templates, pod = with_accelerator_request(pod, asked, tolerations=tolerations)
        apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": MARKED}}
        pod["spec"]["affinity"] = {"podAntiAffinity": {_REQUIRED: [apart]}}
        if reach.requirements:
            terms = [{"matchExpressions": list(reach.requirements)}]
            pod["spec"]["affinity"]["nodeAffinity"] = {_REQUIRED: {"nodeSelectorTerms": terms}}
        self._platform.workspaces.at().apply(templates)
        return self._platform.workspaces.at().pod(pod)

    def _asked_as(self) -> AcceleratorNode:
        """A node that hands out accelerators as the new one has to; its name is of no use."""
        profile = self._platform.accelerators.wanted_profile()
        by_resource = AcceleratorNode(
            name="",
            profile=profile,
            mechanism="device-plugin",
            device_class="",
            pool_label="",
            model="",
            ready=True,
            schedulable=True,
            taints=(),
            devices=(),
            unallocated=(),
            total=0,
            free=0,
        )
        try:
            first = self._platform.accelerators.stock[0]
        except NoAccelerators:
            return by_resource
        if first.mechanism == "dra" and self._autoscaler.takes_claims:
            return dataclasses.replace(first, taints=())
        return dataclasses.replace(by_resource, resource=first.resource)


def _bound(pod: Object) -> bool:
    return bool(pod_state.node_of(pod))
