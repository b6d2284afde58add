"""`aicr-pytest run --resume`: what an earlier run could not look at, and one dossier of both."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.evidence.json_fields import to_bytes
from aicr_pytest.evidence.run import RunInfo
from tests.plugin.test_cli import command

if TYPE_CHECKING:
    import subprocess

    from tests.plugin.conftest import Project

SECURE = """
    import pathlib
    import pytest
    from aicr_pytest.errors import Inconclusive

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    def test_sees(aicr_cluster):
        said = pathlib.Path("says.txt").read_text()
        if said == "blind":
            raise Inconclusive("nobody could look")
        assert said == "well"
"""


@pytest.fixture
def first(project: "Project") -> "Project":
    """A run of two requirements, of which one could not be looked at."""
    project.suite(secure_accelerator_access=SECURE)
    says(project, "blind")
    project.run("--aicr", "--evidence-dir=first")
    return project


def says(project: "Project", what: str) -> None:
    (project.path / "says.txt").write_text(what)


def resumed(project: "Project", *words: str) -> "subprocess.CompletedProcess[str]":
    return command("run", "-p", "fake_platform", *words, directory=project.path)


def verdicts(project: "Project", directory: str) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in project.read_run(directory)["requirements"]}


def test_only_what_was_inconclusive_is_looked_at_again_and_both_are_one_dossier(
    first: "Project",
) -> None:
    says(first, "well")

    said = resumed(first, "--resume", "first", "--evidence-dir", "second")

    assert said.returncode == 0, said.stdout + said.stderr
    assert "again: secure_accelerator_access\n" in said.stdout
    assert verdicts(first, "second") == {"secure_accelerator_access": "Implemented"}
    assert verdicts(first, "second-merged") == {
        "dra_support": "Implemented",
        "secure_accelerator_access": "Implemented",
    }
    assert (first.path / "second-merged" / "index.html").is_file()
    assert f"All of it: {first.path / 'second-merged' / 'index.html'}" in said.stdout


def test_nothing_to_resume_runs_nothing(first: "Project") -> None:
    says(first, "well")
    first.run("--aicr", "--evidence-dir=whole")
    before = len(first.connections)

    said = resumed(first, "--resume=whole")

    assert (said.returncode, said.stdout) == (
        0,
        "Nothing to resume: no requirement was Inconclusive.\n",
    )
    assert len(first.connections) == before


def test_failed_looks_again_at_what_was_not_implemented_and_the_new_run_counts(
    first: "Project",
) -> None:
    says(first, "ill")
    first.run("--aicr", "--evidence-dir=ill")
    says(first, "well")

    said = resumed(first, "--resume", "ill", "--failed", "--evidence-dir", "mended")

    assert said.returncode == 0
    assert verdicts(first, "mended-merged")["secure_accelerator_access"] == "Implemented"
    assert "by the user's word the newest counts: passed" in said.stdout


def test_what_failed_once_is_not_mended_by_a_resumption(first: "Project") -> None:
    says(first, "ill")
    resumed(first, "--resume", "first", "--evidence-dir", "second")
    says(first, "well")

    said = resumed(first, "--resume", "first", "--resume", "second", "--evidence-dir", "third")

    assert said.stdout == "Nothing to resume: no requirement was Inconclusive.\n"
    assert verdicts(first, "second-merged")["secure_accelerator_access"] == "Not Implemented"


def test_run_that_was_killed_is_resumed_by_its_records(project: "Project") -> None:
    killed = SECURE + "\n    def test_dies(aicr_cluster):\n        import os\n        os._exit(9)\n"
    project.suite(secure_accelerator_access=killed)
    says(project, "blind")
    project.run_apart("--aicr", "-n0", "--evidence-dir=first")
    assert project.read_run("first")["exit_status"] is None

    said = resumed(project, "--resume", "first", "--evidence-dir", "second", "-k", "sees")

    assert "first: was killed; its verdicts were made of its records" in said.stderr
    assert "again: dra_support, ai_inference, gang_scheduling" in said.stdout
    assert {"dra_support", "secure_accelerator_access"} == verdicts(project, "second-merged").keys()
    assert "All of it: " in said.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--failed"], "--failed speaks of an earlier run: name it with --resume DIR."),
        (["--resume", "nowhere"], "nowhere"),
        (["--resume", "first", "--aicr-feature", "dra"], "--resume chooses the requirements"),
        (["--resume"], "run.json"),
    ],
)
def test_words_that_say_nothing_are_refused(first: "Project", words: list[str], told: str) -> None:
    said = resumed(first, *words)

    assert said.returncode == 4
    assert said.stderr.count("ERROR:") == 1
    assert told in said.stderr
    assert not Path(first.path / "aicr-evidence").exists()


def test_report_without_a_directory_says_which_runs_there_are(first: "Project") -> None:
    lost = json.loads((first.path / "first" / "run.json").read_text())
    (first.path / "aicr-evidence" / "lost").mkdir(parents=True)
    killed = RunInfo(run_id="20991231-000000-abcd", started_at="2099-12-31T00:00:00Z")
    (first.path / "aicr-evidence" / "lost" / "run.json").write_bytes(to_bytes(killed.to_json()))
    (first.path / "theirs").mkdir()
    (first.path / "theirs" / "run.json").write_text("[]")

    said = command("report", directory=first.path)

    assert said.returncode == 0
    mine, killed_one = said.stdout.splitlines()
    assert mine == (
        f"first: run {lost['run_id']}, started {lost['started_at']}: 1 Implemented, 1 Inconclusive"
    )
    assert killed_one.startswith("aicr-evidence/lost: run 20991231-000000-abcd, ")
    assert killed_one.endswith(": goes on, or was killed before it gave verdicts")


def test_report_where_no_run_is_says_so(tmp_path: Path) -> None:
    said = command("report", directory=tmp_path)

    assert said.returncode == 4
    assert "No evidence of a run lies in " in said.stderr
