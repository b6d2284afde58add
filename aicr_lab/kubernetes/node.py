"""A node of the lab: its place, its names, and how to run something in it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.machine.cgroups import Cgroups
from aicr_lab.machine.namespaces import Namespaces
from aicr_lab.options import LabOptions, Mechanism


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node. All paths below ``dir`` are the same inside and outside of the node.

    Inside it, ``kubelet_root`` is also ``/var/lib/kubelet``, ``cdi_dir`` is also ``/var/run/cdi``
    and ``/etc/cdi`` is not looked at; ``/run`` is private.
    """

    name: str
    index: int
    dir: Path
    """State of this node."""
    init: Path
    """The program ``aicr-init``."""
    cgroups: Cgroups

    @property
    def ip(self) -> str:
        """Address of the node in the lab's network."""
        return f"10.200.0.{10 + self.index}"

    @property
    def pod_cidr(self) -> str:
        """Addresses of its pods."""
        return f"10.244.{self.index}.0/24"

    @property
    def kubelet_root(self) -> Path:
        """kubelet's root directory (plugins, plugins_registry, device-plugins, pods)."""
        return self.dir / "kubelet"

    @property
    def cdi_dir(self) -> Path:
        """Where containerd looks for CDI specifications."""
        return self.dir / "cdi"

    @property
    def driver_root(self) -> Path:
        """The accelerator driver's root: libraries, tools, device nodes."""
        return self.dir / "driver"

    @property
    def log_dir(self) -> Path:
        """Logs of the node's components."""
        return self.dir / "logs"

    @property
    def kubeconfig(self) -> Path:
        """Credentials of the node's kubelet (``system:node:<name>``)."""
        return self.dir / "kubelet.kubeconfig"

    @property
    def namespaces(self) -> Namespaces:
        """The node's own namespaces, inside the lab's."""
        return Namespaces(
            init=self.init,
            # Beside the node's directory, which its pods may write: whom it names is entered.
            record=self.dir.with_name(f"{self.name}.json"),
            cgroups=self.cgroups.procs(self.name, "system"),
            cgroup_roots=self.cgroups.procs(self.name) if self.cgroups.namespaced else (),
            fenced=True,
        )

    @property
    def cgroup_root(self) -> str:
        """The group below which its pods are, as the node sees it."""
        return "/" if self.cgroups.namespaced else self.cgroups.path(self.name)

    def mechanisms(self, options: LabOptions) -> tuple[Mechanism, ...]:
        """By what this node hands out accelerators: one of them, or both at once."""
        match options.allocation:
            case "both":
                return ("dra", "device-plugin")
            case "mixed":
                return ("device-plugin",) if self.index == options.nodes - 1 else ("dra",)
            case one:
                return (one,)

    def gpus(self, options: LabOptions) -> int:
        """How many accelerators this node has."""
        return options.gpus_of(self.index)

    def run(self, argv: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program in the node to its end, as root."""
        return self.namespaces.run(argv, check=check)
