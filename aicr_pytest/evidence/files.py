"""Writing files so that a reader, or a killed run, only ever sees whole ones."""

import contextlib
import errno
import os
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"
"""A file of this name is being written, or is a remnant of a killed run; it is no evidence."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside the target, then rename.

    Without fsync: evidence has to survive a killed process, not a power cut.

    Raises:
        OSError: it could not be written; the temporary file is gone, an older target is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def remove_remnants(directory: Path) -> None:
    """Remove what processes that were killed had begun to write."""
    for path in directory.rglob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def append_whole(path: Path, line: bytes) -> None:
    """Append a line, or nothing of it.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    with path.open("ab", buffering=0) as file:
        end = file.tell()
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            file.truncate(end)
            raise
