"""manifest.json: the sha256 of every file of a run, so that a later reader sees what was changed.

It is no signature: who can change a file can change the manifest. It is what a signature is made
of: whoever vouches for it vouches for every file.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.files import TEMPORARY_PREFIX, remove_remnants, write_atomically
from aicr_pytest.evidence.json_fields import SCHEMA, read_fields, to_bytes

MANIFEST_FILE = "manifest.json"
SIGNATURES = (f"{MANIFEST_FILE}.sig", f"{MANIFEST_FILE}.sigstore.json")
"""What `ssh-keygen -Y sign` and `cosign sign-blob` put beside it; no manifest can list these."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a run."""

    path: str
    """Relative to the run's directory, with slashes."""
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hexadecimal."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All files of a run."""

    files: tuple[FileEntry, ...]
    """By their paths; without the manifest itself and its signatures."""

    def to_bytes(self) -> bytes:
        """The form that manifest.json holds."""
        return to_bytes({"schema": SCHEMA, **dataclasses.asdict(self)})


def entries(directory: Path) -> Iterator[FileEntry]:
    """Every file of a run but the manifest, sorted by path; symbolic links are not followed."""
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.startswith(TEMPORARY_PREFIX):
            continue
        relative = path.relative_to(directory).as_posix()
        if relative not in (MANIFEST_FILE, *SIGNATURES):
            yield FileEntry(path=relative, size=path.stat().st_size, sha256=_sha256(path))


def write_manifest(directory: Path) -> Path:
    """Write manifest.json; the last thing that a run writes.

    Raises:
        OSError: it cannot be written.
    """
    remove_remnants(directory)
    path = directory / MANIFEST_FILE
    write_atomically(path, Manifest(files=tuple(entries(directory))).to_bytes())
    return path


def verify(directory: Path, found: Iterable[FileEntry] | None = None) -> list[str]:
    """One line for each file that is changed, missing or not listed; empty if all is as written.

    Args:
        directory: of the run.
        found: its files, where they have been read already.

    Raises:
        SettingsError: there is no manifest, or it cannot be read.
    """
    listed = _listed(directory)
    files = tuple(entries(directory) if found is None else found)
    hashes = {entry.path: entry.sha256 for entry in files}
    lines = _no_files(directory)
    for path in sorted(listed.keys() | hashes.keys()):
        if path not in hashes:
            lines.append(f"missing: {path}")
        elif path not in listed:
            lines.append(f"not listed: {path}")
        elif listed[path] != hashes[path]:
            lines.append(f"changed: {path}")
    if not lines and (directory / MANIFEST_FILE).read_bytes() != Manifest(files=files).to_bytes():
        lines.append(f"changed: {MANIFEST_FILE}")
    return lines


def _listed(directory: Path) -> dict[str, str]:
    fields = read_fields(directory / MANIFEST_FILE)
    fields.require_schema()
    listed: dict[str, str] = {}
    for item in fields.objects("files"):
        path = item.text("path")
        if path in listed:
            raise SettingsError(f"{directory / MANIFEST_FILE}: names a file twice: {path!r}.")
        listed[path] = item.text("sha256")
    return listed


def _no_files(directory: Path) -> list[str]:
    """What no manifest lists, since it holds nothing or is somewhere else: links, pipes, remnants.

    A remnant is removed when a manifest is written, so that one was put there since.
    """
    return [
        f"not listed: {path.relative_to(directory).as_posix()}"
        for path in sorted(directory.rglob("*"))
        if path.is_symlink()
        or not (path.is_file() or path.is_dir())
        or (path.is_file() and path.name.startswith(TEMPORARY_PREFIX))
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
