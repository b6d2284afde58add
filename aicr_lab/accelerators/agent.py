"""Decides how busy the simulated GPUs of a node look: one process per node.

A workload that keeps its GPU busy says so in a heartbeat file of its container
(``c/gpu_workload.c``). The agent believes it while the file is fresh and the container really holds
that GPU, and writes utilization, memory, temperature and power into the node's state file, from
where every exporter and nvidia-smi, in and outside of containers, gets them.
"""

import argparse
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from aicr_lab.accelerators.state_file import StateFile

_PART = re.compile(r"mig \d+")
"""Key of a GPU's section that names an instance of it."""
_HEARTBEATS = "dev/shm/aicr-lab-gpu-load-*"
_NODES = ("dev/nvidia{}", "dev/dri/card{}")
"""Device nodes of a GPU, by its number: one of either vendor."""
_FRESH = 3.0
"""Seconds for which a heartbeat counts; it is renewed every half second."""
_EVERY = 1.0
"""Seconds between two looks."""

_IDLE_CELSIUS, _BUSY_CELSIUS = 31, 68
_MEMORY_SHARE = 0.6
"""Part of a busy GPU's memory that is in use."""


def loads(proc: Path, now: float) -> dict[tuple[int, int], int]:
    """(GPU, instance of it or 0) to load in percent, of every heartbeat that can be believed.

    Args:
        proc: ``/proc`` of the node's PID namespace.
        now: seconds since the epoch, as file times are.
    """
    found: dict[tuple[int, int], int] = {}
    for root, heartbeat in _heartbeats(proc):
        try:
            if now - heartbeat.stat().st_mtime > _FRESH:
                continue
            gpu, load, part = (int(word) for word in heartbeat.read_text().split())
            if any(_is_device(root / node.format(gpu)) for node in _NODES):
                found[gpu, part] = max(found.get((gpu, part), 0), min(100, max(0, load)))
        except (OSError, ValueError):
            continue  # no heartbeat, half a one, a container that just ended, or no such device
    return found


def _is_device(path: Path) -> bool:
    return path.exists() and stat.S_ISCHR(path.stat().st_mode)


def _heartbeats(proc: Path) -> Iterator[tuple[Path, Path]]:
    """Each container's root with what is said there; the containers of a pod share ``/dev/shm``."""
    for root in _container_roots(proc):
        try:
            yield from [(root, heartbeat) for heartbeat in root.glob(_HEARTBEATS)]
        except OSError:
            continue  # it ended meanwhile


def _container_roots(proc: Path) -> Iterator[Path]:
    """One root per mount namespace: the processes of a container share it."""
    seen = set()
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            namespace = (process / "ns" / "mnt").stat().st_ino
        except OSError:
            continue  # it ended meanwhile
        if namespace not in seen:
            seen.add(namespace)
            yield process / "root"


def readings(load: int, *, memory_mib: int, idle_mw: int, limit_mw: int) -> dict[str, str]:
    """What a GPU under a load shows; 0 is idle."""
    return {
        "utilization": str(load),
        "memory utilization": str(load // 2),
        "memory used": str(round(memory_mib * _MEMORY_SHARE) if load else 0),
        "temperature": str(_IDLE_CELSIUS + (_BUSY_CELSIUS - _IDLE_CELSIUS) * load // 100),
        "power mw": str(idle_mw + (limit_mw - idle_mw) * load // 100),
    }


def look_once(state: StateFile, proc: Path, now: float, *, idle_mw: int) -> None:
    """Brings the state file up to date; a file that is right already is not written."""
    busy = loads(proc, now)
    sections = state.read()
    profile = sections.get("profile", {})
    changes = {}
    for name in sections:
        if not name.startswith("gpu "):
            continue
        number = int(name.removeprefix("gpu "))
        parts = {key: int(key.split()[1]) for key in sections[name] if _PART.fullmatch(key)}
        shares = [busy.get((number, part), 0) for part in parts.values()]
        changes[name] = readings(
            sum(shares) // len(shares) if shares else busy.get((number, 0), 0),
            memory_mib=int(profile.get("memory", 0)),
            idle_mw=idle_mw,
            limit_mw=int(profile.get("power limit mw", 0)),
        )
        for key, load in zip(parts, shares, strict=True):
            used = round(int(profile.get("mig memory", 0)) * _MEMORY_SHARE) if load else 0
            changes[name] |= {f"{key} utilization": str(load), f"{key} memory used": str(used)}
    state.change(changes)


def main() -> None:
    """Look every second, for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--idle-mw", type=int, required=True)
    options = parser.parse_args()
    state = StateFile(options.state, options.node)
    while True:
        look_once(state, Path("/proc"), time.time(), idle_mw=options.idle_mw)
        time.sleep(_EVERY)


if __name__ == "__main__":
    main()
