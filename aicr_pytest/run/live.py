"""What a run waits for, on the terminal while it does: of this process, or of all workers."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.run.awaited import Awaited, Workers

if TYPE_CHECKING:
    from aicr_pytest.run.terminal import Terminal

_QUIET_SECONDS = {True: 2.0, False: 6.0}
"""A shorter wait is not worth a line, by whether the line can be overwritten; clusters take 5 s to
begin with the deletion of a namespace."""
_SEEN_LENGTH = 160
"""Characters of what is seen; names of many objects fill a terminal otherwise."""
_HEARTBEAT_SECONDS = 15.0
"""Where lines cannot be overwritten, a wait in which nothing changes is told this often."""
_LOOK_SECONDS = 1.0
"""Between two looks at what workers wait for."""


class LiveLine:
    """Tells what is awaited: overwritten on a terminal, on change and as a heartbeat elsewhere.

    A plugin, too: while pytest writes of a test, nothing is written here.
    """

    def __init__(self, terminal: "Terminal", clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._lock = threading.RLock()
        self._told: dict[str, tuple[str, float]] = {}
        self._open = 0
        self._anew = False
        self._ended = threading.Event()
        self._workers: Workers | None = None
        self._thread: threading.Thread | None = None

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """One more look at what is awaited; called from any thread."""
        self.show([Awaited(what=what, seen=seen, elapsed=elapsed, timeout=timeout)])

    def show(self, all_awaited: Sequence[Awaited]) -> None:
        """What every process waits for that does; called from any thread."""
        quiet = _QUIET_SECONDS[self._terminal.is_interactive]
        lines = [(one, self._line(one)) for one in all_awaited if one.elapsed >= quiet]
        with self._lock:
            if self._terminal.is_interactive:
                if lines or self._open:
                    self._overwrite([f"{line}{one.clock}" for one, line in lines])
                return
            for one, line in lines:
                told, told_at = self._told.get(one.of, ("", float("-inf")))
                if line != told or self._clock() - told_at >= _HEARTBEAT_SECONDS:
                    self._told[one.of] = line, self._clock()
                    self._terminal.say(f"{line}{one.clock}")

    def _line(self, one: Awaited) -> str:
        told = [self._terminal.safe(text, _SEEN_LENGTH) for text in (one.of, one.what, one.seen)]
        return "  … " + ": ".join(filter(None, told))

    def _overwrite(self, lines: Sequence[str]) -> None:
        self._terminal.overwrite(lines, self._open, anew=self._anew)
        self._open, self._anew = min(len(lines), shutil.get_terminal_size().lines - 1), False

    def clear(self) -> None:
        """Remove open lines, so that pytest goes on writing where they stood."""
        with self._lock:
            if self._open:
                self._overwrite(())

    def follow(self, workers: Workers) -> None:
        """Show what workers wait for, from the first check on."""
        self._workers = workers

    def _begin(self) -> None:
        if self._workers is None or self._thread is not None or self._terminal.reporter is None:
            return
        self._thread = threading.Thread(
            target=self._follow, args=(self._workers,), name="live line", daemon=True
        )
        self._thread.start()

    def _follow(self, workers: Workers) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.show(workers.awaited())

    def end(self) -> None:
        """Follow nobody any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.clear()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        with self._lock:
            self.clear()
            self._anew = True
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Iterator[None]:
        """Let pytest write, and begin with what workers wait for."""
        self._begin()
        with self._aside():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Iterator[None]:
        """Let pytest write."""
        with self._aside():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Iterator[None]:
        """Let pytest write."""
        with self._aside():
            return (yield)
