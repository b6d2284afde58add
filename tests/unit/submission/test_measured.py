"""Evidence is believed only where all of it fits together."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.submission.measured import read_measured
from tests.unit.submission import world

CHECK = "gang_scheduling/test_it_works"


def refused(directory: Path, *, simulated: bool = False) -> str:
    with pytest.raises(SettingsError) as error:
        read_measured(directory, simulated=simulated)
    return str(error.value)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_whole_run_is_believed(tmp_path: Path) -> None:
    found = read_measured(world.evidence(tmp_path / "out"), simulated=False)

    assert found.version == "1.37"
    assert found.of("gang_scheduling") is not None
    assert found.of("gpu_sharing") is None


def test_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()

    assert "is no evidence of aicr-pytest: it has no run.json" in refused(tmp_path)


def test_folder_of_several_runs_names_them(tmp_path: Path) -> None:
    world.evidence(tmp_path / "one")
    world.evidence(tmp_path / "two")

    assert "holds several runs; a submission speaks of one: one, two" in refused(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert "is no directory" in refused(tmp_path / "none")


@pytest.mark.parametrize(
    "change", [{"interrupted": True}, {"finished_at": ""}, {"exit_status": None}]
)
def test_half_a_run_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    directory = world.evidence(tmp_path / "out", **change)

    assert "was ended early, and half a run proves nothing" in refused(directory)


def test_run_without_a_manifest_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    (directory / "manifest.json").unlink()

    assert "it has no manifest.json, with which a run ends" in refused(directory)


def test_newer_format_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    edit(directory / "run.json", lambda run: run.update(schema=99))

    assert "Use the version of aicr-pytest that wrote it" in refused(directory)


def test_changed_byte_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    next((directory / CHECK).glob("01-*")).write_text("9 of 9")

    assert "is not as its run has written it:\n  changed: gang_scheduling" in refused(directory)


def test_changed_observation_is_refused_though_the_manifest_was_made_anew(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    next((directory / CHECK).glob("01-*")).write_text("9 of 9")
    write_manifest(directory)

    assert "is not what its record says" in refused(directory)


def test_missing_record_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    (directory / CHECK / "record.json").unlink()
    write_manifest(directory)

    assert "is not whole" in refused(directory)


def test_outcome_that_only_run_json_calls_passed_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")
    edit(directory / CHECK / "record.json", lambda record: record.update(outcome="failed"))
    write_manifest(directory)

    assert "test_it_works is passed in run.json and failed in its record" in refused(directory)


@pytest.mark.parametrize("outcome", ["failed", "not run", "not applicable"])
def test_verdict_that_its_checks_do_not_give_is_refused(tmp_path: Path, outcome: str) -> None:
    directory = world.evidence(tmp_path / "out")

    def lie(data: dict[str, Any]) -> None:
        checks = data["requirements"][0]["checks"] if "requirements" in data else [data]
        checks[0]["outcome"] = outcome

    edit(directory / "run.json", lie)
    edit(directory / CHECK / "record.json", lie)
    write_manifest(directory)

    assert "gang_scheduling is Implemented in run.json, though" in refused(directory)


def test_simulated_run_is_refused_unless_a_rehearsal_is_wanted(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out", simulated=True)

    assert "A rehearsal that says so in every file: --simulated" in refused(directory)
    assert read_measured(directory, simulated=True).view.run.simulated


def test_real_run_is_no_rehearsal(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out")

    assert "Leave --simulated out" in refused(directory, simulated=True)


def test_run_judged_by_another_versions_list_is_refused(tmp_path: Path) -> None:
    directory = world.evidence(tmp_path / "out", list_version="1.36")

    assert "judged by the list of 1.36, and the cluster has Kubernetes 1.37" in refused(directory)


def test_run_that_met_no_server_is_refused(tmp_path: Path) -> None:
    from aicr_pytest.evidence.run import ClusterInfo

    directory = world.evidence(tmp_path / "out", cluster=ClusterInfo())

    assert "does not say which Kubernetes it met" in refused(directory)
