"""What SIGINT, SIGTERM and their like do to a run: the first ends it, and it cleans up.

The second makes it hurry, the third leaves what is not done by then; each says so. A signal never
breaks into a fixture's end or a report: what is half taken down stays, and nobody would know.
"""

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Literal

import pytest

from aicr_pytest.config.marks import is_check

Stage = Literal["between", "checking", "cleaning", "reporting"]
"""Where a run is: in a check's setup or call, in the end of fixtures or of the run, in reports, or
between them."""

_NUMBERS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
)
_DEADLY = tuple(
    getattr(signal, name)
    for name in ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU")
    if hasattr(signal, name)
)
"""Batch systems, clocks and limits send these before they kill. Taken over only where nobody else
has: then each would be the end."""
_WORDS = (
    "interrupting: what this run has made on the cluster is being removed; once more to hurry.",
    "hurrying: what is left is being deleted without waiting for its end; once more to leave.",
    "leaving: what is still there is named below.",
)


_WAY_OUT = 5.0
"""Seconds within which an interrupt has left a check; who holds it longer has swallowed it."""


class Signals:
    """The handlers of one process, and the plugin that tells them where the run is.

    Args:
        hurry: called with the second signal.
        leave: called with the third.
        tells: whether this process has a terminal to say it on; workers have none.
    """

    def __init__(
        self, *, hurry: Callable[[], None], leave: Callable[[], None], tells: bool
    ) -> None:
        self.received: list[str] = []
        """Names of those that came, in their order."""
        self.when_received: Callable[[], None] = lambda: None
        """Called with each, in the handler."""
        self._deeds = (lambda: None, hurry, leave)
        self._tells = tells
        self._stage: Stage = "between"
        self._left = False
        self._old: dict[int, Any] = {}
        self._terminal: int | None = None
        self._devices: set[int] = set()
        self._broke_at = float("-inf")

    @property
    def leaving(self) -> bool:
        """Whether the user waits for nothing any more."""
        return len(self.received) >= len(_WORDS)

    def install(self) -> None:
        """Take the signals over, in the main thread; those that are ignored stay so (nohup, &)."""
        if self._old or threading.current_thread() is not threading.main_thread():
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # A copy: pytest's capture puts files in the place of the original.
            self._terminal = os.dup(sys.stderr.fileno()) if self._tells else None
            self._devices = {os.fstat(number).st_rdev for number in range(3) if os.isatty(number)}
        free = [n for n in _DEADLY if signal.getsignal(n) is signal.SIG_DFL]
        wanted = [n for n in _NUMBERS if signal.getsignal(n) is not signal.SIG_IGN]
        for number in (*wanted, *free):
            self._old[number] = signal.signal(number, self._handle)

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            if number not in _DEADLY or signal.getsignal(number) == self._handle:
                signal.signal(number, handler)
        self._old.clear()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def enter(self, stage: Stage) -> None:
        """Say where the run is from now on."""
        self._stage = stage

    @contextlib.contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Say where the run is."""
        before, self._stage = self._stage, stage
        try:
            yield
        finally:
            self._stage = before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        """A check may be broken off."""
        with self.during("checking"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """A check may be broken off."""
        with self.during("checking"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """The end of a check's fixtures may not; tests of others know nothing of all this."""
        with self.during("cleaning" if is_check(item) else "checking"):
            return (yield)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        self.received.append(name)
        if name == "SIGHUP":
            self._forget_terminal()
        self.when_received()
        count = len(self.received)
        if count <= len(_WORDS) and self._stage != "reporting":
            self._say(f"{name}: {_WORDS[count - 1]}")
            self._deeds[count - 1]()
        if self._breaks(count) and not self._is_breaking():
            self._broke_at = time.monotonic()
            raise KeyboardInterrupt(name)

    def _is_breaking(self) -> bool:
        """Whether an interrupt of a moment ago is still on its way out: a second one would meet
        pytest's own clean-up in the middle.
        """
        on_its_way = isinstance(sys.exc_info()[1], KeyboardInterrupt)
        return on_its_way and time.monotonic() - self._broke_at < _WAY_OUT

    def _breaks(self, count: int) -> bool:
        if self._stage == "between":
            return count == 1  # the next ones meet pytest on its way out
        if self._stage == "cleaning" and self.leaving and not self._left:
            self._left = True
            return True
        return self._stage == "checking"

    def _say(self, text: str) -> None:
        # Past pytest and Python's buffers, which the signal may have broken into.
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.write(self._terminal, f"\n{text}\n".encode())

    def _forget_terminal(self) -> None:
        """Let what is written go nowhere: a terminal that has hung up answers with errors."""
        if not self._devices:
            return
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(256):
            with contextlib.suppress(OSError):
                found = os.fstat(descriptor)
                if stat.S_ISCHR(found.st_mode) and found.st_rdev in self._devices:
                    os.dup2(nowhere, descriptor)
        os.close(nowhere)
