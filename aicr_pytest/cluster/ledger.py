"""What a process has made on the cluster and has not seen gone, in a file that outlives it.

The client notes each object before it asks for it, so that neither a kill nor a lost answer can
hide one. With the API server out of reach these names are all that can be told.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from aicr_pytest.cluster.kinds import NAMESPACE, Kind, full_name
from aicr_pytest.errors import AccessDenied, ApiError

SUFFIX = ".ledger"
"""Of the files, one per process, in the folder that a run's processes share."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object that was made, or may have been."""

    kind: Kind
    """What it is."""
    name: str
    """Its name."""
    namespace: str = ""
    """Empty for objects of the whole cluster."""

    def __str__(self) -> str:
        return full_name(self.kind, self.name, self.namespace)


class Ledger:
    """The objects of one process; noted from several threads, and by forked children too.

    Args:
        file: where they are kept; None: only here.
    """

    def __init__(self, file: pathlib.Path | None = None) -> None:
        self._file = file
        self._unwritten: list[str] = []
        self._known: set[Entry] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def making(self, kind: Kind, name: str, namespace: str | None) -> Iterator[None]:
        """Note an object before the action; struck out again where the API server says no."""
        entry = Entry(kind=kind, name=name, namespace=namespace or "")
        new = bool(name) and entry not in self._known
        if new:
            self.made(kind, name, namespace)
        try:
            yield
        except (ApiError, AccessDenied):
            if new:
                self.gone(kind, name, namespace)
            raise

    def made(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Note an object."""
        entry = Entry(kind=kind, name=name, namespace=namespace or "")
        self._known.add(entry)
        self._note("made", entry)

    def gone(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Strike an object out, with a namespace all that was in it."""
        entry = Entry(kind=kind, name=name, namespace=namespace or "")
        with self._lock:
            struck = {one for one in self._known if one == entry or _lies_in(one, entry)}
            self._known -= struck
        if struck:
            self._note("gone", entry)

    def strike(self, entry: Entry) -> None:
        """Strike out what another process has made, and all that was in it."""
        self._note("gone", entry)

    def kept(self, namespace: str) -> None:
        """Note that a namespace stays by the user's wish."""
        self._note("kept", Entry(kind=NAMESPACE, name=namespace))

    def standing(self) -> "Standing":
        """What this process has made and not seen gone."""
        lines = self._unwritten if self._file is None else [*_lines(self._file), *self._unwritten]
        return _replay(lines)

    def _note(self, action: str, entry: Entry) -> None:
        kind = dataclasses.astuple(entry.kind)
        line = json.dumps([action, kind, entry.name, entry.namespace])
        with self._lock:
            try:
                if self._file is None:
                    raise OSError
                # At once, and whole: another process reads it when this one has been killed.
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "ab", buffering=0) as file:
                    file.write(f"{line}\n".encode())
            except OSError:
                self._unwritten.append(line)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was made and not seen gone."""

    entries: tuple[Entry, ...] = ()
    """In the order of making."""
    kept: frozenset[str] = frozenset()
    """Namespaces that stay by the user's wish."""

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def outermost(self) -> tuple[Entry, ...]:
        """Those that do not go with a namespace that is here too."""
        namespaces = {entry.name for entry in self.entries if entry.kind == NAMESPACE}
        return tuple(entry for entry in self.entries if entry.namespace not in namespaces)

    def within(self, namespace: str) -> list[Entry]:
        """What was made in a namespace."""
        return [entry for entry in self.entries if entry.namespace == namespace]

    def without(self, gone: Iterable[Entry]) -> "Standing":
        """Less some, and what lies in them."""
        away = set(gone)
        spaces = {entry.name for entry in away if entry.kind == NAMESPACE}
        rest = (e for e in self.entries if e not in away and e.namespace not in spaces)
        return dataclasses.replace(self, entries=tuple(rest))

    def joined(self, other: "Standing") -> "Standing":
        """Both, each object once."""
        entries = dict.fromkeys((*self.entries, *other.entries))
        return Standing(entries=tuple(entries), kept=self.kept | other.kept)


def standing_in(folder: pathlib.Path) -> Standing:
    """What all processes together have made and not seen gone, the dead among them."""
    found = Standing()
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        found = found.joined(_replay(_lines(file)))
    return found


def _lies_in(entry: Entry, place: Entry) -> bool:
    return place.kind == NAMESPACE and entry.namespace == place.name


def _lines(file: pathlib.Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _replay(lines: Iterable[str]) -> Standing:
    there: dict[Entry, None] = {}
    kept: set[str] = set()
    for line in lines:
        if (read := _read(line)) is None:
            continue
        action, entry = read
        if action == "made":
            there[entry] = None
        elif action == "kept":
            kept.add(entry.name)
        else:
            for one in [one for one in there if one == entry or _lies_in(one, entry)]:
                del there[one]
    return Standing(entries=tuple(there), kept=frozenset(kept))


def _read(line: str) -> tuple[str, Entry] | None:
    try:
        said: Any = json.loads(line)
        action, kind, name, namespace = said
        return str(action), Entry(kind=Kind(*kind), name=name, namespace=namespace)
    except (ValueError, TypeError):
        return None  # half a line: its writer was killed over it


_MOST_NAMED = 8
"""Objects of a namespace that are named; the others are counted."""


def inside(entries: Iterable["Entry"]) -> str:
    """What was made in a namespace, in words; empty where nothing was."""
    names = [f"{entry.kind.name} {entry.name}" for entry in entries]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
