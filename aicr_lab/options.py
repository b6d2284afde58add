"""What a lab is made with."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aicr_lab.errors import LabError

Allocation = Literal["dra", "device-plugin", "mixed"]
ALLOCATIONS: tuple[Allocation, ...] = ("dra", "device-plugin", "mixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """What a lab is made with; a running lab keeps the options it was started with."""

    nodes: int = 2
    """Number of nodes, 1 to 9."""
    gpus: int = 8
    """Accelerators per node."""
    gpu_profile: str = "h100"
    """Which accelerators are simulated."""
    allocation: Allocation = "dra"
    """How they are handed out; ``mixed``: the device plugin on the last node, DRA on the others."""
    port: int = 0
    """Port of the API server on the host's 127.0.0.1; 0: any free one."""
    addons: tuple[str, ...] = ()
    """Products beside Kubernetes, by their names in ``aicr_lab.addons``."""
    fast: bool = False
    """Metrics and autoscaling look every second or two, instead of as seldom as by default."""

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= 9:
            raise LabError(f"--nodes {self.nodes}: a lab has 1 to 9 nodes")
        if not 0 <= self.gpus <= 16:
            raise LabError(f"--gpus {self.gpus}: a node has 0 to 16 accelerators")
        if self.allocation not in ALLOCATIONS:
            raise LabError(f"--allocation {self.allocation}: one of {', '.join(ALLOCATIONS)}")
        if self.allocation == "mixed" and self.nodes < 2:
            raise LabError("--allocation mixed needs two nodes: one mechanism per node")

    def command_line(self) -> str:
        """The options as ``up`` takes them."""
        words = [
            f"--{name} {getattr(self, name.replace('-', '_'))}"
            for name in ("nodes", "gpus", "gpu-profile", "allocation", "port")
        ]
        words.append(f"--addons {','.join(self.addons) or 'core'}")
        return " ".join([*words, "--fast"] if self.fast else words)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LabOptions":
        """Options of a record; keys of a newer version are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        given = {key: value for key, value in values.items() if key in known}
        return cls(**{**given, "addons": tuple(given.get("addons", ()))})
