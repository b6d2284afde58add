"""The text file that decides what the simulated GPUs of a node look like.

``c/state.h`` describes the format and reads it. The file is bind-mounted into containers, so it is
rewritten in place, never replaced: a new inode would leave running containers with the old truth.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aicr_lab.accelerators.mig import MEMORY_MIB, Instance
from aicr_lab.accelerators.profiles import Gpu, GpuProfile

Sections = dict[str, dict[str, str]]
"""Section name (``driver``, ``profile``, ``gpu 3``) to key to value."""

_HEAD = """\
# What NVML and nvidia-smi say about the simulated GPUs of {node}. Read at every call: edit and see.
"""


def describe(
    profile: GpuProfile, gpus: Sequence[Gpu], instances: Sequence[Instance] = ()
) -> Sections:
    """The sections of a healthy, idle node.

    Args:
        instances: of the GPUs that are partitioned.
    """
    sections: Sections = {
        "driver": {"version": profile.driver_version, "cuda": profile.cuda_version},
        "profile": {
            "name": profile.product,
            "architecture": profile.architecture,
            "compute capability": profile.compute_capability,
            "memory": str(profile.memory_mib),
            "power limit mw": str(profile.power_limit_w * 1000),
            "pci device": profile.pci_device,
            "pci subsystem": profile.pci_subsystem,
            "vbios": profile.vbios,
            **({"guest": "yes"} if profile.guest else {}),
        },
    }
    for gpu in gpus:
        sections[f"gpu {gpu.index}"] = {
            "uuid": gpu.uuid,
            "serial": gpu.serial,
            "minor": str(gpu.index),
            "pci": gpu.pci_address,
            "utilization": "0",
            "memory utilization": "0",
            "memory used": "0",
            "temperature": "31",
            "power mw": str(profile.idle_power_w * 1000),
        }
    if instances:
        sections["profile"]["mig memory"] = str(MEMORY_MIB)
    for one in instances:
        sections[f"gpu {one.gpu}"][f"mig {one.id}"] = one.uuid
    return sections


def render(node: str, sections: Sections) -> str:
    """The file's text."""
    lines = [_HEAD.format(node=node)]
    for name, values in sections.items():
        lines.append(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))
    return "\n".join(lines)


def parse(text: str) -> Sections:
    """The sections of a file's text; comments are dropped."""
    sections: Sections = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1], {})
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            current[key.strip()] = value.strip()
    return sections


class StateFile:
    """The state file of one node."""

    def __init__(self, path: Path, node: str) -> None:
        self.path = path
        self.node = node

    def write(self, sections: Sections) -> None:
        """Make the file, or rewrite it in place."""
        with self._locked() as descriptor:
            self._overwrite(descriptor, sections)

    def read(self) -> Sections:
        """What the file says now."""
        with self._locked() as descriptor:
            return parse(os.pread(descriptor, 1 << 20, 0).decode())

    def change(self, changes: Mapping[str, Mapping[str, str | None]]) -> None:
        """Set values by section and key; ``None`` removes a key. No change, no write."""
        with self._locked() as descriptor:
            before = parse(os.pread(descriptor, 1 << 20, 0).decode())
            after = {name: dict(values) for name, values in before.items()}
            for name, values in changes.items():
                section = after.setdefault(name, {})
                for key, value in values.items():
                    if value is None:
                        section.pop(key, None)
                    else:
                        section[key] = value
            if after != before:
                self._overwrite(descriptor, after)

    def _overwrite(self, descriptor: int, sections: Sections) -> None:
        text = render(self.node, sections).encode()
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        # 0644: processes of any user read it inside their containers.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(descriptor, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
