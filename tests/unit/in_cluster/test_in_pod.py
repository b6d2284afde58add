"""The pod's parts: run, hold, offer, give, take."""

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.cli import in_pod
from aicr_pytest.evidence import archive
from aicr_pytest.evidence.run import read_run
from aicr_pytest.in_cluster.summary import Summary
from tests.unit.evidence import small_run

RUN = "20261123-201405-7f3a"


def part(*words: str, folder: Path) -> int:
    return in_pod.main([words[0], f"--folder={folder}", *words[1:]])


@pytest.fixture(autouse=True)
def last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "termination-log"
    monkeypatch.setattr(in_pod, "LAST_WORDS", path)
    return path


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a run has ended."""

    def suite(words: Any, evidence: Path) -> int:
        small_run.make(evidence, RUN)
        return 1

    monkeypatch.setattr(in_pod, "_run_suite", suite)
    folder = tmp_path / "evidence"
    folder.mkdir()
    assert part("run", "--", "-m", "must", folder=folder) == 1
    return folder


def test_the_pods_last_words_are_the_verdicts(ran: Path, last_words: Path) -> None:
    told = Summary.read(last_words.read_text())

    assert told == Summary(exit=1, run=RUN, verdicts={"robust_controller": "Implemented"})
    assert in_pod.Place(ran).summary.read_text() == last_words.read_text()


def test_what_is_given_piece_by_piece_is_the_archive(
    ran: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_pod, "PIECE", 100)
    assert part("offer", folder=ran) == 0
    offered = json.loads(capsys.readouterr().out)
    data = b""
    while len(data) < offered["size"]:
        assert part("give", f"--offset={len(data)}", folder=ran) == 0
        data += base64.b64decode(capsys.readouterr().out)

    assert hashlib.sha256(data).hexdigest() == offered["sha256"]
    packed = tmp_path / "packed.tar.gz"
    packed.write_bytes(data)
    assert read_run(archive.unpack(packed, tmp_path / "out")).run_id == RUN


def test_evidence_of_a_killed_run_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run.make(in_pod.Place(tmp_path).evidence, RUN, exit_status=None)

    assert part("offer", folder=tmp_path) == 0

    assert json.loads(capsys.readouterr().out)["size"] > 0
    assert (in_pod.Place(tmp_path).evidence / "manifest.json").exists()


def test_where_there_is_no_evidence_nothing_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert part("offer", folder=tmp_path) == 0
    assert json.loads(capsys.readouterr().out) == {}


def test_the_pod_is_held_until_the_evidence_is_taken(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            part("take", folder=ran)

    monkeypatch.setattr(time, "sleep", sleep)
    assert part("hold", "--seconds=1000", folder=ran) == 0
    assert len(slept) == 3


def test_nobody_is_waited_for_without_an_end(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    assert part("hold", "--seconds=5", folder=ran) == 0
    assert len(slept) == 5


def test_a_run_that_goes_on_does_not_use_up_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 50:
            in_pod.Place(tmp_path).summary.touch()

    monkeypatch.setattr(time, "sleep", sleep)
    assert part("hold", "--seconds=5", folder=tmp_path) == 0
    assert len(slept) == 54


def test_a_suite_that_breaks_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: Path
) -> None:
    def broken(words: Any, evidence: Path) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(in_pod, "_run_suite", broken)
    with pytest.raises(RuntimeError, match="broken"):
        part("run", folder=tmp_path)

    assert Summary.read(last_words.read_text()) == Summary(exit=3)


def test_a_summary_fits_where_a_pod_leaves_its_last_words() -> None:
    long = Summary(exit=1, run=RUN, verdicts={f"requirement-{n}": "x" * 100 for n in range(99)})

    assert len(long.text) < 4096
    assert Summary.read(long.text) == Summary(exit=1, run=RUN)


@pytest.mark.parametrize(
    "text", ["", "Killed", "[]", "{}", '{"exit": 1, "run": "", "verdicts": 3}']
)
def test_other_last_words_are_none(text: str) -> None:
    assert Summary.read(text) is None
