"""The lab's control groups: a directory per lab and node in every hierarchy, removed by ``down``.

cgroup v1 is what this was run on. The v2 half is written after the kernel's documentation and
was not run here, neither was a host with systemd.
"""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.errors import HostUnfit, LabError

_TOP = "aicr-lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchies:
    """Where the machine's cgroup file systems are mounted."""

    v1: tuple[Path, ...] = ()
    """Mount points of version 1, one per controller set, named hierarchies included."""
    v2: Path | None = None
    """Mount point of version 2 where it carries the controllers; ``None`` beside version 1."""
    extra: tuple[Path, ...] = ()
    """A version 2 tree without controllers beside version 1: only cleaned."""


def hierarchies(mounts: str) -> Hierarchies:
    """Read them from the text of ``/proc/mounts``."""
    v1: list[Path] = []
    v2: list[Path] = []
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup":
            v1.append(Path(place))
        elif kind == "cgroup2":
            v2.append(Path(place))
    if v1:
        return Hierarchies(v1=tuple(v1), extra=tuple(v2))
    return Hierarchies(v2=v2[0] if v2 else None)


def of_this_machine() -> Hierarchies:
    """The hierarchies of this machine; an error where there are none."""
    found = hierarchies(Path("/proc/mounts").read_text())
    if not found.v1 and found.v2 is None:
        raise HostUnfit("no cgroup file system is mounted", hint="mount cgroup2 on /sys/fs/cgroup")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroups:
    """The control groups of one lab."""

    name: str
    hierarchies: Hierarchies

    def path(self, *parts: str) -> str:
        """The path inside a hierarchy, as kubelet's ``cgroupRoot`` wants it."""
        return "/" + "/".join((_TOP, self.name, *parts))

    def create(self, *parts: str) -> tuple[Path, ...]:
        """Make a group that processes can join; give its ``cgroup.procs`` files.

        Processes live in a leaf of their own: version 2 wants no processes in inner groups.
        """
        path = self.path(*parts).lstrip("/")
        for root in self.hierarchies.v1:
            _make_v1(root, Path(path))
        if self.hierarchies.v2 is not None:
            _make_v2(self.hierarchies.v2, Path(path))
        return self.procs(*parts)

    def procs(self, *parts: str) -> tuple[Path, ...]:
        """The ``cgroup.procs`` files of a group."""
        path = self.path(*parts).lstrip("/")
        return tuple(root / path / "cgroup.procs" for root in self._roots())

    @property
    def namespaced(self) -> bool:
        """Whether a node sees its own part of the control groups only.

        In version 2 a group that hands controllers down takes no process, not even a namespace's
        first one: there nodes see the machine's whole tree.
        """
        return self.hierarchies.v2 is None

    def allow_devices(self, rules: Iterable[str]) -> None:
        """Make the lab's group one in which, and below which, no other devices can be opened.

        Comes before all groups below it: from those nothing can be taken away later, and whoever
        sees only those cannot take it back. Version 2 knows no such file: there each container's
        own rules are all that holds.

        Args:
            rules: as ``devices.allow`` takes them, e.g. ``c 1:3 rwm``.
        """
        for root in self.hierarchies.v1:
            group = root / self.path().lstrip("/")
            _make_v1(root, Path(self.path().lstrip("/")))
            if (group / "devices.deny").exists():
                (group / "devices.deny").write_text("a")
                for rule in rules:
                    (group / "devices.allow").write_text(rule)

    def remove(self, timeout: float = 3.0) -> None:
        """Remove every group of the lab; its processes have ended before."""
        own = self.path().lstrip("/")
        deadline = time.monotonic() + timeout
        for root in (*self._roots(), *self.hierarchies.extra):
            _remove_tree(root / own, deadline)
            # Other labs may live beside this one.
            _rmdir_if_empty(root / _TOP)

    def occupied(self) -> bool:
        """Whether processes are in any group of the lab."""
        return any(
            file.read_text().strip()
            for own in self.leftover()
            for file in own.rglob("cgroup.procs")
        )

    def leftover(self) -> list[Path]:
        """Groups of the lab that exist."""
        own = self.path().lstrip("/")
        return [root / own for root in self._roots() if (root / own).exists()]

    def _roots(self) -> Sequence[Path]:
        if self.hierarchies.v2 is not None:
            return (self.hierarchies.v2,)
        return self.hierarchies.v1


def _make_v1(root: Path, path: Path) -> None:
    directory = root
    for part in path.parts:
        directory = directory / part
        directory.mkdir(exist_ok=True)
        # A new cpuset is empty and takes no process until it has processors and memory.
        for file in ("cpuset.cpus", "cpuset.mems"):
            own = directory / file
            if own.exists() and not own.read_text().strip():
                own.write_text((directory.parent / file).read_text())


def _make_v2(root: Path, path: Path) -> None:
    """Not run here: written after the kernel's cgroup-v2 documentation."""
    directory = root
    for part in path.parts:
        controllers = (directory / "cgroup.controllers").read_text().split()
        try:
            for controller in controllers:
                (directory / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError as error:
            raise HostUnfit(
                f"cgroup controllers cannot be handed down from {directory}: {error.strerror}",
                hint="processes live in that group; run the lab from outside a container, or give "
                "the container a delegated cgroup",
            ) from error
        directory = directory / part
        directory.mkdir(exist_ok=True)


def _remove_tree(directory: Path, deadline: float) -> None:
    if not directory.is_dir():
        return
    for parent, _, _ in os.walk(directory, topdown=False):
        _remove_group(Path(parent), deadline)


def _remove_group(directory: Path, deadline: float) -> None:
    while True:
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            # Ended processes leave their group a moment after they were reaped.
            if time.monotonic() >= deadline:
                raise LabError(
                    f"cgroup {directory} cannot be removed: {error.strerror}",
                    hint="its cgroup.procs names who is still in it",
                ) from error
            time.sleep(0.02)
        else:
            return


def _rmdir_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        return
