"""A check that is tried more than once: the worst counts, and every attempt is kept and told.

The plugins here do what well-known ones do, by the hooks that those use.
"""

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

UNSTEADY = """
    import pytest
    from aicr_pytest.errors import *

    pytestmark = pytest.mark.requirement("secure_accelerator_access")
    tries = []

    def test_it(aicr_evidence):
        tries.append(1)
        aicr_evidence.text(f"try {len(tries)}", "seen", source="look")
        if len(tries) == FAILING:
            raise ERROR

    def test_other():
        pass
"""
RERUNS = """
    import pytest
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        for attempt in range(2):
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            again = attempt == 0 and any(report.failed for report in reports)
            for report in reports:
                if again and report.failed:
                    report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
                if report.outcome == "rerun":
                    break
            if not again:
                return True
            item._initrequest()

    def pytest_report_teststatus(report):
        if report.outcome == "rerun":
            return "rerun", "R", ("RERUN", {"yellow": True})
"""
"""As pytest-rerunfailures: of a failed attempt the end is not told."""
REPORTS_ONLY_THE_LAST = """
    import pytest
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        for attempt in range(2):
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            item._initrequest()
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        return True
"""
TRIES_AGAIN_INSIDE_A_REPORT = """
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if call.when == "call" and report.failed:
            for when in ("teardown", "setup", "call"):
                hook = getattr(item.ihook, f"pytest_runtest_{when}")
                more = {"nextitem": item} if when == "teardown" else {}
                again = pytest.CallInfo.from_call(lambda: hook(item=item, **more), when)
                if when == "teardown":
                    item._initrequest()
            return pytest.TestReport.from_item_and_call(item, again)
        return report
"""
"""As pytest-retry."""
PLUGINS = {
    "reruns": RERUNS,
    "only the last is reported": REPORTS_ONLY_THE_LAST,
    "retry": TRIES_AGAIN_INSIDE_A_REPORT,
}


def run(
    project: "Project", plugin: str, *arguments: str, failing: int = 1, error: str = "NoCapacity"
) -> pytest.RunResult:
    body = UNSTEADY.replace("FAILING", str(failing)).replace("ERROR", error)
    project.suite(secure_accelerator_access=body)
    project.pytester.makepyfile(tries_again=plugin)
    return project.run(
        "-p", "tries_again", "--aicr", "-m", "secure", "--evidence-dir", "out", *arguments
    )


def secure(project: "Project") -> dict[str, Any]:
    (requirement,) = project.read_run()["requirements"]
    return dict(requirement)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("error", "verdict", "outcome"),
    [
        ("AssertionError('it sees 8')", "Not Implemented", "failed"),
        ("WaitTimeout('it sees 8')", "Not Implemented", "failed"),
        ("NoCapacity('it sees 8')", "Inconclusive", "inconclusive"),
        ("KeyError('it sees 8')", "Inconclusive", "error"),
    ],
)
def test_what_was_seen_first_is_not_undone_by_a_second_attempt(
    project: "Project", plugin: str, error: str, verdict: str, outcome: str
) -> None:
    result = run(project, PLUGINS[plugin], error=error)

    told = secure(project)
    assert told["verdict"] == verdict
    assert told["checks"][0]["outcome"] == outcome
    assert told["checks"][0]["message"].startswith(f"{outcome} at first, then ")
    assert "it sees 8" in told["checks"][0]["message"]
    result.stdout.fnmatch_lines([f"*{verdict}*{outcome} at first, then *it sees 8*"])
    assert result.ret == 1


def test_every_attempt_is_kept_with_what_it_saw(project: "Project") -> None:
    run(project, RERUNS, error="AssertionError('it sees 8')")

    (file,) = (project.path / "out").glob("*/test_it*/record.json")
    record = json.loads(file.read_text())
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["failed", "passed"]
    assert record["attempts"][0]["message"] == "it sees 8"
    assert [o["title"] for o in record["observations"]] == ["try 1", "try 2"]
    assert [phase["name"] for phase in record["phases"]] == 2 * ["setup", "call", "teardown"]
    for report in ("index.html", "summary.md", "junit-report.xml"):
        text = (project.path / "out" / report).read_text(encoding="utf-8")
        assert "failed at first, then passed" in text, report


def test_attempt_that_fails_after_one_that_passed_counts(project: "Project") -> None:
    run(project, REPORTS_ONLY_THE_LAST, failing=2, error="AssertionError('it sees 8')")

    assert secure(project)["verdict"] == "Not Implemented"
    assert secure(project)["checks"][0]["message"].startswith("passed at first, then failed: it")


def test_attempts_that_all_pass_are_passed(project: "Project") -> None:
    result = run(project, REPORTS_ONLY_THE_LAST, failing=3)

    assert secure(project)["verdict"] == "Implemented"
    assert secure(project)["checks"][0]["message"] == ""
    assert result.ret == 0


def test_check_that_is_named_twice_has_one_outcome(project: "Project") -> None:
    body = UNSTEADY.replace("FAILING", "1").replace("ERROR", "AssertionError('it sees 8')")
    project.suite(secure_accelerator_access=body)
    module = ".package/suite/conformance/test_secure_accelerator_access.py"

    result = project.run("--keep-duplicates", module, module, "--evidence-dir", "out")

    told = secure(project)
    assert told["verdict"] == "Not Implemented"
    assert [check["check"] for check in told["checks"]] == ["test_it", "test_other"]
    result.stdout.fnmatch_lines(["*Not Implemented*failed at first, then passed: it sees 8*"])


def test_attempts_in_a_worker_are_told_to_the_controller(project: "Project") -> None:
    body = UNSTEADY.replace("FAILING", "1").replace("ERROR", "AssertionError('it sees 8')")
    project.suite(secure_accelerator_access=body)
    project.pytester.makepyfile(tries_again=RERUNS)
    arguments = ("-p", "tries_again", "--aicr", "-m", "secure", "--evidence-dir", "out", "-n", "2")

    result = project.run_apart(*arguments)

    result.stdout.fnmatch_lines(["*Not Implemented*failed at first, then passed: it sees 8*"])
    assert secure(project)["verdict"] == "Not Implemented"
