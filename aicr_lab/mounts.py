"""What a node sees of the file system: the host's, with private places where nodes would clash.

Everything is mounted in the node's own mount namespace and ends with it. Nothing is created on
the host: where a mount point is missing, an overlay in memory provides it.
"""

import shlex
from pathlib import Path

from aicr_lab.node import Node

# kubelet writes these, and they belong to the whole machine: it gets files of its own instead,
# which hold what it wants to see. (It refuses to start where it may neither read nor write them.)
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

# A name server that refuses at once: nothing outside of the cluster can be reached, and an image
# that is missing should fail in milliseconds.
RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


_OVERLAY = "lowerdir=/var/lib,upperdir=/run/aicr/upper,workdir=/run/aicr/work"


def script(node: Node, state: Path) -> str:
    """A shell script that mounts all of it, to be run in the node's namespaces.

    Args:
        state: the lab's state directory, which has to stay reachable under its own path.
    """
    quoted = shlex.quote
    driver = quoted(str(node.driver_root))
    lines = [
        # Volumes with mount propagation want shared mounts; the peers are the node's own.
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run",
        "cd /run && mkdir -p aicr/upper aicr/work aicr/state cdi containerd lock",
        f"mount --bind {quoted(str(state))} /run/aicr/state",
        f"mount -t overlay overlay -o {_OVERLAY} /var/lib",
        "mkdir -p /var/lib/kubelet",
        f"mount --bind {quoted(str(node.kubelet_root))} /var/lib/kubelet",
        f"mount --bind {quoted(str(node.cdi_dir))} /run/cdi",
        # Where NVIDIA's GPU operator has it too: pods find it at one path on every node.
        f"mkdir -p {driver} /run/nvidia/driver && mount --bind {driver} /run/nvidia/driver",
        *_private_file("/etc/resolv.conf", RESOLV_CONF),
        *_private_file("/etc/hosts", f"127.0.0.1 localhost\n{node.ip} {node.name}\n"),
    ]
    if state.is_relative_to("/var/lib"):
        # The overlay hides it behind a copy that nobody outside would see.
        lines.append(f"mount --bind /run/aicr/state {quoted(str(state))}")
    for name, value in KERNEL_SETTINGS.items():
        lines += _private_file(f"/proc/sys/{name}", f"{value}\n")
    return "\n".join(lines) + "\n"


def _private_file(path: str, content: str) -> list[str]:
    """Commands that put a file of the node's over one of the host's; absent ones stay absent."""
    own = f"/run/aicr/{path.strip('/').replace('/', '.')}"
    make_target = 'mkdir -p "$(dirname "$target")"; : > "$target"'
    return [
        f"printf %s {shlex.quote(content)} > {own}",
        # The path may be a link into /run, which is empty here.
        f"if [ -L {path} ] && [ ! -e {path} ]; then",
        f"target=$(readlink -m {path}); {make_target}; fi",
        f"[ ! -e {path} ] || mount --bind {own} {path}",
    ]
