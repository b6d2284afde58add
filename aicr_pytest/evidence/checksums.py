"""manifest.json: the sha256 of every file of a run, so that a later reader sees what was changed.

It is no signature: who can change a file can change the manifest.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

from aicr_pytest.evidence.files import TEMPORARY_PREFIX, write_atomically
from aicr_pytest.evidence.json_fields import SCHEMA, read_fields, to_bytes

MANIFEST_FILE = "manifest.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a run."""

    path: str
    """Relative to the run's directory, with slashes."""
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hexadecimal."""


def entries(directory: Path) -> Iterator[FileEntry]:
    """Every file of a run but the manifest, sorted by path; symbolic links are not followed."""
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.startswith(TEMPORARY_PREFIX):
            continue
        relative = path.relative_to(directory).as_posix()
        if relative != MANIFEST_FILE:
            yield FileEntry(path=relative, size=path.stat().st_size, sha256=_sha256(path))


def write_manifest(directory: Path) -> Path:
    """Write manifest.json; the last thing that a run writes.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / MANIFEST_FILE
    files = [dataclasses.asdict(entry) for entry in entries(directory)]
    write_atomically(path, to_bytes({"schema": SCHEMA, "files": files}))
    return path


def verify(directory: Path) -> list[str]:
    """One line for each file that is changed, missing or not listed; empty if all is as written.

    Raises:
        SettingsError: there is no manifest, or it cannot be read.
    """
    fields = read_fields(directory / MANIFEST_FILE)
    fields.require_schema()
    listed = {item.text("path"): item.text("sha256") for item in fields.objects("files")}
    found = {entry.path: entry.sha256 for entry in entries(directory)}
    lines = []
    for path in sorted(listed.keys() | found.keys()):
        if path not in found:
            lines.append(f"missing: {path}")
        elif path not in listed:
            lines.append(f"not listed: {path}")
        elif listed[path] != found[path]:
            lines.append(f"changed: {path}")
    return lines


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
