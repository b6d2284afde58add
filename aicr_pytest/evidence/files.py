"""Writing files so that a reader, or a killed run, only ever sees whole ones."""

import os
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"
"""A file of this name is a remnant of a killed run and no evidence."""


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
