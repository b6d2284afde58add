"""What workers wait for, told to the controller through the folder that they share."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from aicr_pytest.evidence.files import write_atomically
from aicr_pytest.run.deaths import Deaths

_AWAITS = ".awaits"
_APART_SECONDS = 0.5
"""Between two notes of one wait."""
_FRESH_SECONDS = 7.0
"""For which a note is believed; a wait in which nothing changes is told every 5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """What a process waits for, or the check that it is busy with."""

    what: str
    """Names the object and what it shall become."""
    seen: str = ""
    """What is seen of it."""
    elapsed: float
    """Seconds since the wait, or the check, began."""
    timeout: float | None = None
    """Seconds that it may last; None where nothing is waited for."""
    of: str = ""
    """The requirement whose worker it is; empty for this process."""

    @property
    def clock(self) -> str:
        """How long it lasts, for the end of a line."""
        if self.timeout is None:
            return f" ({self.elapsed:.0f} s)"
        return f" ({self.elapsed:.0f} of {self.timeout:.0f} s)"


class Notes:
    """A worker's: what it waits for.

    Args:
        folder: that the processes of a run share.
        worker: name of this one.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self._file = folder / f"{worker}{_AWAITS}"
        self._last = ("", float("-inf"))

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """Note one more look at what is awaited; called from any thread."""
        now = time.monotonic()
        if what == self._last[0] and now - self._last[1] < _APART_SECONDS:
            return
        self._last = what, now
        with contextlib.suppress(OSError):  # the folder goes with the controller
            write_atomically(self._file, json.dumps([now, what, seen, elapsed, timeout]).encode())


class Workers:
    """The controller's view.

    Args:
        folder: that the processes of a run share.
        clock: which all processes of a machine share.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._begun: dict[str, tuple[str, float]] = {}

    def awaited(self) -> list[Awaited]:
        """What each busy worker waits for, or which check it is at; in the order of requirements'
        names.
        """
        busy = Deaths(self._folder, "").busy
        return sorted(
            (self._of(worker, nodeid) for worker, nodeid in busy.items()), key=lambda one: one.of
        )

    def _of(self, worker: str, nodeid: str) -> Awaited:
        now, deaths = self._clock(), Deaths(self._folder, "")
        known, begun = self._begun.get(worker, ("", now))
        if known != nodeid:
            begun = now
        self._begun[worker] = nodeid, begun
        path, _, check = nodeid.partition("::")
        of = PurePath(path).stem.removeprefix("test_")
        with contextlib.suppress(OSError, ValueError):
            note = self._folder / f"{worker}{_AWAITS}"
            at, what, seen, elapsed, timeout = json.loads(note.read_bytes())
            is_of_check = note.stat().st_mtime_ns >= deaths.busy_since(worker)
            if is_of_check and now - at <= _FRESH_SECONDS:
                return Awaited(
                    what=what, seen=seen, elapsed=elapsed + now - at, timeout=timeout, of=of
                )
        said = check.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        return Awaited(what=said, elapsed=now - begun, of=of)
