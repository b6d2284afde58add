"""The client in the cluster: sends requests to a Gateway and gives what came back, uncounted."""

import json
from dataclasses import dataclass
from typing import Any

from aicr_pytest.cluster.observing import Execution
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.solutions.gateway.split import Answer
from aicr_pytest.solutions.gateway.streaming import Piece

_THREADS = 8
_GIVE_UP = 24
"""Requests without any answer in a row after which a count ends: nothing is there."""
_ONE = 5.0
"""Seconds for one request."""
_COUNT = 120.0
"""Seconds for all requests of a count; a far gateway takes 40 ms for each, eight at a time."""
_START = 30.0
"""Seconds more for the client to start, on a busy node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go."""

    address: str
    """IP or host name to connect to."""
    port: int
    """Port to connect to."""
    host: str
    """What the Host header says."""
    path: str
    """Path, without a slash at its end."""

    def __str__(self) -> str:
        return f"http://{self.address}:{self.port}{self.path} (Host: {self.host})"


class Client:
    """A pod that sends requests."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        """The pod, once it has started."""

    def count(
        self, target: Target, requests: int, headers: dict[str, str] | None = None
    ) -> tuple[list[Answer], Execution]:
        """Send requests, each on a connection of its own, eight at a time.

        Fewer answers than requests come where one request after the other got none, or where the
        time was over.
        """
        threads = min(_THREADS, requests)
        execution = self._run(
            _COUNT + _START,
            target,
            do="count",
            seconds=_COUNT,
            requests=requests,
            threads=threads,
            give_up=_GIVE_UP,
            headers=headers or {},
        )
        answers = [
            Answer(status=status, backend=backend, detail=detail, milliseconds=milliseconds)
            for status, backend, detail, milliseconds in _lines(execution)
        ]
        return answers, execution

    def stream(self, target: Target) -> tuple[list[Piece], Execution]:
        """Ask for a streamed answer; none of its pieces where it broke."""
        execution = self._run(30.0, target, do="stream")
        return [Piece(seconds=at, text=text) for at, text in _lines(execution)], execution

    def bodies(self, target: Target, size: int) -> tuple[dict[str, Any], Execution]:
        """Send a body of that many bytes, and ask for one back."""
        execution = self._run(60.0, target, do="bodies", bytes=size, timeout=25.0)
        found = _lines(execution)
        return (found[0] if found else {}), execution

    def _run(self, limit: float, target: Target, **plan: Any) -> Execution:
        whole = {
            "address": target.address,
            "port": target.port,
            "host": target.host,
            "path": target.path,
            "timeout": _ONE,
            **plan,
        }
        words = ("python3", "/aicr/client.py", json.dumps(whole))
        execution = self.pod.run(*words, timeout=limit)
        if execution.exit_code in (126, 127):
            raise ProbeFailed(f"{self.pod}: python3 does not run: {execution.stderr.strip()}")
        return execution


def _lines(execution: Execution) -> list[Any]:
    lines = execution.stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith(("[", "{"))]
