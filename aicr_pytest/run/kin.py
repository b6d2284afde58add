"""Signals for workers come from the controller alone, and each of them gets each.

Who cancels a run tells its first process, or all of its group: a worker that hears of it twice
would hurry, one that does not would be killed in the middle of its check. So workers leave the
group.
"""

import contextlib
import os
import signal
from pathlib import Path

_PID = ".pid"


def step_aside(folder: Path, worker: str) -> None:
    """Take this worker out of the group, and note where it is found.

    Args:
        folder: that the processes of a run share.
    """
    with contextlib.suppress(OSError):  # a leader of a session already; the folder is gone
        os.setpgrp()
        (folder / f"{worker}{_PID}").write_text(str(os.getpid()), encoding="utf-8")


def pass_on(folder: Path, name: str) -> None:
    """Send a signal to every worker that is there; safe in a signal handler."""
    for file in folder.glob(f"*{_PID}"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text(encoding="utf-8")), signal.Signals[name])


def forget(folder: Path, worker: str) -> None:
    """A worker has ended: its number may become another process's."""
    with contextlib.suppress(OSError):
        (folder / f"{worker}{_PID}").unlink(missing_ok=True)
