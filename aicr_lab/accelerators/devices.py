"""Device nodes that look like NVIDIA's and have no driver behind them."""

import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.errors import HostUnfit

# NVIDIA's own major first; then those that the kernel keeps for local use, which no driver claims.
_MAJORS = (195, 120, 121, 122, 123, 124, 125, 126, 127, 60, 61, 62, 63)

_CONTROL_MINOR = 255
"""Minor of nvidiactl, as with the real driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Majors:
    """Major numbers of the simulated devices; no driver of this host has them."""

    gpu: int
    """nvidia0 … and nvidiactl."""
    uvm: int
    """nvidia-uvm and nvidia-uvm-tools."""
    caps: int
    """nvidia-caps/nvidia-cap66 …: by which parts of GPUs are opened."""


def free_majors(proc_devices: str) -> Majors:
    """Pick majors that this host gives to nobody.

    With NVIDIA's driver on the host, 195 would reach real GPUs.

    Args:
        proc_devices: the text of ``/proc/devices``.
    """
    characters = proc_devices.split("Block devices:")[0]
    taken = {int(number) for number in re.findall(r"^\s*(\d+) ", characters, re.MULTILINE)}
    free = [major for major in _MAJORS if major not in taken]
    if len(free) < 3:
        raise HostUnfit("/proc/devices leaves no major number for simulated GPUs")
    return Majors(gpu=free[0], uvm=free[1], caps=free[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNode:
    """A character device node."""

    name: str
    """Its name under ``/dev``."""
    major: int
    minor: int


def device_nodes(majors: Majors, gpus: int) -> list[DeviceNode]:
    """All nodes of a machine with that many GPUs: the GPUs first, then what they share."""
    return [
        *(DeviceNode(name=f"nvidia{i}", major=majors.gpu, minor=i) for i in range(gpus)),
        DeviceNode(name="nvidiactl", major=majors.gpu, minor=_CONTROL_MINOR),
        DeviceNode(name="nvidia-uvm", major=majors.uvm, minor=0),
        DeviceNode(name="nvidia-uvm-tools", major=majors.uvm, minor=1),
    ]


def make_nodes(directory: Path, nodes: list[DeviceNode]) -> None:
    """Make the nodes, readable and writable by all, as NVIDIA's are."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    for node in nodes:
        path = directory / node.name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(node.major, node.minor))
        path.chmod(0o666)
    if nodes:
        _check_openable(directory / nodes[0].name)


def _check_openable(path: Path) -> None:
    # ENXIO is what a node without driver answers; EACCES comes from a file system mounted nodev.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError as error:
        raise HostUnfit(
            f"device nodes do not work in {path.parent}: {error.strerror}",
            hint="set AICR_LAB_HOME to a directory on a file system mounted without nodev",
        ) from None
    except OSError:
        return
    raise HostUnfit(
        f"{path} opens: its major number belongs to a driver of this host",
        hint="unload that driver, or report the text of /proc/devices",
    )
