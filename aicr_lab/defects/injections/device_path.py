"""Ways to break the path of a device: from the driver's knowledge to the container's /dev."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aicr_lab.accelerators import node as accelerators
from aicr_lab.accelerators.hooks import hooks_of
from aicr_lab.accelerators.state_file import Sections, StateFile
from aicr_lab.defects.injections.admission_policies import rewriting, rule
from aicr_lab.defects.injections.injection import (
    DRA,
    Applied,
    Meddling,
    Together,
    await_effect,
    serves,
)
from aicr_lab.defects.programs import careless_allocator
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRuntime:
    """The OCI runtime of every node edits containers; see ``accelerators/oci_defects.py``."""

    mode: str

    def inject(self, lab: Lab) -> None:
        """Add the mode on every node."""
        for node in lab.nodes:
            runtime = accelerators.runtime(node)
            runtime.break_with([*(m for m in runtime.modes if m != self.mode), self.mode])

    def revert(self, lab: Lab) -> None:
        """Take the mode away; the others stay."""
        for node in lab.nodes:
            runtime = accelerators.runtime(node)
            runtime.break_with([m for m in runtime.modes if m != self.mode])


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatorDown:
    """The DRA driver or device plugin of every node is stopped."""

    def inject(self, lab: Lab) -> None:
        """Stop them."""
        stop_allocators(lab)

    def revert(self, lab: Lab) -> None:
        """Start them and wait until their devices are offered again."""
        restart_allocators(lab)


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingDriver:
    """The driver is told another state file than the containers see."""

    lie: Callable[[Sections], Mapping[str, Mapping[str, str | None]]]
    """From the true sections to the changes that the driver is told."""

    def inject(self, lab: Lab) -> None:
        """Restarts every driver on a changed copy."""
        for node in lab.nodes:
            truth = accelerators.state_file(node, lab.options)
            tell(lab, node).change(self.lie(truth.read()))
        restart_allocators(lab, told=told_state)

    def revert(self, lab: Lab) -> None:
        """Restarts every driver on the truth."""
        restart_allocators(lab)


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingTool:
    """NVML in containers tells something else than the driver knows."""

    changes: Mapping[str, Mapping[str, str]]
    """Section to key to value of the state file."""

    def inject(self, lab: Lab) -> None:
        """Change the state file, which containers have mounted; the driver keeps a true copy."""
        for node in lab.nodes:
            tell(lab, node)
        restart_allocators(lab, told=told_state)
        for node in lab.nodes:
            accelerators.state_file(node, lab.options).change(self.changes)

    def revert(self, lab: Lab) -> None:
        """Take the changed keys away and restart the drivers."""
        undo = {name: dict.fromkeys(values) for name, values in self.changes.items()}
        for node in lab.nodes:
            accelerators.state_file(node, lab.options).change(undo)
        restart_allocators(lab)


def told_state(node: Node) -> Path:
    """The state file that only a node's driver is told."""
    return node.dir / "told-gpus.txt"


def tell(lab: Lab, node: Node) -> StateFile:
    """A copy of the truth for a node's driver alone."""
    shutil.copy(accelerators.state_file(node, lab.options).path, told_state(node))
    return StateFile(told_state(node), node.name)


def stop_allocators(lab: Lab) -> None:
    """Stop every driver and wait until the kubelets have noticed.

    A driver that is back before would be taken for the old one, and lose its registration a moment
    after it seemed to be well.
    """
    for node in lab.nodes:
        for process in accelerators.allocators(node, lab.options):
            lab.stop(process.name)
    for node in lab.nodes:
        await_effect(f"end of the driver of {node.name}", partial(_unknown, lab, node))


def restart_allocators(lab: Lab, *, told: Callable[[Node], Path | None] = lambda _: None) -> None:
    """Start every driver anew, whatever state it is in, and wait for its devices.

    Args:
        told: gives the state file for a node's driver; ``None``: the truth.
    """
    stop_allocators(lab)
    for node in lab.nodes:
        for process in accelerators.allocators(node, lab.options, told=told(node)):
            lab.start(process)
    for node in lab.nodes:
        await_effect(f"devices of {node.name}", partial(_offers_all, lab, node, told(node)))


def await_devices(lab: Lab) -> None:
    """Wait until every node offers all its devices, and those that it has."""
    for node in lab.nodes:
        await_effect(f"devices of {node.name}", partial(_offers_all, lab, node, None))


def _unknown(lab: Lab, node: Node) -> bool:
    return _allocatable(lab, node) == 0 and not _registered(lab, node)


def _offers_all(lab: Lab, node: Node, told: Path | None) -> bool:
    offers = {"device-plugin": _counts_all, "dra": _publishes_all}
    return all(offers[one](lab, node, told) for one in node.mechanisms(lab.options))


def _counts_all(lab: Lab, node: Node, _: Path | None) -> bool:
    if lab.options.mig:  # instances are counted under names of their own
        offered = lab.api.get("v1", "Node", node.name)["status"].get("allocatable", {})
        return any(
            name.startswith("nvidia.com/") and count != "0" for name, count in offered.items()
        )
    return _allocatable(lab, node) == node.gpus(lab.options) * lab.options.shares.replicas


def _publishes_all(lab: Lab, node: Node, told: Path | None) -> bool:
    if lab.options.mig:  # instances are published in the place of GPUs
        return bool(slices_of(lab, node)) and _registered(lab, node)
    vendor = hooks_of(lab.options)
    attribute, key = vendor.IDENTITY
    state = StateFile(told, node.name) if told else vendor.state_file(node, lab.options)
    expected = {
        int(values.get("minor", name[4:])): values[key]
        for name, values in state.read().items()
        if name[:4] == "gpu "
    }
    published = {
        # gpu-MINOR of NVIDIA's driver, gpu-CARD-RENDER of AMD's
        int(device["name"].split("-")[1]): device["attributes"][attribute]["string"]
        for slice_ in slices_of(lab, node)
        for device in slice_["spec"].get("devices") or []
    }
    return published == expected and _registered(lab, node)


def _registered(lab: Lab, node: Node) -> bool:
    """Whether the node's kubelet knows the driver; only its metrics tell."""
    path = lab.api.path("v1", "Node", node.name)
    metrics: str = lab.api.request("GET", f"{path}/proxy/metrics")
    return any(
        line.startswith("plugin_manager_total_plugins{")
        and hooks_of(lab.options).DRIVER_NAME in line
        and 'state="actual_state_of_world"' in line
        for line in metrics.splitlines()
    )


def _allocatable(lab: Lab, node: Node) -> int:
    status = lab.api.get("v1", "Node", node.name)["status"]
    return int(status.get("allocatable", {}).get(lab.options.resource, 0))


def slices_of(lab: Lab, node: Node) -> list[Object]:
    """The ResourceSlices of the vendor's driver on a node."""
    return [
        slice_
        for slice_ in lab.api.list(DRA, "ResourceSlice")
        if slice_["spec"]["driver"] == hooks_of(lab.options).DRIVER_NAME
        and slice_["spec"].get("nodeName") == node.name
    ]


def careless_books(mode: str) -> Meddling:
    """The books of claims are kept badly; see :mod:`.careless_allocator`."""
    return Meddling(
        component="careless-allocator",
        program=careless_allocator.__name__,
        words=(mode,),
        ready=careless_allocator.READY,
    )


HOLDERS_FORGOTTEN = Together(
    parts=(
        Applied(
            objects=tuple(
                rewriting(
                    "holders-forgotten",
                    [rule("resource.k8s.io", ["resourceclaims/status"], ["UPDATE"])],
                    # The controller of claims would note a running pod again.
                    when=(
                        "has(oldObject.status) && has(oldObject.status.allocation) && "
                        "!has(oldObject.status.reservedFor) && "
                        "has(object.status) && has(object.status.reservedFor)"
                    ),
                    patches=['[JSONPatch{op: "remove", path: "/status/reservedFor"}]'],
                )
            )
        ),
        careless_books("forget-pods"),
    )
)
"""Who holds a claim is forgotten once its pod runs, and not noted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompletePools:
    """Every pool says that it has a slice more than there is; the driver sleeps and lets it be."""

    def inject(self, lab: Lab) -> None:
        """Stop the drivers by a signal and edit their slices."""
        for node in lab.nodes:
            for process in accelerators.allocators(node, lab.options):
                lab.pause(process.name)
            self._set_count(lab, node, 2)

    def revert(self, lab: Lab) -> None:
        """Restores the slices and wakes the drivers."""
        for node in lab.nodes:
            self._set_count(lab, node, 1)
        restart_allocators(lab)

    def _set_count(self, lab: Lab, node: Node, count: int) -> None:
        for slice_ in slices_of(lab, node):
            pool = {
                "resourceSliceCount": count,
                "generation": slice_["spec"]["pool"]["generation"] + 1,
            }
            name = slice_["metadata"]["name"]
            lab.api.patch(DRA, "ResourceSlice", name, {"spec": {"pool": pool}})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiNotServed:
    """The API server runs without one version of one group."""

    group: str
    version: str

    def inject(self, lab: Lab) -> None:
        """Restarts it without; it answers, but misses the API itself and is never ready."""
        lab.restart("kube-apiserver", [f"--runtime-config={self.group}/{self.version}=false"])
        await_effect(
            "the API server's flags", lambda: serves(lab, self.group, self.version) is False
        )

    def revert(self, lab: Lab) -> None:
        """Restarts it as it was, and those who by now ask it only now and then."""
        lab.restart("kube-apiserver")
        lab.await_healthy("kube-apiserver")
        for name in ("kube-scheduler", "kube-controller-manager"):
            lab.restart(name)
            lab.await_healthy(name)
        restart_allocators(lab)


def release_claims(lab: Lab) -> None:
    """Wakes the control plane to free the claims whose release was refused until now.

    It retries by itself, but ever more slowly; any change of a claim makes it look at once.
    """
    for claim in lab.api.list(DRA, "ResourceClaim"):
        metadata = claim["metadata"]
        touched = {"metadata": {"annotations": {"aicr-lab/healed": metadata["resourceVersion"]}}}
        lab.api.patch(DRA, "ResourceClaim", metadata["name"], touched, metadata["namespace"])
    await_effect("the release of claims", lambda: not _ownerless(lab))


def _ownerless(lab: Lab) -> list[str]:
    """Claims that are allocated and that nobody uses."""
    return [
        claim["metadata"]["name"]
        for claim in lab.api.list(DRA, "ResourceClaim")
        if claim.get("status", {}).get("allocation") and not claim["status"].get("reservedFor")
    ]
