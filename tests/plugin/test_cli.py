"""The command `aicr-pytest`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.cli import main
from aicr_pytest.cluster import leftovers
from aicr_pytest.errors import ApiUnreachable

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def command(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "aicr_pytest.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        check=False,
        timeout=120,
    )


def test_list_shows_levels_and_checks_from_an_empty_directory(tmp_path: Path) -> None:
    said = command("list", directory=tmp_path)

    assert said.returncode == 0
    assert said.stderr == ""
    assert "secure_accelerator_access: Access to accelerators" in said.stdout
    assert "1.35 MUST, 1.36 not listed" in said.stdout
    assert "not automated: " in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_list_is_not_disturbed_by_the_project_around_it(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")

    said = command("list", "--json", directory=tmp_path)

    requirements = json.loads(said.stdout)["requirements"]
    assert len(requirements) == 16
    assert requirements[0]["checks"][0]["basis"] == "plan"


def test_run_is_pytest_with_the_suite(project: "Project") -> None:
    said = command("run", "-p", "fake_platform", "-m", "dra", directory=project.path)

    assert said.returncode == 0
    assert "dra_support  not listed  Implemented" in said.stdout


def test_values_of_our_options_do_not_move_the_rootdir(project: "Project") -> None:
    elsewhere = project.path / "elsewhere"
    elsewhere.mkdir()
    config = elsewhere / "config"
    config.touch()

    said = command(
        "run", "-p", "fake_platform", "--aicr-kubeconfig", str(config), directory=project.path
    )

    assert f"rootdir: {project.path}\n" in said.stdout
    assert not (elsewhere / ".pytest_cache").exists()


def test_unreadable_kubeconfig_is_one_message(tmp_path: Path) -> None:
    said = command("preflight", "--aicr-kubeconfig", "none.yaml", directory=tmp_path)

    assert said.returncode == 4
    assert said.stderr.count("ERROR:") == 1
    assert "none.yaml" in said.stderr
    assert "Traceback" not in said.stderr


def test_bad_option_of_a_command_is_named(tmp_path: Path) -> None:
    said = command("preflight", "--aicr-allocation", "magic", directory=tmp_path)

    assert said.returncode == 4
    assert "--aicr-allocation: 'magic' is not valid; valid: auto, dra" in said.stderr


def test_report_of_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    said = command("report", str(tmp_path), directory=tmp_path)

    assert said.returncode == 4
    assert "run.json" in said.stderr


def test_report_writes_lost_reports_anew(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir", "out")
    page = project.path / "out" / "index.html"
    page.unlink()

    said = command("report", "out", directory=project.path)

    assert said.returncode == 0
    assert page.is_file()


def test_verify_names_every_file_that_is_not_as_it_was_written(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir", "out")
    untouched = command("verify", "out", directory=project.path)
    (project.path / "out" / "summary.md").write_text("Implemented")
    (project.path / "out" / "more.txt").write_text("")

    said = command("verify", "out", directory=project.path)

    assert untouched.returncode == 0
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        "not listed: more.txt",
        "changed: summary.md",
    ]


@pytest.mark.parametrize("file", ["dra_support/test_claim_is_allocated/record.json", "run.json"])
def test_report_refuses_to_vouch_for_what_somebody_has_changed(
    project: "Project", file: str
) -> None:
    project.run("--aicr", "--evidence-dir", "out")
    changed = project.path / "out" / file
    changed.write_text(changed.read_text().replace("passed", "failed"))
    before = contents(project.path / "out")

    said = command("report", "out", directory=project.path)

    assert said.returncode == 4
    assert f"changed: {file}" in said.stderr
    assert contents(project.path / "out") == before


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_report_of_an_untouched_run_is_the_same_to_the_byte(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir", "out")
    before = contents(project.path / "out")

    said = command("report", "out", directory=project.path)

    assert said.returncode == 0
    assert contents(project.path / "out") == before


def test_packed_evidence_is_verified_as_its_folder_is(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir", "out")

    packed = command("pack", "out", directory=project.path)
    said = command("verify", "out.tar.gz", directory=project.path)

    assert (packed.returncode, packed.stdout) == (0, f"{project.path / 'out.tar.gz'}\n")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("out.tar.gz: every file is as its manifest says (run 20")
    assert said.stdout.count("\n") == 1


def test_report_of_a_killed_run_gives_no_verdict_that_it_cannot_know(project: "Project") -> None:
    project.suite(
        secure_accelerator_access="""
        import os, pytest
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        def test_first():
            pass

        def test_second():
            os._exit(9)
        """
    )
    project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out")

    said = command("report", "out", directory=project.path)

    assert said.returncode == 0
    told = project.read_run()
    assert told["interrupted"] is True
    assert [r["verdict"] for r in told["requirements"]] == ["Inconclusive"]


@pytest.mark.parametrize(
    "name", ["list", "preflight", "report", "verify", "pack", "clean", "submit", "validate"]
)
def test_every_command_has_a_help_that_teaches(name: str, tmp_path: Path) -> None:
    said = command(name, "--help", directory=tmp_path)

    assert said.returncode == 0
    assert len(said.stdout) > 250


def test_command_line_that_is_wrong_ends_as_pytest_does(tmp_path: Path) -> None:
    assert command(directory=tmp_path).returncode == 4

    said = command("preflight", "--nonsense", directory=tmp_path)

    assert said.returncode == 4
    assert "ERROR: unrecognized arguments: --nonsense" in said.stderr


def test_preflight_takes_what_decides_which_solutions_are_looked_at(tmp_path: Path) -> None:
    words = ("--aicr-solution", "gang=kueue", "--aicr-toleration", "team=ai:NoSchedule")

    said = command("preflight", *words, "--aicr-kubeconfig", "none.yaml", directory=tmp_path)

    assert "none.yaml" in said.stderr


TOKEN = "hf_" + "a1B2c3D4" * 5
HOSTILE = f"{TOKEN} \x1b]0;owned\x07\x1b[2J\x9b1m\u202e\rover\nNothing of ours is on the cluster."


def assert_harmless(said: str, lines: int) -> None:
    assert all(line.isprintable() for line in said.splitlines())
    assert "a1B2" not in said
    assert len(said.splitlines()) == lines


def test_list_of_what_is_left_cannot_move_the_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Left:
        problem = HOSTILE
        run = "20260102-030405-ab12"
        unseen = ()

        def __str__(self) -> str:
            return HOSTILE

    found = leftovers.Findings(left=[Left()], spared=[], alive={})  # type: ignore[list-item]
    monkeypatch.setattr(main, "connect", lambda settings: None)
    monkeypatch.setattr(leftovers, "search", lambda *_: found)

    main.main(["clean", "--run", Left.run, "--dry-run"])
    assert_harmless(capsys.readouterr().out, 2)


def test_error_of_a_command_cannot_move_the_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(settings: object) -> None:
        raise ApiUnreachable(HOSTILE)

    monkeypatch.setattr(main, "connect", refuse)

    assert main.main(["clean"]) == 4
    assert_harmless(capsys.readouterr().err, 2)


@pytest.mark.parametrize(
    "name", ["a\0b", "x" * 5000, "a/" * 3000, "é" * 200, "a\nb", "dra_support/loop", "../../x", "/"]
)
def test_report_of_a_stranger_with_an_odd_file_name_is_no_traceback(
    project: "Project", name: str
) -> None:
    project.run("--aicr", "--evidence-dir", "out")
    (project.path / "out/dra_support/loop").symlink_to("loop")
    (file,) = (project.path / "out/dra_support").glob("*/record.json")
    record = json.loads(file.read_text())
    record["observations"] = [
        {"title": "t", "kind": "text", "source": "s", "file": name, "taken_at": "", "sha256": "",
         "exit_code": None, "size": 1}
    ]  # fmt: skip
    file.write_text(json.dumps(record))

    (project.path / "out/manifest.json").unlink()  # as a run that was killed has none
    said = command("report", "out", directory=project.path)

    assert "Traceback" not in said.stderr
    assert said.stderr.count("ERROR") <= 1
    if said.returncode:
        assert said.returncode == 4
        assert "record.json: observations[0]: file is no name of a file: '" in said.stderr
        assert len(said.stderr) < 1000
    else:
        page = (project.path / "out/index.html").read_text()
        assert "evidence is incomplete" in page


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_report_of_a_stranger_with_an_odd_number_is_one_error(
    project: "Project", seconds: str
) -> None:
    project.run("--aicr", "--evidence-dir", "out")
    file = project.path / "out/run.json"
    file.write_text(file.read_text().replace('"seconds": ', f'"seconds": {seconds}, "was": ', 1))

    said = command("report", "out", directory=project.path)

    assert said.returncode == 4
    assert said.stderr.count("\n") == 1
    assert "run.json: the field 'seconds' is no time in seconds" in said.stderr
