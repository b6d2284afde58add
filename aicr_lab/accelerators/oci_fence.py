"""Keeps privileged containers from changing the machine's settings by mistake.

containerd gives an unprivileged container read-only views of what belongs to the machine, and a
privileged one none of them. A privileged pod of the lab is root on a node that is not a machine: it
may do to its node and its network what it likes, and gets read-only views of the rest. It is no
wall: whoever mounts /proc anew, as a privileged container can, is outside.

Run by the runtime's wrapper as a script of its own; it imports nothing of ours.
"""

import json
import sys
from pathlib import Path
from typing import Any

READ_ONLY = (
    # All but /proc/sys/net, which belongs to the network namespace.
    *(f"/proc/sys/{name}" for name in ("abi", "debug", "dev", "fs", "kernel", "user", "vm")),
    *("/proc/sysrq-trigger", "/proc/irq", "/proc/bus"),
)


def fence(config: dict[str, Any]) -> None:
    """Add the read-only views to the configuration of an OCI container."""
    linux = config.setdefault("linux", {})
    paths = linux.get("readonlyPaths") or []
    linux["readonlyPaths"] = [*paths, *(path for path in READ_ONLY if path not in paths)]
    for mount in config.get("mounts") or []:
        if mount.get("type") == "sysfs":
            options = [each for each in mount.get("options") or [] if each != "rw"]
            mount["options"] = [*options, "ro"] if "ro" not in options else options


def main(bundle: str) -> None:
    """Edits what runc is about to read."""
    path = Path(bundle, "config.json")
    config = json.loads(path.read_text())
    fence(config)
    path.write_text(json.dumps(config))


if __name__ == "__main__":
    main(*sys.argv[1:])
