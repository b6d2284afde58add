"""What a node sees of the file system: the host's files, and writes of its own over them.

The node's root is an overlay: below it the host's root, which nothing that is mounted in the node
can write, above it memory of the node's. The host's own root is not mounted in there any more.
What belongs to the whole machine is the node's own (/dev, /run, its control groups) or cannot be
written (/sys, most of /proc/sys). Only the node's part of the lab's state directory is the host's
and can be written.
Everything is mounted in the node's mount namespace and ends with it.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path

from aicr_lab.ground import mount_point
from aicr_lab.kubernetes.node import Node

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


# Settings below /proc/sys that belong to the machine; those of the network belong to a node or pod.
MACHINE_SETTINGS = ("abi", "debug", "dev", "fs", "kernel", "user", "vm")

# Character devices with nothing behind them but the kernel: name, major, minor.
DEVICES = (
    *(("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9)),
    *(("kmsg", 1, 11), ("tty", 5, 0)),
)
# What is opened by those who may: terminals, and the tunnels of runtimes that ask for one. A node
# in the file system may be made for anything; it opens nothing else.
_OTHER_DEVICES = ("c *:* m", "b *:* m", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:200 rwm")
_DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
    "ptmx": "pts/ptmx",
}

# What the kernel tells rather than stores; the node has its own, or does without.
_TOLD = ("/proc", "/sys", "/dev", "/run", "/var/run")
# Files of containers and of packages that no component of a node reads: there can be hundreds.
_OTHERS = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet")
_UNREADABLE = ("autofs", "squashfs", "nsfs", "binfmt_misc")

_ROOT = "/run/root"


def device_rules(majors: Iterable[int]) -> list[str]:
    """What can be opened on a node, as the devices cgroup has it: no disk, no memory, no ports.

    Args:
        majors: of the simulated accelerators.
    """
    return [
        *_OTHER_DEVICES,
        *(f"c {major}:{minor} rwm" for _, major, minor in DEVICES),
        *(f"c {major}:* rwm" for major in majors),
    ]


def script(node: Node, state: Path, mountinfo: str) -> str:
    """A shell script that mounts all of it, to be run in the node's namespaces.

    Args:
        state: the lab's state directory, wherever it lies on the host.
        mountinfo: what the host has mounted, as the text of ``/proc/self/mountinfo``.
    """
    places, own = _file_systems(mountinfo), shlex.quote(str(node.dir))
    lines = [
        "mount -t tmpfs -o mode=700 tmpfs /run",
        f"mkdir {_ROOT} /run/layers",
    ]
    for number, place in enumerate([Path("/"), *places]):
        lines += _layered(place, number)
    lines += [
        *_kernels_own(node),
        *_devices(),
        f"mount -t tmpfs -o mode=755,nosuid,nodev tmpfs {_ROOT}/run",
        # The lab's own records steer what is done on the host: of them too the node sees a layer.
        *_layered(state, len(places) + 1),
        f"mount --bind {own} {_ROOT}{own}",
        # From here on the node's root is the root, and the host's is not mounted any more.
        f"mkdir {_ROOT}/run/host && cd {_ROOT} && pivot_root . run/host && cd /",
        "umount -l /run/host && rmdir /run/host",
        *_settings(),
        *_places(node),
        # Volumes with mount propagation want shared mounts; the peers are the node's own.
        "mount --make-rshared /",
    ]
    return "\n".join(lines) + "\n"


def _file_systems(mountinfo: str) -> list[Path]:
    """Where else than at the root the host has files that a node may want to read."""
    places = dict[Path, str]()
    for line in mountinfo.splitlines():
        places[mount_point(line)] = line.partition(" - ")[2].split()[0]
    return [
        place
        for place, kind in places.items()
        if place != Path("/")
        and not any(place.is_relative_to(other) for other in (*_TOLD, *_OTHERS))
        and kind not in _UNREADABLE
    ]


def _layered(place: Path, number: int) -> Iterable[str]:
    """Commands that put a host's file system into the node's root, under a layer of the node's."""
    there, layer = shlex.quote(str(place)), f"/run/layers/{number}"
    target = f"{_ROOT}{there}" if number else _ROOT
    # A relative path needs no escapes, whatever is in it.
    options = f"lowerdir=.,upperdir={layer}/upper,workdir={layer}/work"
    overlay = f"(mkdir -p {target} && cd {there} && mount -t overlay -o {options} overlay {target})"
    yield f"mkdir -p {layer}/upper {layer}/work"
    yield f"chmod --reference={there} {layer}/upper && chown --reference={there} {layer}/upper"
    if number == 0:
        yield overlay
        return
    # A file, or what cannot lie below an overlay, is there to be read.
    bind = f"mount --bind {there} {target} && mount -o remount,bind,ro {target}"
    yield f"[ ! -d {there} ] || {overlay} 2>/dev/null || {{ {bind}; }}"
    yield f"[ -d {there} ] || [ ! -e {target} ] || {{ {bind}; }}"


def _kernels_own(node: Node) -> Iterable[str]:
    """Commands for /proc, /sys and the node's part of the control groups."""
    yield f"mount -t proc -o nosuid,nodev,noexec proc {_ROOT}/proc"
    yield f"mount -t sysfs -o ro,nosuid,nodev,noexec sysfs {_ROOT}/sys"
    groups = node.cgroups
    if groups.hierarchies.v2 is not None:
        yield f"mount --rbind {groups.hierarchies.v2} {_ROOT}{groups.hierarchies.v2}"
        return
    yield f"mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs {_ROOT}/sys/fs/cgroup"
    for root in groups.hierarchies.v1:
        place = f"{_ROOT}{shlex.quote(str(root))}"
        own = shlex.quote(f"{root}{groups.path(node.name)}")
        yield f"mkdir -p {place} && mount --bind {own} {place}"


def _devices() -> Iterable[str]:
    """Commands that make a /dev without any hardware."""
    dev = f"{_ROOT}/dev"
    yield f"mount -t tmpfs -o mode=755,nosuid tmpfs {dev}"
    for name, major, minor in DEVICES:
        yield f"mknod -m 666 {dev}/{name} c {major} {minor}"
    for name, target in _DEV_LINKS.items():
        yield f"ln -s {target} {dev}/{name}"
    yield f"mkdir {dev}/pts {dev}/shm {dev}/mqueue"
    yield f"mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts {dev}/pts"
    yield f"mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs {dev}/shm"


def _settings() -> Iterable[str]:
    """Commands after which the machine's settings can be read and not written."""
    for name in (*(f"sys/{each}" for each in MACHINE_SETTINGS), "sysrq-trigger", "irq", "bus"):
        path = f"/proc/{name}"
        bind = f"mount --bind {path} {path} && mount -o remount,bind,ro {path}"
        yield f"[ ! -e {path} ] || {{ {bind}; }}"


def _places(node: Node) -> Iterable[str]:
    """Commands that put the node's directories and files where its components look."""
    quoted = shlex.quote
    driver = quoted(str(node.driver_root))
    yield "mkdir -p /run/aicr /run/cdi /run/containerd /run/lock /var/lib/kubelet"
    yield f"mount --bind {quoted(str(node.kubelet_root))} /var/lib/kubelet"
    yield f"mount --bind {quoted(str(node.cdi_dir))} /run/cdi"
    # Where NVIDIA's GPU operator has it too: pods find it at one path on every node.
    yield f"mkdir -p {driver} /run/nvidia/driver && mount --bind {driver} /run/nvidia/driver"
    yield from _private_file("/etc/resolv.conf", RESOLV_CONF)
    yield from _private_file("/etc/hosts", f"127.0.0.1 localhost\n{node.ip} {node.name}\n")
    for name, value in KERNEL_SETTINGS.items():
        yield from _private_file(f"/proc/sys/{name}", f"{value}\n")


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
