"""Models of simulated GPUs, as data: what NVML says about each."""

import hashlib
import uuid
from dataclasses import dataclass

from aicr_lab.errors import LabError

# A name space of ours, so that a node's GPUs keep their UUIDs from one lab to the next.
IDENTITIES = uuid.UUID("6f7ad3b6-0c4b-5d0e-9a53-2a0f3f1f9d4e")

# Where the GPUs of an eight-GPU board sit: PCI root and bus, as on common servers.
_PCI_SLOTS = (
    ("15", "18"), ("26", "2a"), ("37", "3a"), ("48", "5d"),
    ("97", "9a"), ("a7", "ab"), ("b7", "ba"), ("c7", "db"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProfile:
    """A model of GPU and the driver it comes with."""

    product: str
    architecture: str
    """As ``nvml.c`` knows it, lower case."""
    compute_capability: str
    memory_mib: int
    power_limit_w: int
    idle_power_w: int
    pci_device: str
    """Device and vendor id, eight hex digits."""
    pci_subsystem: str
    vbios: str
    guest: bool = False
    """Whether it is a virtual one: it has no sensors of its own but those of its work."""
    driver_version: str = "580.126.20"
    cuda_version: str = "13.0"


PROFILES = {
    "h100": GpuProfile(
        product="NVIDIA H100 80GB HBM3",
        architecture="hopper",
        compute_capability="9.0",
        memory_mib=81559,
        power_limit_w=700,
        idle_power_w=70,
        pci_device="233010DE",
        pci_subsystem="16C110DE",
        vbios="96.00.89.00.01",
    ),
    "a100": GpuProfile(
        product="NVIDIA A100-SXM4-80GB",
        architecture="ampere",
        compute_capability="8.0",
        memory_mib=81920,
        power_limit_w=400,
        idle_power_w=60,
        pci_device="20B210DE",
        pci_subsystem="146310DE",
        vbios="92.00.45.00.03",
    ),
    "vgpu": GpuProfile(
        product="GRID A100-10C",
        architecture="ampere",
        compute_capability="8.0",
        memory_mib=10240,
        power_limit_w=0,
        idle_power_w=0,
        pci_device="20B010DE",
        pci_subsystem="14F110DE",
        vbios="00.00.00.00.00",
        guest=True,
    ),
}


def profile_named(name: str) -> GpuProfile:
    """The profile of that name, or an error that lists what there is."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(sorted(PROFILES))
        raise LabError(f"--gpu-profile {name}: no such profile", hint=f"one of {known}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One simulated GPU of one node."""

    index: int
    """Number on the node; also the minor of its device node."""
    uuid: str
    """In NVIDIA's form, ``GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx``; no two nodes share one."""
    serial: str
    """Thirteen digits."""
    pci_address: str
    """``domain:bus:device.function`` as in sysfs."""
    pci_root: str
    """The root complex above it, e.g. ``pci0000:15``."""


def gpus_of(node: str, count: int) -> list[Gpu]:
    """The GPUs of a node; the same names give the same GPUs."""
    return [_gpu(node, index) for index in range(count)]


def _gpu(node: str, index: int) -> Gpu:
    # More GPUs than slots: the next board is in the next PCI domain.
    board, slot = divmod(index, len(_PCI_SLOTS))
    root, bus = _PCI_SLOTS[slot]
    digest = hashlib.sha256(f"{node}/{index}".encode()).hexdigest()
    return Gpu(
        index=index,
        uuid=f"GPU-{uuid.uuid5(IDENTITIES, f'{node}/{index}')}",
        serial=f"165{int(digest[:12], 16) % 10**10:010d}",
        pci_address=f"{board:04x}:{bus}:00.0",
        pci_root=f"pci{board:04x}:{root}",
    )
