"""Waiting for threads, with an ear for signals."""

import threading
from collections.abc import Iterable

_SLICE = 0.5


def join_all(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads, and hear signals meanwhile.

    In slices: a signal that comes just before the main thread waits, or that another thread gets,
    does not wake it, and its handler would run when the wait is over.
    """
    for thread in threads:
        while thread.is_alive():
            thread.join(_SLICE)
