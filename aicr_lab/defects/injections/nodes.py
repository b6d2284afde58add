"""Ways in which a node is none for new pods: silent, tainted by a condition, or not really one."""

from dataclasses import dataclass

from aicr_lab.defects.injections.device_path import await_devices
from aicr_lab.defects.injections.injection import await_effect, taints_of
from aicr_lab.kubernetes import virtual_node
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentKubelet:
    """The last node's kubelet says nothing any more, and the control plane has noticed."""

    def inject(self, lab: Lab) -> None:
        """Pauses the kubelet and says what the control plane would say after 40 s."""
        node = lab.nodes[-1]
        lab.pause(f"kubelet@{node.name}")
        _say(lab, node, "Ready", "Unknown", "NodeStatusUnknown")
        await_effect(f"{node.name} not ready", lambda: not _ready(lab, node))

    def revert(self, lab: Lab) -> None:
        """Lets it go on and waits until the node is as before."""
        node = lab.nodes[-1]
        lab.resume(f"kubelet@{node.name}")
        await_effect(f"{node.name} ready", lambda: _ready(lab, node))
        await_devices(lab)


_NO_NETWORK = "NetworkUnavailable"
_NO_NETWORK_TAINT = "node.kubernetes.io/network-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutNetwork:
    """Nodes are Ready, and tainted since their network plugin says that there are no routes."""

    nodes: slice
    """Which of the lab's."""

    def inject(self, lab: Lab) -> None:
        """Says so, and waits until the node controller has tainted them."""
        self._change(lab, "True", "NoRouteCreated", tainted=True)

    def revert(self, lab: Lab) -> None:
        """Says that there are routes, and waits until no taint is left."""
        self._change(lab, "False", "RouteCreated", tainted=False)

    def _change(self, lab: Lab, value: str, reason: str, *, tainted: bool) -> None:
        chosen = lab.nodes[self.nodes]
        for node in chosen:
            _say(lab, node, _NO_NETWORK, value, reason)
        for node in chosen:
            await_effect(
                f"{node.name}, tainted: {tainted}",
                lambda name=node.name: _has_taint(lab, name) is tainted,  # type: ignore[misc]
            )


def _has_taint(lab: Lab, node: str) -> bool:
    return any(taint["key"] == _NO_NETWORK_TAINT for taint in taints_of(lab, node))


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualNode:
    """A Ready node offers accelerators, and nothing runs on it; see :mod:`.virtual_node`."""

    def inject(self, lab: Lab) -> None:
        """Start the program that stands for it, and wait until the node is Ready."""
        lab.start(virtual_node.process(lab.control_plane))
        await_effect(virtual_node.NAME, lambda: self._offers(lab))

    def revert(self, lab: Lab) -> None:
        """Delete the node, and with it what was bound to it."""
        lab.processes.stop(virtual_node.COMPONENT)
        lab.processes.forget(virtual_node.COMPONENT)
        name = virtual_node.NAME
        lab.api.delete("v1", "Node", name)
        await_effect(f"the end of {name}", lambda: lab.api.find("v1", "Node", name) is None)
        lab.api.delete("coordination.k8s.io/v1", "Lease", name, "kube-node-lease")

    def _offers(self, lab: Lab) -> bool:
        node = lab.api.find("v1", "Node", virtual_node.NAME)
        offered = (node or {}).get("status", {}).get("allocatable", {})
        return virtual_node.RESOURCE in offered and not _has_state(lab, virtual_node.NAME)


def _say(lab: Lab, node: Node, kind: str, value: str, reason: str) -> None:
    """Set a condition of a node, as its kubelet or another controller would."""
    condition = {"type": kind, "status": value, "reason": reason, "message": "the lab says so"}
    lab.api.patch(
        "v1",
        "Node",
        node.name,
        {"status": {"conditions": [condition]}},
        content_type="application/strategic-merge-patch+json",
        subresource="status",
    )


def _ready(lab: Lab, node: Node) -> bool:
    found = lab.api.get("v1", "Node", node.name)
    conditions: list[Object] = found["status"]["conditions"]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not _has_state(lab, node.name)


def _has_state(lab: Lab, node: str) -> bool:
    """Whether a taint of the control plane's own is there."""
    return any(taint["key"].startswith("node.kubernetes.io/") for taint in taints_of(lab, node))
