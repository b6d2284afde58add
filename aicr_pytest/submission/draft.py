"""The files of a submission before any of them is written."""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.names import slug

SUMS_FILE = "SHA256SUMS"
"""Of all files of a submission but PRODUCT.yaml; `sha256sum -c` reads it."""

STAMP = "SIMULATED"
"""In every file of a rehearsal: in its text, or in its name where the bytes have to stay."""


class Draft:
    """Path → content; paths are relative to the product's folder, with slashes."""

    def __init__(self, *, simulated: bool) -> None:
        self.files: dict[str, bytes] = {}
        """As they are going to be written."""
        self.simulated = simulated
        """Whether every file says that it is a rehearsal."""

    def write(self, path: str, text: str) -> None:
        """A page of ours, which carries the stamp itself."""
        self.files[path] = text.encode("utf-8", "backslashreplace")

    def keep(self, path: str, content: bytes) -> str:
        """A copy, byte for byte; gives the path that it has here."""
        kept = _plain(path)
        if self.simulated:
            parts = PurePosixPath(kept)
            kept = str(parts.with_name(f"{STAMP}-{parts.name}"))
        if self.files.setdefault(kept, content) != content:
            raise SettingsError(f"{path}: another file would have the same name, {kept}.")
        return kept

    def add_sums(self) -> None:
        """The sums of all files so far, as sha256sum writes them."""
        lines = [f"{_sum(content)}  {path}\n" for path, content in sorted(self.files.items())]
        self.files[SUMS_FILE] = "".join(lines).encode("ascii")


def sums_of(folder: Path) -> dict[str, str]:
    """What an earlier submission wrote into a folder: path → sha256; empty where none did."""
    try:
        lines = (folder / SUMS_FILE).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("  ") for line in lines)
    return {path: digest for digest, gap, path in pairs if gap}


def changed(folder: Path, sums: Iterable[tuple[str, str]]) -> list[str]:
    """Those that are there and are not what they were."""
    return [
        path
        for path, digest in sums
        if (file := folder / path).is_file() and _sum(file.read_bytes()) != digest
    ]


def _plain(path: str) -> str:
    """The path with names that every file system takes and no shell minds."""
    parts = [slug(part, 120, "file") for part in PurePosixPath(path).parts]
    return "/".join(parts)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
