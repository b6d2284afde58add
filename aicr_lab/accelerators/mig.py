"""Partitioned GPUs: the instances that an administrator has made before the driver starts.

Each of the GPUs that are partitioned has all the instances of the smallest profile. As with the
real driver an instance is opened by the GPU's device node and by capability nodes of its own, whose
numbers the driver tells below ``/proc/driver``.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.accelerators.devices import DeviceNode
from aicr_lab.accelerators.profiles import IDENTITIES, Gpu

PROFILE = "1g.10gb"
"""Of all instances; ``c/mig.h`` has its shape."""
MEMORY_MIB = 9856
PER_GPU = 7
RESOURCE = f"nvidia.com/mig-{PROFILE}"
"""As which NVIDIA's device plugin counts them by its strategy ``mixed``."""
_FIRST_ID = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One GPU instance with its one compute instance."""

    gpu: int
    """Number of the GPU on its node."""
    id: int
    """Of the GPU instance; that of the compute instance is 0."""
    uuid: str
    """In NVIDIA's form, ``MIG-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx``."""

    @property
    def accesses(self) -> dict[str, int]:
        """Where the driver tells a capability, below that of all GPUs → minor of its node."""
        minor = 3 + self.gpu * 135 + self.id * 9  # as in /proc/driver/nvidia-caps/mig-minors
        where = f"gpu{self.gpu}/mig/gi{self.id}"
        return {f"{where}/access": minor, f"{where}/ci0/access": minor + 1}


def instances_of(gpus: Iterable[Gpu]) -> list[Instance]:
    """The instances of GPUs that are partitioned; the same GPUs have the same ones."""
    return [
        Instance(
            gpu=gpu.index,
            id=number,
            uuid=f"MIG-{uuid.uuid5(IDENTITIES, f'{gpu.uuid}/{number}')}",
        )
        for gpu in gpus
        for number in range(_FIRST_ID, _FIRST_ID + PER_GPU)
    ]


def capability_nodes(instances: Iterable[Instance], major: int) -> list[DeviceNode]:
    """The device nodes by which instances are opened."""
    minors = [minor for one in instances for minor in one.accesses.values()]
    return [
        DeviceNode(name=f"nvidia-caps/nvidia-cap{minor}", major=major, minor=minor)
        for minor in minors
    ]


def write_proc(directory: Path, instances: Sequence[Instance], major: int) -> None:
    """Write what stands for ``/proc/driver``, and for ``/proc/devices`` beside it."""
    lines = []
    for instance in instances:
        for where, minor in instance.accesses.items():
            path = directory / "nvidia/capabilities" / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
            lines.append(f"{where.replace('/mig/', '/')} {minor}\n")
    (directory / "nvidia-caps").mkdir(parents=True, exist_ok=True)
    (directory / "nvidia-caps/mig-minors").write_text("".join(lines))
    proc_devices(directory).write_text(
        f"Character devices:\n{major:3} nvidia-caps\n\nBlock devices:\n"
    )


def proc_devices(directory: Path) -> Path:
    """What stands for ``/proc/devices``, which nobody may write."""
    return directory / "devices"
