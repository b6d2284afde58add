"""Directories of the lab's own: how one becomes ours, how it is told from others', how it goes.

What an environment variable or a link names may be anybody's. A directory is ours once our mark
lies in it, and it gets one only while it is new or empty. Only what is ours is erased, and on the
way down nothing is followed: no link, no mount.
"""

import contextlib
import fnmatch
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aicr_lab.errors import NotOurs

MARK = "aicr-lab.json"
"""The file that makes a directory ours: what it is and an id, written before anything else."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A directory that is the lab's own, or may become so."""

    directory: Path
    """Its last part is no link; those before it are resolved."""
    what: str
    """What the mark says it is, e.g. ``lab default``; unique among directories that may meet."""
    way_out: str
    """What to do where it is somebody else's."""
    holds: tuple[str, ...] = ("*",)
    """Patterns of what the lab makes at its top; the rest is not the lab's and stays."""
    private: bool = True
    """Nobody else may own it or see into it, and no mount may lie on or in it."""
    known_of_old: Callable[[Path], bool] = field(default=lambda directory: False)
    """Whether a directory without a mark is one that an earlier version made."""

    @property
    def ours(self) -> bool:
        """Whether the lab made it, and nobody else's directory lies in its place."""
        if self.directory.is_symlink() or not self.directory.is_dir():
            return False
        if self.private and self.directory.stat().st_uid != os.geteuid():
            return False
        return self._marked or (not self._has_mark and self.known_of_old(self.directory))

    @property
    def free(self) -> bool:
        """Whether it can be taken: it is not there, or holds nothing (but a mark begun)."""
        try:
            return all(name == MARK and not self._mark for name in _names(self.directory))
        except FileNotFoundError:
            return not self.directory.is_symlink()
        except NotADirectoryError:
            return False

    def take(self) -> None:
        """Make it ours, or find that it is; refuse a directory of somebody else."""
        self._require_reachable()
        if self.ours:
            if not self._has_mark:
                self._write_mark()
            return
        if not self.free:
            raise self._refusal("it holds what the lab did not make")
        # An empty one is replaced: its owner and mode are not ours to trust.
        self.give_up()
        with contextlib.suppress(OSError):
            self.directory.rmdir()
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Several may want the same place for programs at once; a lab's is locked.
            self.directory.mkdir(0o700 if self.private else 0o755, exist_ok=not self.private)
        except FileExistsError:
            raise self._refusal("it is somebody else's") from None
        self._write_mark()

    def give_up(self) -> None:
        """Remove a mark that was begun and never written, and the empty directory around it."""
        if self.free and self._has_mark:
            (self.directory / MARK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.directory.rmdir()

    def require_ours(self) -> None:
        """Refuses where it is not ours, is a link, or something is mounted on or in it."""
        self._require_reachable()
        if not self.ours:
            raise self._refusal(f"no {MARK} of {self.what} lies in it")

    def erase(self) -> "Remains":
        """Remove what the lab made, and the directory unless something stays in it."""
        self.require_ours()
        remains = Remains()
        parent = os.open(self.directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with _opened(self.directory.name, parent) as top:
                names = _names(top)
                made = [name for name in names if self._makes(name)]
                remains.foreign += [self.directory / name for name in names if name not in made]
                # The mark goes last: who is killed half-way leaves what can be removed.
                for name in sorted(made, key=lambda name: name == MARK):
                    if name != MARK or not remains.stuck:
                        _erase(name, top, _mount(top), self.directory / name, remains)
            if not (remains.foreign or remains.stuck):
                os.rmdir(self.directory.name, dir_fd=parent)
        finally:
            os.close(parent)
        return remains

    def _makes(self, name: str) -> bool:
        # Records are written beside and renamed: `.lab.json.1a2b3c4d`, `init.json.new`.
        patterns = (MARK, *self.holds)
        return any(
            fnmatch.fnmatchcase(name, form)
            for pattern in patterns
            for form in (pattern, f".{pattern}.{'[0-9a-f]' * 8}", f"{pattern}.new")
        )

    @property
    def _has_mark(self) -> bool:
        return os.path.lexists(self.directory / MARK)

    @property
    def _mark(self) -> bytes:
        try:
            descriptor = os.open(self.directory / MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            return file.read(4096) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""

    @property
    def _marked(self) -> bool:
        try:
            content = json.loads(self._mark)
        except ValueError:
            return False
        return isinstance(content, dict) and content.get("what") == self.what

    def _write_mark(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.directory / MARK, flags, 0o600)
        content = {"made_by": "aicr_lab", "what": self.what, "id": secrets.token_hex(8)}
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(content) + "\n")

    def _require_reachable(self) -> None:
        if self.directory.is_symlink():
            raise self._refusal("it is a link")
        mounted = mounts_in(self.directory, Path("/proc/self/mountinfo").read_text())
        if self.private and mounted:
            raise self._refusal(f"something is mounted on {mounted[0]}")

    def _refusal(self, why: str) -> NotOurs:
        return NotOurs(f"{self.directory} is left alone: {why}", hint=self.way_out)


@dataclass(slots=True)
class Remains:
    """What :meth:`Ground.erase` left where it was."""

    foreign: list[Path] = field(default_factory=list)
    """What the lab did not make."""
    stuck: list[str] = field(default_factory=list)
    """What could not be removed: path and reason."""


def mounts_in(directory: Path, mountinfo: str) -> list[Path]:
    """Mount points at or below a directory, in the text of ``/proc/self/mountinfo``."""
    points = (mount_point(line) for line in mountinfo.splitlines())
    return [point for point in points if point.is_relative_to(directory)]


def mount_point(line: str) -> Path:
    """Where something is mounted, of a line of ``/proc/self/mountinfo``."""
    text = line.split()[4]
    # The kernel writes blanks and backslashes of paths as octal numbers.
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return Path(text)


def erase_tree(directory: Path) -> list[str]:
    """Remove a directory in a place of the lab's own; give what could not be removed, and why."""
    remains = Remains()
    parent = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _erase(directory.name, parent, _mount(parent), directory, remains)
    finally:
        os.close(parent)
    return remains.stuck


def _erase(name: str, parent: int, mount: str, path: Path, remains: Remains) -> None:
    """Remove an entry of an opened directory; what is mounted elsewhere is not entered."""
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        with _opened(name, parent) as directory:
            if _mount(directory) != mount:
                remains.stuck.append(f"{path}: something is mounted there")
                return
            for entry in _names(directory):
                _erase(entry, directory, mount, path / entry, remains)
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError as error:
        # A directory that holds what is stuck is no news of its own.
        if not any(each.startswith(f"{path}/") for each in remains.stuck):
            remains.stuck.append(f"{path}: {error.strerror}")


@contextlib.contextmanager
def _opened(name: str, parent: int) -> Iterator[int]:
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(directory: Path | int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def _mount(descriptor: int) -> str:
    """The mount that an open file lies on: bind mounts of one device differ in it."""
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    return next(line for line in lines if line.startswith("mnt_id:"))
