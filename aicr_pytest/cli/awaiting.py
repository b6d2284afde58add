"""What a command waits for, line by line."""

import time
from collections.abc import Callable

from aicr_pytest.cluster.observer import Unobserved

_HEARTBEAT = 5.0
"""Seconds after which the same is said again."""


class Awaiting(Unobserved):
    """An observer that says what is awaited: what is new at once, the rest now and then."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._told, self._told_at = "", 0.0

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """One more look at what is awaited."""
        told, now = f"{what}: {seen}", self._clock()
        if told != self._told or now - self._told_at >= _HEARTBEAT:
            self._told, self._told_at = told, now
            self._say(f"… {told} ({elapsed:.0f} of {timeout:.0f} s)")
