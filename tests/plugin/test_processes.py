"""Workers, signals and output that need a process of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def test_workers_give_the_same_verdicts_and_share_one_run(project: "Project") -> None:
    result = project.run_apart("--aicr", "-n", "2", "--evidence-dir", "out", "-p", "xdist")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "plan: 3 checks of dra_support (not listed), secure_accelerator_access (MUST)",
            "dra_support *Implemented*1 of 1 deciding checks passed",
            "secure_accelerator_access *Implemented*2 of 2 deciding checks passed",
        ]
    )
    assert len({line.split()[1] for line in project.connections}) == 1, "one run id"
    told = project.read_run()
    assert [r["verdict"] for r in told["requirements"]] == ["Implemented", "Implemented"]


def test_worker_gets_whole_modules_for_each_has_one_workspace(project: "Project") -> None:
    project.run_apart("--aicr", "-n", "2", "--evidence-dir", "out", "-p", "xdist")

    records = (project.path / "out" / "secure_accelerator_access").glob("*/record.json")
    assert len({json.loads(record.read_text())["worker"] for record in records}) == 1


def test_only_the_controller_starts_the_lab(project: "Project") -> None:
    result = project.run_apart("--aicr", "--aicr-lab", "-n", "2")

    assert result.ret == 0
    assert project.lab == ["start default", "stop default"]
    assert all("lab.kubeconfig" in line for line in project.connections)


def test_workers_tell_inconclusive_and_what_does_not_apply(project: "Project") -> None:
    project.suite(
        secure_accelerator_access="""
        import pytest
        from aicr_pytest.errors import DoesNotApply, NoCapacity
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        def test_blind():
            raise NoCapacity("0 free")

        def test_other():
            raise DoesNotApply("no claims")
        """
    )

    result = project.run_apart("--aicr", "-n", "2", "-m", "secure")

    result.stdout.fnmatch_lines(["*1 inconclusive*"])
    result.stdout.fnmatch_lines(["*Inconclusive*Blind: 0 free*"])


def test_check_that_its_worker_died_over_is_inconclusive(project: "Project") -> None:
    project.suite(
        secure_accelerator_access="""
        import os, pytest
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        def test_dies():
            os._exit(3)

        def test_other():
            pass
        """
    )

    result = project.run_apart("--aicr", "-n", "1", "-m", "secure", "--evidence-dir", "out")

    assert result.ret != 0
    (requirement,) = project.read_run()["requirements"]
    assert requirement["verdict"] == "Inconclusive"
    # xdist gives the dead worker's module to a new one; what has killed one is not tried again.
    assert [check["outcome"] for check in requirement["checks"]] == ["inconclusive", "passed"]
    assert "Worker gw0 died while it ran this check." in requirement["reason"]


def test_evidence_directory_does_not_become_the_root_of_workers(project: "Project") -> None:
    project.ini("aicr_suite = asked")
    project.pytester.makepyfile(test_own="def test_mine(): assert False, 'must not be collected'")

    result = project.run_apart("-m", "dra or secure", "-n", "1", "--evidence-dir", "out")

    result.assert_outcomes(passed=3)


def test_folder_of_a_kubeconfig_does_not_become_the_root(
    project: "Project", tmp_path_factory: pytest.TempPathFactory
) -> None:
    project.ini("aicr_suite = asked")
    kubeconfig = tmp_path_factory.mktemp("elsewhere") / "config"
    kubeconfig.touch()

    result = project.run_apart("-m", "dra", "--aicr-kubeconfig", str(kubeconfig))

    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines([f"rootdir: {project.path}", "configfile: pytest.ini"])
    assert [path.name for path in kubeconfig.parent.iterdir()] == ["config"]


def test_misled_root_is_one_message_where_pytest_cannot_be_started_again(
    project: "Project", tmp_path_factory: pytest.TempPathFactory
) -> None:
    kubeconfig = tmp_path_factory.mktemp("elsewhere") / "config"
    kubeconfig.touch()

    result = project.run("--aicr", "--aicr-kubeconfig", str(kubeconfig))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*one word: --aicr-kubeconfig={kubeconfig}*"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_in_the_middle_of_a_check_runs_every_undo(
    project: "Project", number: signal.Signals
) -> None:
    project.suite(
        secure_accelerator_access="""
        import pathlib, time, pytest
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        @pytest.fixture
        def pod():
            yield
            pathlib.Path("undone").touch()

        def test_long(pod):
            pathlib.Path("began").touch()
            time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "fake_platform", "--aicr", "-m", "secure"]
    process = subprocess.Popen(
        [*command, "--evidence-dir", "out"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    _wait_for(lambda: (project.path / "began").exists())

    process.send_signal(number)
    said, _ = process.communicate(timeout=30)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert (project.path / "undone").exists()
    assert "secure_accelerator_access" in said
    assert project.read_run()["interrupted"] is True


def test_long_wait_is_told_while_it_lasts(project: "Project") -> None:
    project.suite(
        secure_accelerator_access="""
        import pytest
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        def test_waits(aicr_cluster):
            for elapsed in (1, 7, 8):
                aicr_cluster.observer.awaiting("Pod aicr-x/gpu", "Pending", elapsed, 120)
            aicr_cluster.observer.awaiting("Pod aicr-x/gpu", "Running", 9, 120)
        """
    )

    result = project.run_apart("--aicr", "-m", "secure")

    lines = [line for line in result.outlines if "…" in line]
    assert lines == [
        "  … Pod aicr-x/gpu: Pending (7 of 120 s)",
        "  … Pod aicr-x/gpu: Running (9 of 120 s)",
    ]


def _wait_for(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not there():
        assert time.monotonic() < deadline, "the check never began"
        time.sleep(0.05)


def test_wrong_mark_of_a_check_is_a_usage_error_with_workers_too(project: "Project") -> None:
    project.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.aicr_check(requirement="dra_support", basis="wish")
        def test_theirs():
            pass
        """
    )

    result = project.run_apart("--aicr", "-n", "2", ".")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *basis='wish'*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
