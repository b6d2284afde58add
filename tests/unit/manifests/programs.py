"""Programs out of manifests, run as a pod runs them, on the loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"

LOOPBACKS = ("127.0.0.1", *(("::1",) if socket.has_dualstack_ipv6() else ()))
"""A pod's address may be of one kind or of the other."""


@contextmanager
def served(program: str, **environment: str) -> Iterator[int]:
    """Port on which a program serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, str(MANIFESTS / program)],
        env={**os.environ, **environment, "PORT": str(port)},
    )
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        assert process.wait(10) == 0  # it ends at once when it is told to


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on {port}")
