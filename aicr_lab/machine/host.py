"""What the lab needs of the machine that it runs on; programs are in :mod:`.needs`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from aicr_lab.errors import HostUnfit
from aicr_lab.needs import Say, consent

_STATE_BYTES = 2 * 2**30
_MEMORY_BYTES = 1200 * 2**20


def require_root() -> None:
    """Refuses to go on without root."""
    if os.geteuid() != 0:
        raise HostUnfit(
            "the lab needs root: it makes namespaces, mounts and cgroups of its own",
            hint=f"sudo {sys.executable} -m aicr_lab …",
        )


def require_linux(say: Say, proc: Path = Path("/proc")) -> None:
    """Refuses a machine whose kernel lacks what can be told from ``/proc``.

    A module for overlays is loaded where the kernel has none yet, after a word or a question.
    """
    if not sys.platform.startswith("linux"):
        raise HostUnfit(f"the lab runs on Linux, not on {sys.platform}")
    for namespace in ("pid", "mnt", "net", "uts", "ipc"):
        if not (proc / "self" / "ns" / namespace).exists():
            raise HostUnfit(f"the kernel has no {namespace} namespaces")
    if "overlay" not in filesystems(proc):
        command = ["modprobe", "overlay"]
        consent(
            "the kernel has no overlay file system yet, on which containers stand",
            "Load its module 'overlay'? It stays until the machine restarts.",
            " ".join(command),
        )
        say("loading the kernel module 'overlay'")
        subprocess.run(command, capture_output=True, check=False)
        if "overlay" not in filesystems(proc):
            raise HostUnfit(
                "the kernel has no overlay file system", hint="load the module 'overlay'"
            )


def filesystems(proc: Path) -> set[str]:
    """Kinds of file systems that the kernel knows by now."""
    return {line.split()[-1] for line in (proc / "filesystems").read_text().splitlines()}


def require_resources(state: Path, meminfo: Path = Path("/proc/meminfo")) -> None:
    """Refuses a full disk or too little memory before anything is started."""
    place = next(path for path in (state, *state.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < _STATE_BYTES:
        raise HostUnfit(
            f"{place} has {free / 2**30:.1f} GB free, a lab needs {_STATE_BYTES >> 30} GB",
            hint="free some space, or set AICR_LAB_HOME to a larger disk",
        )
    available = next(
        int(line.split()[1]) * 1024
        for line in meminfo.read_text().splitlines()
        if line.startswith("MemAvailable:")
    )
    if available < _MEMORY_BYTES:
        raise HostUnfit(
            f"{available / 2**30:.1f} GB of memory are available, a lab needs "
            f"{_MEMORY_BYTES / 2**30:.1f} GB"
        )


def snapshotter(directory: Path, mountinfo: str) -> str:
    """containerd's snapshotter for a directory: overlays cannot lie on an overlay."""
    best, kind = "", ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        place = left.split()[4]
        # The last of several mounts on one place is the one that is seen.
        if directory.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, right.split()[0]
    return "native" if kind == "overlay" else "overlayfs"


# What kube-proxy starts with: a table, and a chain that translates addresses.
NFT_PROBE = """\
add table ip aicr_probe
add chain ip aicr_probe nat { type nat hook prerouting priority 0 ; }
delete table ip aicr_probe
"""
