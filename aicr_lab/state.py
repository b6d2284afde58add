"""Where a lab is written down: its directory, its records.

Records are JSON files, written beside and renamed, so that a reader sees a whole one or none.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_lab.errors import LabError

# The name becomes a cgroup, a host name prefix and a directory.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")

# A node has a /run of its own, and sockets have paths of at most 107 bytes.
_UNUSABLE = ("/run", "/var/run", "/proc", "/sys", "/dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process for good: pids come round again, pid and start time together do not."""

    pid: int
    """As the host sees it."""
    start_time: int
    """Clock ticks after boot (field 22 of ``/proc/PID/stat``)."""


def default_base() -> Path:
    """The directory under which labs keep their state."""
    if home := os.environ.get("AICR_LAB_HOME"):
        return Path(home)
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state) / "aicr-lab"
    return Path.home() / ".local" / "state" / "aicr-lab"


def state_dir(name: str) -> Path:
    """The directory of a lab, existing or not.

    Links on the way to it are followed, for that is where its user wants it; a link in its own
    place is not, see :mod:`.ground`.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"--name {name!r}: lower-case letters, digits and '-', at most 40")
    directory = default_base().resolve() / name
    if directory.as_posix().startswith(tuple(f"{place}/" for place in _UNUSABLE)):
        raise LabError(
            f"the lab cannot keep its state in {directory}",
            hint="set AICR_LAB_HOME to a directory on a disk",
        )
    return directory


def write_json(path: Path, content: object) -> None:
    """Write a record readable by its owner only."""
    write_private(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file of mode 0600 that is never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """A record, or ``None`` where there is none."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise LabError(f"{path} is not a record of the lab")
    return content


def boot_id() -> str:
    """Changes when the machine boots: start times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@contextlib.contextmanager
def locked(path: Path, *, busy: str) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel drops it when its holder dies.

    Waits for another holder after calling it ``busy`` on standard error once. A holder may remove
    the file: whoever waited for the removed one locks its successor.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(path, busy)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, busy: str) -> int:
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise LabError(f"{path} cannot be locked: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.write(2, f"{busy}\n".encode())
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
        os.close(descriptor)
