"""What Sonobuoy's worker finds: an archive, and at the end the file that names it."""

import tarfile
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from aicr_pytest.cli import in_pod
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.evidence.run import Verdict, read_run
from aicr_pytest.in_cluster import sonobuoy
from tests.unit.evidence import small_run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    results = tmp_path / "sonobuoy" / "results"
    monkeypatch.setenv("SONOBUOY_RESULTS_DIR", str(results))
    return results


def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suite: Any) -> int:
    monkeypatch.setattr(in_pod, "_run_suite", suite)
    return in_pod.main(["sonobuoy", "--folder", str(tmp_path / "e"), "--", "-m", "must"])


def told(folder: Path) -> dict[str, Any]:
    """What Sonobuoy reads of the archive that `done` names."""
    archive = (folder / "done").read_text()
    with tarfile.open(archive) as tar:
        file = tar.extractfile(sonobuoy.RESULTS)
        assert file is not None
        read: dict[str, Any] = yaml.safe_load(file)
        return read


def test_done_names_an_archive_with_results_and_evidence(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suite(words: list[str], evidence: Path) -> int:
        assert words == ["-m", "must"]
        small_run.make(evidence)
        return 0

    assert plugin(tmp_path, monkeypatch, suite) == 0

    archive = folder / "results.tar.gz"
    # The worker takes the whole file for the name, and what follows its first dot for the type.
    assert (folder / "done").read_bytes() == str(archive).encode()
    assert (folder / "done").stat().st_mtime_ns >= archive.stat().st_mtime_ns
    assert sorted(path.name for path in folder.iterdir()) == ["done", "results.tar.gz"]
    with tarfile.open(archive) as tar:
        assert {sonobuoy.RESULTS, "evidence/run.json"} <= set(tar.getnames())
    (requirement,) = told(folder)["items"]
    assert (told(folder)["status"], requirement["status"]) == ("passed", "passed")
    assert requirement["items"][0]["name"] == small_run.CHECK


@pytest.mark.parametrize(
    ("verdict", "exit_status", "status"),
    [
        ("Implemented", 0, "passed"),
        ("Not Implemented", 1, "failed"),
        ("Inconclusive", 1, "inconclusive"),
        ("Unknown", 1, "inconclusive"),
        ("N/A", 0, "passed"),
        ("Implemented", 2, "inconclusive"),
    ],
)
def test_nobody_is_accused_of_what_nobody_could_look_at(
    tmp_path: Path, verdict: Verdict, exit_status: int, status: str
) -> None:
    run = read_run(small_run.make(tmp_path / "run", verdict=verdict, exit_status=exit_status))

    assert sonobuoy.results(run)["status"] == status


def test_every_outcome_and_verdict_has_a_word() -> None:
    assert set(sonobuoy._VERDICTS) == set(get_args(Verdict))
    assert set(sonobuoy._CHECKS) == set(get_args(Outcome))


def test_a_run_that_did_not_begin_passes_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugin(tmp_path, monkeypatch, lambda words, evidence: 4) == 4

    assert told(folder)["status"] == "inconclusive"
    assert "ended with 4" in told(folder)["details"]["reason"]


def test_a_suite_that_breaks_keeps_nobody_waiting(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(words: list[str], evidence: Path) -> int:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        plugin(tmp_path, monkeypatch, broken)

    assert told(folder)["status"] == "inconclusive"
