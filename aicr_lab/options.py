"""What a lab is made with."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aicr_lab.errors import LabError

Allocation = Literal["dra", "device-plugin", "mixed", "both"]
ALLOCATIONS: tuple[Allocation, ...] = ("dra", "device-plugin", "mixed", "both")
Mechanism = Literal["dra", "device-plugin"]
Vendor = Literal["nvidia", "amd"]
VENDORS: tuple[Vendor, ...] = ("nvidia", "amd")

DEVICE_IDS = ("uuid", "index")
"""What NVIDIA's device plugin may call devices in what it tells the runtime."""

EMULATED = ("1.34", "1.35", "1.36")
"""Versions as which the control plane can behave: the three before its own."""
MIG_STRATEGIES = ("mixed", "single")
"""How NVIDIA's device plugin may count MIG instances."""

_SHARING = re.compile(
    r"(?P<strategy>time-slicing|mps)=(?P<replicas>[2-9]|1[0-6])(?P<renamed>,renamed)?"
)
SHARING_FORM = "none, time-slicing=N or mps=N with N from 2 to 16; with ,renamed behind it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How the device plugin shares devices."""

    strategy: Literal["none", "time-slicing", "mps"] = "none"
    replicas: int = 1
    """Units that each device gives."""
    renamed: bool = False
    """Whether they are counted under a name of their own."""

    @classmethod
    def parse(cls, text: str) -> "Sharing":
        """What ``--sharing`` says."""
        if text == "none":
            return cls()
        if not (found := _SHARING.fullmatch(text)):
            raise LabError(f"--sharing {text}: no such sharing", hint=SHARING_FORM)
        return cls(
            strategy="mps" if found["strategy"] == "mps" else "time-slicing",
            replicas=int(found["replicas"]),
            renamed=bool(found["renamed"]),
        )

    @property
    def resource(self) -> str:
        """The extended resource under which the units are counted."""
        return "nvidia.com/gpu.shared" if self.renamed else "nvidia.com/gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """What a lab is made with; a running lab keeps the options it was started with."""

    nodes: int = 2
    """Number of nodes, 1 to 9."""
    gpus: int | tuple[int, ...] = 8
    """Accelerators per node; several numbers: of each node, the last one of all that follow."""
    vendor: Vendor = "nvidia"
    """Whose accelerators: NVIDIA's own programs hand them out, or stand-ins of ours AMD's."""
    gpu_profile: str = "h100"
    """Which of NVIDIA's accelerators are simulated."""
    allocation: Allocation = "dra"
    """How they are handed out; ``mixed``: the device plugin on the last node, DRA on the others;
    ``both``: DRA and the device plugin on every node, which offers the same devices twice."""
    sharing: str = "none"
    """How the device plugin shares them, as ``Sharing.parse`` reads it."""
    device_ids: str = "uuid"
    """What the device plugin calls them for the runtime; kubelet is told UUIDs in any case."""
    feature_discovery: bool = True
    """Whether nodes have the labels of NVIDIA's GPU feature discovery."""
    mig: int = 0
    """How many accelerators of each node are partitioned into MIG instances."""
    mig_strategy: str = "mixed"
    """How the device plugin counts instances: by their profile, or as if they were devices."""
    emulate: str = ""
    """The older Kubernetes as which the control plane behaves, e.g. ``1.35``; empty: as itself."""
    virtual_node: bool = False
    """Whether a node without a kubelet offers accelerators, too."""
    port: int = 0
    """Port of the API server on the host's 127.0.0.1; 0: any free one."""
    addons: tuple[str, ...] = ()
    """Products beside Kubernetes, by their names in ``aicr_lab.addons``."""
    fast: bool = False
    """Metrics and autoscaling look every second or two, instead of as seldom as by default."""

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= 9:
            raise LabError(f"--nodes {self.nodes}: a lab has 1 to 9 nodes")
        counts = [self.gpus] if isinstance(self.gpus, int) else self.gpus
        if not counts or not all(0 <= count <= 16 for count in counts):
            raise LabError(f"--gpus {_words(self.gpus)}: a node has 0 to 16 accelerators")
        if len(counts) > self.nodes:
            raise LabError(f"--gpus {_words(self.gpus)}: there are only {self.nodes} nodes")
        if self.vendor not in VENDORS:
            raise LabError(f"--vendor {self.vendor}: one of {', '.join(VENDORS)}")
        if self.vendor != "nvidia" and (self.sharing != "none" or self.device_ids != "uuid"):
            raise LabError("--sharing and --device-ids are of NVIDIA's device plugin")
        if self.allocation not in ALLOCATIONS:
            raise LabError(f"--allocation {self.allocation}: one of {', '.join(ALLOCATIONS)}")
        if self.allocation == "mixed" and self.nodes < 2:
            raise LabError("--allocation mixed needs two nodes: one mechanism per node")
        if self.device_ids not in DEVICE_IDS:
            raise LabError(f"--device-ids {self.device_ids}: one of {', '.join(DEVICE_IDS)}")
        if self.emulate and self.emulate not in EMULATED:
            raise LabError(f"--emulate {self.emulate}: one of {', '.join(EMULATED)}")
        if self.mig_strategy not in MIG_STRATEGIES:
            raise LabError(
                f"--mig-strategy {self.mig_strategy}: one of {', '.join(MIG_STRATEGIES)}"
            )
        self._check_mig(min(counts))
        shared = self.shares.strategy != "none"
        if self.allocation == "dra" and (shared or self.device_ids != "uuid"):
            raise LabError(
                "--sharing and --device-ids are the device plugin's",
                hint="--allocation device-plugin, mixed or both",
            )

    def _check_mig(self, gpus: int) -> None:
        if not 0 <= self.mig <= gpus:
            raise LabError(f"--mig {self.mig}: a node has {gpus} accelerators")
        if self.mig and self.model != "h100":
            raise LabError(f"--mig {self.mig}: of --gpu-profile h100 alone")
        if self.mig and self.shares.strategy != "none":
            raise LabError("--mig and --sharing: one of them")
        if self.mig and self.mig_strategy == "single" and self.mig != gpus:
            raise LabError(f"--mig-strategy single: then all are partitioned: --mig {gpus}")

    @property
    def model(self) -> str:
        """Which accelerators are simulated, in a word."""
        return "mi300x" if self.vendor == "amd" else self.gpu_profile

    @property
    def resource(self) -> str:
        """The extended resource that the device plugin counts."""
        return "amd.com/gpu" if self.vendor == "amd" else self.shares.resource

    @property
    def shares(self) -> Sharing:
        """How the device plugin shares devices."""
        return Sharing.parse(self.sharing)

    def gpus_of(self, index: int) -> int:
        """Accelerators of a node, by its number."""
        if isinstance(self.gpus, int):
            return self.gpus
        return self.gpus[min(index, len(self.gpus) - 1)]

    def command_line(self) -> str:
        """The options as ``up`` takes them; of those that are seldom given what is not default."""
        always = ("nodes", "gpus", "gpu_profile", "allocation", "port")
        words = []
        for field in dataclasses.fields(self):
            value, name = getattr(self, field.name), field.name.replace("_", "-")
            if field.name == "addons":
                words.append(f"--addons {','.join(self.addons) or 'core'}")
            elif isinstance(value, bool):
                words += [] if value is field.default else [f"--{'' if value else 'no-'}{name}"]
            elif field.name in always or value != field.default:
                words.append(f"--{name} {_words(value)}")
        return " ".join(words)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LabOptions":
        """Options of a record; keys of a newer version are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
            if key in known
        }
        return cls(**given)


def _words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
