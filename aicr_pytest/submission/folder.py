"""Putting a submission in its place: all of it or nothing, and nothing of anybody else is lost."""

import os
import shutil
import tempfile
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.draft import SUMS_FILE, Draft, changed, sums_of
from aicr_pytest.submission.product_yaml import FILE

_MOST_TOLD = 5
"""Files that a message names."""


def put(draft: Draft, target: Path) -> None:
    """Write all files of a draft into a folder.

    Files of others in the folder stay; those that an earlier submission wrote are replaced.

    Raises:
        SettingsError: a file there was changed by hand, is somebody else's, or cannot be written;
            the folder is as it was.
    """
    ours = sums_of(target)
    by_hand = [path for path in changed(target, ours.items()) if path != FILE]
    others = [
        path
        for path in draft.files
        if path not in (FILE, SUMS_FILE) and path not in ours and (target / path).exists()
    ]
    if in_the_way := [*by_hand, *others]:
        told = ", ".join(in_the_way[:_MOST_TOLD]) + " …" * (len(in_the_way) > _MOST_TOLD)
        raise SettingsError(
            f"{target}: not written here, or changed since, and would be overwritten: {told}\n"
            "  Move them away, or delete them."
        )
    try:
        _replace(draft, target, {*ours, FILE, SUMS_FILE})
    except OSError as error:
        raise SettingsError(
            f"{error.filename or target}: cannot be written: {error.strerror or error}."
        ) from error


def _replace(draft: Draft, target: Path, old: set[str]) -> None:
    made = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        new.chmod(0o777 & ~_umask())
        if target.is_dir():
            shutil.copytree(target, new, symlinks=True, dirs_exist_ok=True)
            for path in old:
                (new / path).unlink(missing_ok=True)
            _drop_empty(new)
        for path, content in draft.files.items():
            file = new / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        _swap(new, target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        for parent in made:
            parent.rmdir()
        raise


def _swap(new: Path, target: Path) -> None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    if not target.exists():
        new.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    try:
        target.rename(aside / target.name)
        try:
            new.rename(target)
        except BaseException:
            (aside / target.name).rename(target)
            raise
    finally:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _drop_empty(folder: Path) -> None:
    for inner in sorted(folder.rglob("*"), reverse=True):
        if inner.is_dir() and not inner.is_symlink() and not any(inner.iterdir()):
            inner.rmdir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
