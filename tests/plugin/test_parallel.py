"""The suite runs with a worker per requirement where nobody says otherwise; others' tests never."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

TWO_WORKERS = "*, 2 workers side by side (-n 0: one after the other)"


def workers_of(project: "Project", directory: str = "out") -> set[str]:
    """Who ran the checks; the process itself has no name."""
    return {record["worker"] for record in records(project, directory).values()}


def records(project: "Project", directory: str = "out") -> dict[str, Any]:
    root = project.path / directory
    files = root.glob("*/*/record.json")
    return {str(file.parent.relative_to(root)): json.loads(file.read_text()) for file in files}


def test_each_requirement_has_a_worker_and_the_plan_is_told_once(project: "Project") -> None:
    result = project.run_as_it_comes("--aicr", "--evidence-dir", "out")

    result.assert_outcomes(passed=3)
    assert workers_of(project) == {"gw0", "gw1"}
    for once in ("plan: 3 checks of *", "holds up to 2 accelerators *", "requirements: the list *"):
        assert len([line for line in result.outlines if line.startswith(once.rstrip("*"))]) == 1
    result.stdout.fnmatch_lines([f"holds up to 2 accelerators at once, for about 7 s{TWO_WORKERS}"])


def test_verdicts_and_records_are_those_of_one_process(project: "Project") -> None:
    project.suite(
        secure_accelerator_access="""
        import pytest
        from aicr_pytest.errors import DoesNotApply, NoCapacity
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        def test_blind():
            raise NoCapacity("0 free")

        def test_other():
            raise DoesNotApply("no claims")

        def test_broken(aicr_evidence):
            aicr_evidence.fact("devices", "3")
            assert 1 == 2
        """
    )
    project.run_as_it_comes("--aicr", "--evidence-dir", "out")
    project.run_as_it_comes("--aicr", "--evidence-dir", "alone", "-n0")

    assert workers_of(project, "alone") == {""}
    names = ("out", "alone")
    verdicts = [
        [
            (one["id"], one["verdict"], one["reason"])
            for one in project.read_run(name)["requirements"]
        ]
        for name in names
    ]
    assert verdicts[0] == verdicts[1]
    seen = [
        {check: told(record) for check, record in records(project, name).items()} for name in names
    ]
    assert seen[0] == seen[1]


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, without what differs from run to run."""
    return {
        name: value
        for name, value in record.items()
        if name in ("check", "requirement", "outcome", "message", "hint", "basis", "proves")
    } | {"observations": [(one["title"], one["kind"]) for one in record["observations"]]}


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "dra"),
        ("-m", "not secure"),
        ("-k", "claim"),
        ("--aicr-feature", "dra"),
        (".package/suite/conformance/test_dra_support.py",),
        ("-s",),
        ("--pdb",),
        ("--trace", "-m", "nothing_is_called_so"),
        ("--capture=tee-sys",),
        ("--setup-show",),
        ("--sw",),
        ("--log-cli-level=INFO",),
        ("--dist", "no"),
        ("-p", "no:xdist"),
        ("--maxprocesses=1",),
    ],
    ids=" ".join,
)
def test_one_process_is_enough_or_wanted(project: "Project", words: tuple[str, ...]) -> None:
    result = project.run_as_it_comes("--aicr", "--evidence-dir", "out", *words)

    assert "workers" not in result.stdout.str()
    assert workers_of(project) <= {""}
    assert all(line.startswith("main ") for line in project.connections)


def test_number_of_workers_by_itself_is_that_of_requirements(project: "Project") -> None:
    project.run_as_it_comes("--aicr", "-n", "auto", "--evidence-dir", "out")

    assert workers_of(project) == {"gw0", "gw1"}


def test_longest_requirement_begins_first(project: "Project") -> None:
    result = project.run_as_it_comes("--aicr", "-n1", "-v")

    begun = [line.split("::")[1] for line in result.outlines if "PASSED" in line]
    assert begun == [
        "test_pod_sees_its_device ",
        "test_neighbour_sees_none ",
        "test_claim_is_allocated ",
    ]


def test_tests_of_others_run_in_one_process(project: "Project") -> None:
    project.pytester.makepyfile(
        test_own="""
        import os
        def test_mine():
            assert "PYTEST_XDIST_WORKER" not in os.environ
        """
    )

    project.run_as_it_comes().assert_outcomes(passed=1)
    project.run_as_it_comes("--aicr", "test_own.py").assert_outcomes(passed=4)
    assert all(line.startswith("main ") for line in project.connections)


def test_third_party_checks_run_in_one_process(project: "Project") -> None:
    project.ini("aicr_suite = checks")
    project.pytester.makepyfile(
        """
        import os, pytest

        @pytest.mark.aicr_check(requirement="dra_support")
        def test_mine():
            assert "PYTEST_XDIST_WORKER" not in os.environ
        """
    )

    project.run_as_it_comes().assert_outcomes(passed=1)


FAILS = """
    import pytest
    pytestmark = pytest.mark.requirement("dra_support")

    def test_fails():
        assert False

    def test_is_never_begun():
        pass
"""


@pytest.mark.parametrize("word", ["-x", "--maxfail=1"])
def test_first_failure_ends_the_run_as_in_one_process(project: "Project", word: str) -> None:
    project.suite(dra_support=FAILS)

    result = project.run_as_it_comes("--aicr", "--evidence-dir", "out", word)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = project.read_run()
    assert told["interrupted"] is False
    (dra,) = (one for one in told["requirements"] if one["id"] == "dra_support")
    assert [check["outcome"] for check in dra["checks"]] == ["failed", "not run"]


def test_only_the_controller_makes_a_cluster(project: "Project") -> None:
    result = project.run_as_it_comes("--aicr", "--aicr-provision=lab", "--evidence-dir", "out")

    assert result.ret == 0
    assert [line.split()[0] for line in project.lab] == ["start", "stop"]
    assert workers_of(project) == {"gw0", "gw1"}


WAITS = """
    import pytest
    pytestmark = pytest.mark.requirement("{requirement}")

    def test_waits(aicr_cluster):
        import time
        aicr_cluster.observer.awaiting("Pod aicr-x/gpu", "{seen}", 8, 120)
        time.sleep(2)
"""


def test_what_workers_wait_for_is_told_with_their_requirement(project: "Project") -> None:
    project.suite(
        secure_accelerator_access=WAITS.format(
            requirement="secure_accelerator_access", seen="Pending"
        ),
        dra_support=WAITS.format(requirement="dra_support", seen="Running"),
    )

    result = project.run_as_it_comes("--aicr")

    assert sorted(line.partition(" (")[0] for line in result.outlines if "…" in line) == [
        "  … dra_support: Pod aicr-x/gpu: Running",
        "  … secure_accelerator_access: Pod aicr-x/gpu: Pending",
    ]


LONG = """
    import pathlib, time, pytest
    pytestmark = pytest.mark.requirement("{requirement}")

    @pytest.fixture
    def pod():
        yield
        pathlib.Path("undone-{requirement}").touch()

    def test_long(pod):
        pathlib.Path("began-{requirement}").touch()
        time.sleep(60)
"""


@pytest.mark.parametrize("group", [True, False], ids=["all", "the main one"])
def test_ctrl_c_runs_the_undo_of_every_worker(project: "Project", group: bool) -> None:
    names = ("dra_support", "secure_accelerator_access")
    project.suite(**{name: LONG.format(requirement=name) for name in names})
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "fake_platform", "--aicr", "--evidence-dir", "out"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not all((project.path / f"began-{name}").exists() for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert all((project.path / f"undone-{name}").exists() for name in names)
    assert said.count("SIGINT: interrupting:") == 1
    assert project.read_run()["interrupted"] is True
