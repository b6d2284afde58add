"""The client in the cluster: sends requests to a Gateway and gives what came back, uncounted."""

import json
from dataclasses import dataclass
from typing import Any

from aicr_pytest.cluster.observer import Execution
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.ai_inference.streaming import Piece
from aicr_pytest.requirements.ai_inference.traffic_split import Answer
from aicr_pytest.urls import in_url

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
    tls: bool = False
    """Whether to speak TLS, with the host's name and whatever certificate comes."""

    def __str__(self) -> str:
        at = f"{in_url(self.address)}:{self.port}"
        return f"http{'s' * self.tls}://{at}{self.path} (Host: {self.host})"


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
        """Ask for a streamed answer; the last piece tells where it broke."""
        execution = self._run(30.0, target, do="stream")
        return [Piece(seconds=at, text=text) for at, text in _lines(execution)], execution

    def bodies(self, target: Target, size: int) -> tuple[dict[str, Any], Execution]:
        """Send a body of that many bytes, and ask for one back."""
        execution = self._run(60.0, target, do="bodies", bytes=size, timeout=25.0)
        seen: dict[str, Any] = _lines(execution)[0]
        return seen, execution

    def _run(self, limit: float, target: Target, **plan: Any) -> Execution:
        """Run the client's program, which reports at least one line whatever requests meet.

        Raises:
            ProbeFailed: it does not run, or it ended otherwise; its pod may have been evicted.
        """
        whole = {
            "address": target.address,
            "port": target.port,
            "host": target.host,
            "path": target.path,
            "tls": target.tls,
            "timeout": _ONE,
            **plan,
        }
        words = ("python3", "/aicr/client.py", json.dumps(whole))
        execution = self.pod.run(*words, timeout=limit)
        if execution.exit_code != 0 or not _reported(execution):
            said = execution.stderr.strip()[-300:] or "it said nothing"
            raise ProbeFailed(
                f"{self.pod}: the client ended with exit code {execution.exit_code} before it could"
                f" report: {said}"
            )
        return execution


def _reported(execution: Execution) -> list[str]:
    return [line for line in execution.stdout.splitlines() if line.startswith(("[", "{"))]


def _lines(execution: Execution) -> list[Any]:
    return [json.loads(line) for line in _reported(execution)]
