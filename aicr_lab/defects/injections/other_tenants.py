"""Ways to be in the way: others who hold devices or CPU, quotas, remains of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aicr_lab.build import images
from aicr_lab.defects.injections.injection import Meddling, await_effect
from aicr_lab.defects.programs import quota_keeper
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab

_NAMESPACE = "aicr-lab-occupant"
_IMAGE = "docker.io/library/busybox:1.37"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledNodes:
    """A pod per node holds all its accelerators, on the first node all but so many.

    Or nothing but CPU: all that is left of it, but for so much.
    """

    leaves: int = 0
    cpu_left: int | None = None
    """Thousandths of a CPU that each node keeps; ``None``: accelerators are held instead."""

    def inject(self, lab: Lab) -> None:
        """Start the pods and wait until they run."""
        lab.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
        account = ("v1", "ServiceAccount", "default", _NAMESPACE)
        await_effect("the occupants' ServiceAccount", lambda: lab.api.find(*account) is not None)
        for node in lab.nodes:
            spared = 0 if node.index else self.leaves
            occupant = _occupant(node, node.gpus(lab.options) - spared)
            if self.cpu_left is not None:
                taken = {"requests": {"cpu": f"{_free_cpu(lab, node) - self.cpu_left}m"}}
                occupant["spec"]["containers"][0]["resources"] = taken
            lab.api.apply(occupant)
        await_effect(
            "the occupants",
            lambda: _phases(lab.api.list("v1", "Pod", _NAMESPACE)) == {"Running"},
        )

    def revert(self, lab: Lab) -> None:
        """End the pods, then the namespace: devices are given back before their API objects go."""
        for node in lab.nodes:
            lab.api.delete("v1", "Pod", node.name, _NAMESPACE)
        await_effect("the end of the occupants", lambda: not lab.api.list("v1", "Pod", _NAMESPACE))
        lab.api.delete("v1", "Namespace", _NAMESPACE)
        namespace = ("v1", "Namespace", _NAMESPACE)
        await_effect("the end of their namespace", lambda: lab.api.find(*namespace) is None)


def _free_cpu(lab: Lab, node: Node) -> int:
    """Thousandths of a CPU that no pod of a node has asked for."""
    taken = sum(
        _milli(container.get("resources", {}).get("requests", {}).get("cpu", "0"))
        for pod in lab.api.list("v1", "Pod")
        if pod["spec"].get("nodeName") == node.name and _phases([pod]) <= {"Pending", "Running"}
        for container in pod["spec"]["containers"]
    )
    return _milli(lab.api.get("v1", "Node", node.name)["status"]["allocatable"]["cpu"]) - taken


def _milli(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(float(quantity) * 1000)


def _phases(pods: Iterable[Object]) -> set[str]:
    return {pod.get("status", {}).get("phase", "") for pod in pods}


def _occupant(node: Node, gpus: int) -> Object:
    container = {
        "name": "occupant",
        "image": _IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"],
        "resources": {"limits": {"nvidia.com/gpu": str(gpus)}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": node.name, "namespace": _NAMESPACE},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name},
            "containers": [container],
            "terminationGracePeriodSeconds": 2,
        },
    }


_DEAD_RUN = "20260101-000000-1ab0"
_SUITE = "aicr-pytest"
"""As the suite calls itself to the API server."""
_HELD = "aicr-lab/held"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainsOfRun:
    """What a killed run of the suite has left: a namespace, a claim, a pod that holds a device."""

    namespace: str
    stuck: bool = False
    """Whether somebody has begun to delete the namespace, and an object in it does not go."""

    def inject(self, lab: Lab) -> None:
        """Leaves it behind."""
        namespace = self._ours({"apiVersion": "v1", "kind": "Namespace"}, self.namespace)
        lab.api.apply(namespace, manager=_SUITE)
        if self.stuck:
            held = self._ours({"apiVersion": "v1", "kind": "ConfigMap"}, "held", [_HELD])
            lab.api.apply(held, self.namespace, manager=_SUITE)
            lab.api.delete("v1", "Namespace", self.namespace)
            await_effect("the namespace's deletion", lambda: self._phase(lab) == "Terminating")
            return
        account = ("v1", "ServiceAccount", "default", self.namespace)
        await_effect("the namespace's ServiceAccount", lambda: lab.api.find(*account) is not None)
        pod = _occupant(lab.nodes[0], 1)
        pod["metadata"]["namespace"] = self.namespace
        lab.api.apply(self._ours(pod, "claimed"), manager=_SUITE)
        await_effect(
            "the pod of the dead run",
            lambda: _phases(lab.api.list("v1", "Pod", self.namespace)) == {"Running"},
        )

    def revert(self, lab: Lab) -> None:
        """Remove it."""
        if lab.api.find("v1", "ConfigMap", "held", self.namespace) is not None:
            released = {"metadata": {"finalizers": None}}
            lab.api.patch("v1", "ConfigMap", "held", released, self.namespace)
        lab.api.delete("v1", "Pod", "claimed", self.namespace)
        await_effect("its pod's end", lambda: not lab.api.list("v1", "Pod", self.namespace))
        lab.api.delete("v1", "Namespace", self.namespace)
        await_effect("its namespace's end", lambda: not self._phase(lab))

    def _phase(self, lab: Lab) -> str:
        found = lab.api.find("v1", "Namespace", self.namespace)
        return str(found["status"]["phase"]) if found else ""

    def _ours(self, thing: Object, name: str, finalizers: Sequence[str] = ()) -> Object:
        labels = {
            "app.kubernetes.io/managed-by": _SUITE,
            "aicr-pytest/run": _DEAD_RUN,
            **({"kubernetes.io/metadata.name": name} if thing["kind"] == "Namespace" else {}),
        }
        metadata = {**thing.get("metadata", {}), "name": name, "labels": labels}
        if finalizers:
            metadata["finalizers"] = list(finalizers)
        return {**thing, "metadata": metadata}


def quota_everywhere(*, devices: bool = True) -> Meddling:
    """Every new namespace gets a LimitRange and a ResourceQuota; see :mod:`.quota_keeper`.

    What was given goes with the namespaces.

    Args:
        devices: whether the quota lets anybody have accelerators.
    """
    return Meddling(
        component="quota-keeper",
        program=quota_keeper.__name__,
        words=() if devices else (quota_keeper.NO_DEVICES,),
        ready=quota_keeper.READY,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaintedDevice:
    """An administrator's rule keeps the last device of a node from everybody."""

    node: int = 0
    """Index of the node."""

    def inject(self, lab: Lab) -> None:
        """Make the rule."""
        node = lab.nodes[self.node]
        device = f"gpu-{node.gpus(lab.options) - 1}"
        selector = {"driver": "gpu.nvidia.com", "pool": node.name, "device": device}
        taint = {"key": "example.com/unhealthy", "value": "xid-79", "effect": "NoSchedule"}
        spec = {"deviceSelector": selector, "taint": taint}
        name = {"name": _RULE[2]}
        lab.api.apply({"apiVersion": _RULE[0], "kind": _RULE[1], "metadata": name, "spec": spec})
        await_effect("the rule", lambda: lab.api.find(*_RULE) is not None)

    def revert(self, lab: Lab) -> None:
        """Delete it."""
        lab.api.delete(*_RULE)


_RULE = ("resource.k8s.io/v1", "DeviceTaintRule", "aicr-lab-sick")


_TENANTS = "training"
_BATCH: Object = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "batch"},
    "value": -1000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantsOfLowPriority:
    """Others' pods hold an accelerator each, and have to leave for anybody of more priority."""

    pods: int

    def inject(self, lab: Lab) -> None:
        """Start them and wait until they run."""
        for thing in self._things():
            lab.api.apply(thing)
        wanted = ["Running"] * self.pods
        await_effect("the tenants", lambda: list(self.lives(lab).values()) == wanted)

    def revert(self, lab: Lab) -> None:
        """End them."""
        for thing in reversed(self._things()):
            named = thing["metadata"]
            lab.api.delete(
                thing["apiVersion"], thing["kind"], named["name"], named.get("namespace", "")
            )
        await_effect("their end", lambda: lab.api.find("v1", "Namespace", _TENANTS) is None)

    def lives(self, lab: Lab) -> dict[str, str]:
        """Uid → phase of the pods; those that are being deleted are left out."""
        return {
            pod["metadata"]["uid"]: pod["status"].get("phase", "")
            for pod in lab.api.list("v1", "Pod", _TENANTS)
            if "deletionTimestamp" not in pod["metadata"]
        }

    def _things(self) -> list[Object]:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _TENANTS}}
        return [_BATCH, namespace, *(_training(f"t{number}") for number in range(self.pods))]


def _training(name: str) -> Object:
    container = {
        "name": "training",
        "image": images.CUDA,
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": _TENANTS},
        "spec": {"priorityClassName": "batch", "containers": [container]},
    }
