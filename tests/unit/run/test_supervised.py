"""A program of somebody else's: bounded, and nothing of it outlives the look at it."""

import os
import time
from pathlib import Path

import pytest

from aicr_pytest.run import supervised
from aicr_pytest.run.supervised import Ended, supervise


def watched(tmp_path: Path, script: str, deadline: float = 30.0) -> Ended:
    return supervise(
        ["sh", "-c", script],
        env=os.environ,
        directory=tmp_path,
        deadline=deadline,
        look=lambda _output, _seconds: None,
    )


def test_both_streams_and_the_status_are_told(tmp_path: Path) -> None:
    ended = watched(tmp_path, "echo out; echo err >&2; exit 3")

    assert (ended.status, ended.why, ended.output) == (3, "", b"out\nerr\n")


def test_too_much_output_is_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "MOST_BYTES", 1000)

    ended = watched(tmp_path, "yes")

    assert ended.why.startswith("it wrote more than")
    assert ended.output == b"y\n" * 500


def test_program_that_does_not_want_to_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "_GRACE", 0.2)

    ended = watched(tmp_path, "trap '' TERM; echo begun; while :; do sleep 5; done", deadline=0.5)

    assert ended.status == -9
    assert ended.why == "it took more than 0 s"
    assert ended.output == b"begun\n"


def test_what_it_leaves_running_ends_with_it(tmp_path: Path) -> None:
    ended = watched(tmp_path, "sleep 300 & echo $!")

    assert ended.status == 0
    assert ended.seconds < 10
    stat = Path(f"/proc/{int(ended.output)}/stat")
    end = time.monotonic() + 5
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.01)


def test_look_gets_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "_LOOK", 0.05)
    seen: list[bytes] = []

    supervise(
        ["sh", "-c", "echo begun; sleep 0.5"],
        env=os.environ,
        directory=tmp_path,
        deadline=30.0,
        look=lambda output, _: seen.append(output),
    )

    assert b"begun\n" in seen
