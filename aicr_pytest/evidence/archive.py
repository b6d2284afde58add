"""A run's folder as one file: the same folder gives the same bytes, wherever and whenever."""

import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import MANIFEST_FILE, SIGNATURES, entries
from aicr_pytest.evidence.names import folder_name
from aicr_pytest.evidence.run import RUN_FILE, read_run

_MOST_BYTES = 8 * 1024**3
_MOST_FILES = 100_000
"""Of an archive that is unpacked: somebody else may have made it."""


def pack(directory: Path, target: Path) -> None:
    """Write the archive: times, owners and order say nothing, and the folder is named by the run.

    Raises:
        SettingsError: the directory holds no run.
        OSError: the archive cannot be written.
    """
    root = folder_name(read_run(directory).run_id)
    names = [entry.path for entry in entries(directory)]
    names += [name for name in (MANIFEST_FILE, *SIGNATURES) if (directory / name).is_file()]
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(names):
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = (directory / name).stat().st_size
            member.mode = 0o644
            with (directory / name).open("rb") as file:
                archive.addfile(member, file)


def unpack(archive: Path, into: Path) -> Path:
    """Unpack the archive of a run; returns the folder that holds it.

    Args:
        archive: as ``pack`` writes it, or another tar program.
        into: a folder that is made; nothing is written elsewhere, whatever the archive names.

    Raises:
        SettingsError: it is no archive, holds something else than files, or no run.
    """
    into.mkdir()
    try:
        with tarfile.open(archive) as opened:
            for name, member in _members(archive, opened):
                path = into / name
                path.parent.mkdir(parents=True, exist_ok=True)
                content = opened.extractfile(member)
                if content is None:
                    raise SettingsError(f"{archive}: {member.name!r} is no file.")
                with content, path.open("xb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise SettingsError(f"{archive}: is no archive that can be read: {error}.") from error
    if (into / RUN_FILE).is_file():
        return into
    found = sorted(path.name for path in into.iterdir())
    if len(found) != 1 or not (into / found[0] / RUN_FILE).is_file():
        listed = ", ".join(found[:3]) or "nothing"
        raise SettingsError(f"{archive}: is no run's: it holds {listed}, and no {RUN_FILE}.")
    return into / found[0]


def is_canonical(archive: Path, directory: Path, scratch: Path) -> bool:
    """Whether an archive is, byte for byte, what ``pack`` writes of the folder that was in it.

    Args:
        archive: the file.
        directory: what it was unpacked to.
        scratch: where another archive may be written.
    """
    pack(directory, scratch)
    return _digest(archive) == _digest(scratch)


def _members(archive: Path, opened: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    size = 0
    seen: set[str] = set()
    for member in opened:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\0" in member.name:
            raise SettingsError(f"{archive}: names a file outside of itself: {member.name!r}.")
        if member.isdir():
            continue
        if not member.isreg():
            raise SettingsError(f"{archive}: holds something that is no file: {member.name!r}.")
        if str(path) in seen:
            raise SettingsError(f"{archive}: holds a file twice: {member.name!r}.")
        seen.add(str(path))
        size += member.size
        if size > _MOST_BYTES or len(seen) > _MOST_FILES:
            raise SettingsError(
                f"{archive}: is too much: {_MOST_FILES} files and {_MOST_BYTES} bytes are the most."
            )
        yield str(path), member


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
