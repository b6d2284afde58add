"""The backend and the client of ai_inference, against each other."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .programs import LOOPBACKS, MANIFESTS, served

BYTES = 4 * 1024


@pytest.fixture(scope="module")
def backend() -> Iterator[int]:
    with served("ai_inference/backend.py", BACKEND="first") as port:
        yield port


def client(port: int, do: str, **plan: Any) -> list[Any]:
    """What the client reports, line by line."""
    base = {"address": "127.0.0.1", "port": port, "host": "x.test", "path": "/p", "tls": False}
    argument = json.dumps({**base, "timeout": 10, "do": do, **plan})
    done = subprocess.run(
        [sys.executable, str(MANIFESTS / "ai_inference/client.py"), argument],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


COUNT = {"requests": 20, "threads": 4, "seconds": 30, "give_up": 3}


def test_every_request_is_answered_by_the_backends_name(backend: int) -> None:
    lines = client(backend, "count", **COUNT)

    assert [line[:3] for line in lines] == [[200, "first", ""]] * 20


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_backend_is_reached_by_addresses_of_each_kind(backend: int, loopback: str) -> None:
    lines = client(backend, "count", address=loopback, **COUNT)

    assert [line[:3] for line in lines] == [[200, "first", ""]] * 20


def test_requests_end_once_many_in_a_row_get_no_answer() -> None:
    with served("ai_inference/backend.py", BACKEND="gone") as port:
        pass  # nobody listens there any more

    lines = client(port, "count", **{**COUNT, "threads": 1})

    assert [line[0] for line in lines] == [0, 0, 0]
    assert all("refused" in line[2] for line in lines)


def test_events_come_one_by_one(backend: int) -> None:
    lines = client(backend, "stream")

    assert lines[0][1] == "status 200"
    assert "".join(text for _, text in lines[1:]).count("data: ") == 8
    assert len(lines) > 2  # they were not gathered into one piece


def test_bodies_pass_unchanged_there_and_back(backend: int) -> None:
    (seen,) = client(backend, "bodies", bytes=BYTES)

    for way in ("there", "back"):
        assert seen[way] == {"status": 200, "detail": "", "received": BYTES, "same": True}
