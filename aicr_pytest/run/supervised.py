"""A program of somebody else's: watched, bounded, and ended with all that it has started."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 32 * 1024 * 1024
"""Of output; a program that writes more is ended, for all of it is kept in memory."""

_GRACE = 10.0
"""Seconds between asking for the end and forcing it."""
_LOOK = 1.0
"""Seconds between two looks at a program that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a program."""

    status: int
    """Exit status; negative where a signal ended it."""
    why: str
    """Why it was ended before it ended itself; empty where it did."""
    output: bytes
    """What it wrote to both streams, in the order of its writing."""
    seconds: float
    """Wall clock."""


def supervise(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    directory: Path,
    deadline: float,
    look: Callable[[bytes, float], None],
) -> Ended:
    """Run a program to its end, or to ours: a deadline, too much output, an interrupt.

    It gets a process group of its own, so that a Ctrl-C on the terminal reaches it only through us,
    and none of what it started outlives it.

    Args:
        command: program and arguments.
        env: its environment.
        directory: where it works.
        deadline: seconds that it may take.
        look: called about once a second with the output so far, and the seconds.

    Raises:
        OSError: it cannot be started.
    """
    began = time.monotonic()
    output = bytearray()
    process = subprocess.Popen(
        list(command),
        env=dict(env),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    why = "it was interrupted"
    try:
        why = _follow(process, output, began, deadline, look)
    except KeyboardInterrupt:
        pass  # the run ends, and keeps what there is
    finally:
        _end(process)
    return Ended(
        status=process.returncode,
        why=why,
        output=bytes(output),
        seconds=time.monotonic() - began,
    )


def _follow(
    process: subprocess.Popen[bytes],
    output: bytearray,
    began: float,
    deadline: float,
    look: Callable[[bytes, float], None],
) -> str:
    """Read until it has ended; gives why it has to be ended, if so."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        told = began
        while (now := time.monotonic()) - began < deadline:
            if now - told >= _LOOK:
                told = now
                look(bytes(output), now - began)
            if selector.select(min(_LOOK, deadline - (now - began))):
                if not (chunk := os.read(descriptor, 65_536)):
                    break
                output += chunk
                if len(output) > MOST_BYTES:
                    del output[MOST_BYTES:]
                    return f"it wrote more than {MOST_BYTES // 1024**2} MiB"
            elif process.poll() is not None:
                return ""  # what it has started holds its output open, and ends with it
    try:
        process.wait(max(0.0, deadline - (time.monotonic() - began)))
    except subprocess.TimeoutExpired:
        return f"it took more than {deadline:.0f} s"
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, gracefully first, whatever interrupts us meanwhile."""
    try:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    # The group outlives its leader where something in it does, and is nobody else's till then.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
