"""Upstream's own suite beside ours: ``--upstream-suite``, with a stand-in for its test binary."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from aicr_pytest.run import upstream_suite
from tests.plugin.test_bad_input import refused
from tests.plugin.test_submission import FOLDER, LIST, said_by
from tests.unit.submission import world
from tests.unit.submission.suites import KUBECONFIG, PASSES, stand_in

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

FAILS = PASSES.replace("PASS: TestSecure", "FAIL: TestSecure").replace("echo PASS", "echo FAIL")
HANGS = """\
echo '=== RUN   TestSecureAcceleratorAccess'
sleep 300 &
echo $! > sleeper.txt
wait
"""


@pytest.fixture
def vendor(project: "Project") -> "Project":
    """A project with a kubeconfig, and a checkout and a product.yaml beside it."""
    (project.path / "kubeconfig").write_text(KUBECONFIG)
    world.checkout(project.path / "co", LIST)
    world.product(project.path / "product.yaml")
    return project


def suite(project: "Project", body: str = PASSES, **how: Any) -> None:
    """The stand-in."""
    stand_in(project.path / "ai.test", body, **how)


def arguments(command: str = "./ai.test") -> tuple[str, ...]:
    return (
        "--aicr",
        "--evidence-dir=out",
        "--aicr-kubeconfig=kubeconfig",
        f"--upstream-suite={command}",
    )


def test_log_is_evidence_redacted_and_sealed(vendor: "Project") -> None:
    suite(vendor)

    result = vendor.run(*arguments("./ai.test -allocation-mode=dra"))

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "upstream's suite: runs now, for at most 90 min",
            "  PASS TestSecureAcceleratorAccess",
            "upstream's suite: 2 passed, 0 failed, 0 skipped; exit status 0, *: upstream/e2e.log",
        ]
    )
    log = (vendor.path / "out/upstream/e2e.log").read_text()
    assert "--- PASS: TestSecureAcceleratorAccess (0.10s)\n" in log
    assert "s3cr3t" not in log
    assert vendor.read_run()["upstream"].startswith("2 passed, 0 failed, 0 skipped; exit status 0")
    assert "Upstream's suite: 2 passed" in (vendor.path / "out/summary.md").read_text()
    assert said_by(vendor, "verify", "out")[0] == 0
    (vendor.path / "out/upstream/e2e.log").write_text(log.replace("PASS", "FAIL"))
    assert "changed: upstream/e2e.log" in said_by(vendor, "verify", "out")[1]


def test_log_is_redacted_before_it_lies_in_the_evidence(
    vendor: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_pytest.reports.foreign.redact_files", lambda *_: [])
    suite(vendor)

    vendor.run(*arguments())

    assert "s3cr3t" not in (vendor.path / "out/upstream/e2e.log").read_text()


def test_it_meets_the_cluster_and_context_of_the_run(vendor: "Project") -> None:
    suite(vendor)

    vendor.run(*arguments("./ai.test -allocation-mode=dra"), "--aicr-context=staging")

    flags, path, *pinned = (vendor.path / "ran.txt").read_text().splitlines()
    assert flags == "-test.v -allocation-mode=dra"
    assert path.endswith(":kubeconfig")
    assert "current-context: staging" in pinned
    assert not Path(path.partition(":")[0]).exists()


def test_it_runs_after_the_checks_and_once(vendor: "Project") -> None:
    suite(vendor, f"echo again >> times.txt\n{PASSES}")

    result = vendor.run_apart(*arguments(), "-n", "2")

    assert result.ret == pytest.ExitCode.OK
    lines = result.stdout.lines
    checks = max(i for i, line in enumerate(lines) if "[100%]" in line)
    assert lines.index("upstream's suite: runs now, for at most 90 min") > checks
    assert (vendor.path / "times.txt").read_text() == "again\n"


def test_submission_names_its_tests(vendor: "Project") -> None:
    suite(vendor)

    vendor.run(*arguments(), "--cncf-submission=co")

    folder = vendor.path / "co" / FOLDER
    product = yaml.safe_load((folder / "PRODUCT.yaml").read_text())
    assert product["spec"]["security"][0]["evidence"] == [
        "secure_accelerator_access.md",
        "upstream/e2e.log#TestSecureAcceleratorAccess",
    ]
    assert said_by(vendor, "validate", f"co/{FOLDER}")[0] == 0


def test_its_failure_is_the_runs_and_keeps_a_submission_from_being_written(
    vendor: "Project",
) -> None:
    suite(vendor, f"{FAILS}exit 1\n")

    result = vendor.run(*arguments(), "--cncf-submission=co")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "  FAIL TestSecureAcceleratorAccess",
            "upstream's suite: 1 passed, 1 failed, 0 skipped; exit status 1, *",
            "no pull request was written: *failed: TestSecureAcceleratorAccess.",
        ]
    )
    run = vendor.read_run()
    assert run["exit_status"] == 1
    verdicts = {one["id"]: one["verdict"] for one in run["requirements"]}
    assert verdicts["secure_accelerator_access"] == "Implemented"
    assert not (vendor.path / "co" / "v1.37").exists()


def test_its_success_makes_no_verdict_better(vendor: "Project") -> None:
    suite(vendor)
    vendor.suite(
        secure_accelerator_access="""
            import pytest

            pytestmark = pytest.mark.requirement("secure_accelerator_access")

            def test_pod_sees_its_device(aicr_cluster):
                assert False, "it sees none"
        """
    )

    result = vendor.run(*arguments())

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (secure,) = [one for one in vendor.read_run()["requirements"] if one["id"] != "dra_support"]
    assert secure["verdict"] == "Not Implemented"


def test_deadline_ends_all_that_it_started_and_keeps_what_it_said(
    vendor: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_suite, "DEADLINE", 2.0)
    suite(vendor, HANGS)

    result = vendor.run(*arguments())

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["upstream's suite: *ended before its end, for it took more than 2 s*"]
    )
    assert "=== RUN " in (vendor.path / "out/upstream/e2e.log").read_text()
    assert is_gone(int((vendor.path / "sleeper.txt").read_text()))
    status, said = said_by(vendor, "submit", "out", "--checkout", "co", "--product", "product.yaml")
    assert status == 4
    assert "upstream/e2e.log is broken off: TestSecureAcceleratorAccess has no result" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_it_and_keeps_what_it_said(vendor: "Project", number: int) -> None:
    suite(vendor, HANGS)
    command = [sys.executable, "-m", "pytest", "-p", "fake_platform", *arguments()]
    process = subprocess.Popen(
        command, cwd=vendor.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(vendor.path / "sleeper.txt")
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == pytest.ExitCode.INTERRUPTED, said
    assert "Traceback" not in said
    assert is_gone(int((vendor.path / "sleeper.txt").read_text()))
    assert "=== RUN " in (vendor.path / "out/upstream/e2e.log").read_text()
    run = vendor.read_run()
    assert run["interrupted"]
    assert "ended before its end, for it was interrupted" in run["upstream"]
    assert said_by(vendor, "verify", "out")[0] == 0


def test_interrupted_run_does_not_begin_it(vendor: "Project") -> None:
    suite(vendor)
    vendor.suite(
        dra_support="""
            import os, signal
            import pytest

            pytestmark = pytest.mark.requirement("dra_support")

            def test_claim_is_allocated(aicr_cluster):
                os.kill(os.getpid(), signal.SIGINT)
        """
    )

    result = vendor.run_apart(*arguments())

    result.stdout.fnmatch_lines(["upstream's suite: was not run, since this run did not come to*"])
    assert not (vendor.path / "ran.txt").exists()


@pytest.mark.parametrize(
    ("command", "made", "named"),
    [
        ("./none.test", {}, "--upstream-suite: */none.test is no file.*go test -c"),
        ("./ai.test", {"mode": 0o644}, "--upstream-suite: */ai.test is not executable."),
        ("./ai.test", {"lists": "no program"}, "*is no test binary of upstream's suite: *it"),
        ("./ai.test", {"lists": "#!/bin/sh\nexit 3\n"}, "*asked for its tests, it ended with 3"),
        ("./ai.test", {"lists": "#!/bin/sh\necho TestX; exit 0\n"}, "*suite: it lists TestX."),
        (
            "./ai.test -kubeconfig=x",
            {},
            "*its flags name a kubeconfig, and it meets the cluster of",
        ),
        ("./ai.test 'x", {}, "--upstream-suite: *is not valid; it has to be a program*quotes"),
        (" ", {}, "--upstream-suite: ' ' is not valid"),
    ],
)
def test_what_is_no_such_program_is_said_before_anything_runs(
    vendor: "Project", command: str, made: dict[str, Any], named: str
) -> None:
    suite(vendor, **made)

    said = refused(vendor, *arguments(command)[1:])

    pytest.LineMatcher([" ".join(said.split())]).fnmatch_lines([f"*{named}*"])
    assert vendor.connections == []


def test_program_that_only_looks_so_is_asked_without_a_cluster(vendor: "Project") -> None:
    suite(vendor, lists='#!/bin/sh\necho "$KUBECONFIG" > asked.txt\nexit 3\n')

    refused(vendor, *arguments()[1:])

    assert (vendor.path / "asked.txt").read_text() == f"{os.devnull}\n"


def wait_for(path: Path) -> None:
    """Wait until a file has something in it."""
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether no such process runs; a zombie runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
