"""Whose accelerators a lab has: the module that gives a node those of its vendor."""

from typing import Protocol

from aicr_lab.accelerators import amd
from aicr_lab.accelerators import node as nvidia
from aicr_lab.accelerators.state_file import StateFile
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.machine.processes import Process
from aicr_lab.options import LabOptions, Vendor


class Hooks(Protocol):
    """What a vendor's module has."""

    DRIVER_NAME: str
    """Name of the DRA driver."""
    IDENTITY: tuple[str, str]
    """What tells its devices: an attribute in slices, and the same as a key of the state file."""

    def state_file(self, node: Node, options: LabOptions) -> StateFile:
        """What the GPUs of a node look like."""

    def prepare(self, node: Node, options: LabOptions) -> None:
        """Make what stands for hardware and driver; before containerd starts."""

    def processes(self, node: Node, options: LabOptions) -> list[Process]:
        """The programs that hand the node's GPUs out, and who decides how busy they look."""

    def labels(self, node: Node, options: LabOptions) -> dict[str, str]:
        """Node labels that the vendor's software would set."""

    def manifests(self, options: LabOptions) -> list[Object]:
        """What an administrator would install once per cluster."""


_HOOKS: dict[Vendor, Hooks] = {"nvidia": nvidia, "amd": amd}


def hooks_of(options: LabOptions) -> Hooks:
    """The hooks of a lab's vendor."""
    return _HOOKS[options.vendor]
