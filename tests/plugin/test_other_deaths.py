"""Deaths without a signal: by outages, disks, clocks, pipes, terminals."""

from typing import TYPE_CHECKING

import pytest

from tests.plugin.dying import HOLDS, REPORTS, WAITS, require_told, worker_is_killed
from tests.plugin.living_api import MADE, SUITE, LivingApi, Session

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

GOES_ON = """
    def test_goes_on(aicr_cluster):
        wait(aicr_cluster)
"""
CLOCK = """
import signal, pytest

def ring(number, frame):
    pytest.fail("Timeout (>0.2s) from pytest-timeout.")

def pytest_runtest_call():
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
"""
TWICE = """
        for _ in range(2):
            world.pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own"}, "spec": {}})
"""
WRITES_MUCH = """
        aicr_evidence.text("log", "x" * 100_000, source="kubectl logs")
"""
MUCH_FOR_JUNIT = """
        for _ in range(9):
            record_testsuite_property("much", "x" * 20_000)
"""


def go_silent(api: LivingApi, status: int = 503) -> None:
    api.refuse("*", "^(?!/go-on)", status, times=1_000_000)


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "with a worker"])
def test_outage_during_a_teardown_is_sat_out(
    project: "Project", api: LivingApi, workers: tuple[str, ...]
) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, *workers, environment={"FAKE_PATIENCE": "600"}) as session:
        HOLDS(session, api)
        go_silent(api)
        api.let_go_on()
        api.until(lambda: len(api.asked("GET", "/namespaces/aicr-[^/]*$")) > 8)
        api.refusals.clear()
        status = session.end()

    assert status == 0
    assert api.left() == []
    require_told(session, api)


def test_outage_at_the_start_is_sat_out(project: "Project", api: LivingApi) -> None:
    project.suite(secure_accelerator_access=SUITE)
    go_silent(api)
    with Session(project, api) as session:
        api.until(lambda: len(api.asked("GET", "/version")) > 6)  # some seconds, and not too many
        api.refusals.clear()
        HOLDS(session, api)
        api.let_go_on()
        status = session.end()

    assert status == 0
    assert api.left() == []


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "with a worker"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (503, "answers only 503"),
        (401, "does not accept our credentials"),
        (404, "not an API server answers"),
        (302, "not an API server answers"),
    ],
)
def test_what_stays_after_an_outage_or_an_expired_token_is_named(
    project: "Project", api: LivingApi, workers: tuple[str, ...], answer: int, words: str
) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, *workers, environment={"FAKE_PATIENCE": "0.5"}) as session:
        HOLDS(session, api)
        go_silent(api, answer)
        api.let_go_on()
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert api.left() == sorted(MADE)
    require_told(session, api)
    (namespace,) = [line for line in session.run["left_behind"] if line.startswith("Namespace")]
    assert "Pod gpu, Pod neighbour" in namespace
    assert words in namespace
    (requirement,) = session.run["requirements"]
    assert requirement["verdict"] == "Implemented"
    assert "left something behind" in requirement["reason"]


def test_terminal_that_hangs_up_does_not_keep_the_run_from_cleaning(
    project: "Project", api: LivingApi
) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, terminal=True) as session:
        HOLDS(session, api)
        session.hang_up()  # whatever is written to it from now on is an error
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert api.left() == []
    assert session.run["interrupted"] is True
    assert session.run["exit_status"] == status
    assert all((session.directory / name).is_file() for name in REPORTS)


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
def test_signal_that_was_ignored_from_the_start_stays_so(
    project: "Project", api: LivingApi, name: str
) -> None:
    """As ``nohup`` wants it, and a shell that starts something in the background."""
    project.suite(secure_accelerator_access=SUITE)
    ignore = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)"
    with Session(project, api, first=ignore) as session:
        HOLDS(session, api)
        session.send(name)
        api.let_go_on()
        status = session.end()

    assert status == 0
    assert session.run["interrupted"] is False


def test_accelerators_of_a_dead_worker_are_free_again_while_the_run_goes_on(
    project: "Project", api: LivingApi
) -> None:
    project.suite(secure_accelerator_access=SUITE + GOES_ON)
    with Session(project, api, "-n1") as session:
        HOLDS(session, api)
        worker_is_killed(session, api)
        api.until(lambda: "pods" not in api.left() and len(api.asked("GET", "/here")) > 1)
        assert session.process.poll() is None
        api.let_go_on()
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert api.left() == []
    (requirement,) = session.run["requirements"]
    assert [c["outcome"] for c in requirement["checks"]] == ["inconclusive", "passed"]


def test_what_is_kept_is_told_and_not_removed(project: "Project", api: LivingApi) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, "--aicr-keep=always") as session:
        HOLDS(session, api)
        session.send("SIGTERM")
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert api.left() == ["namespaces", "pods", "pods", "priorityclasses"]
    assert session.run["left_behind"] == []
    assert "kept on the cluster: Namespace aicr-" in session.said
    assert f"aicr-pytest clean --run {session.run['run_id']}" in session.said


def test_check_that_somebody_s_clock_has_ended_accuses_nobody(
    project: "Project", api: LivingApi
) -> None:
    (project.path / "pytest_timeout.py").write_text(CLOCK)
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, "-p", "pytest_timeout") as session:
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert api.left() == []
    (requirement,) = session.run["requirements"]
    assert requirement["verdict"] == "Inconclusive"
    assert "Timeout (>0.2s) from pytest-timeout" in requirement["reason"]


def test_second_try_that_meets_its_first_accuses_nobody(project: "Project", api: LivingApi) -> None:
    project.suite(secure_accelerator_access=SUITE.replace(WAITS, TWICE))
    with Session(project, api) as session:
        session.end()

    (requirement,) = session.run["requirements"]
    assert requirement["verdict"] == "Inconclusive"
    assert "AlreadyExists" in requirement["reason"]


def limited(size: int) -> str:
    """Let no file grow beyond some bytes, as a full disk would."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


@pytest.mark.parametrize("plugins", [(), ("-p", "no:html"), ("-n1",)], ids=str)
def test_verdicts_are_told_where_evidence_cannot_be_written(
    project: "Project", api: LivingApi, plugins: tuple[str, ...]
) -> None:
    project.suite(secure_accelerator_access=SUITE.replace(WAITS, WRITES_MUCH))
    with Session(project, api, *plugins, first=limited(30_000)) as session:
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert api.left() == []
    session.check_files()
    assert not [f for f in session.directory.glob("*.html") if "</html>" not in f.read_text()]
    run = session.run
    assert run["exit_status"] == status
    assert any("01-log.txt could not be written" in problem for problem in run["problems"])
    for problem in run["problems"]:
        assert problem in session.said
    assert "secure_accelerator_access  MUST        Implemented" in session.said
    assert "\nTraceback" not in session.said


def test_other_plugins_report_that_cannot_be_written_hides_no_verdict(
    project: "Project", api: LivingApi
) -> None:
    project.suite(
        secure_accelerator_access=SUITE.replace(WAITS, MUCH_FOR_JUNIT).replace(
            "aicr_evidence)", "record_testsuite_property)"
        )
    )
    with Session(project, api, "--junit-xml=own.xml", first=limited(90_000)) as session:
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "Implemented" in session.said
    assert "own.xml could not be written: File too large" in session.run["problems"]
    assert not (project.path / "own.xml").exists()


ENDS = {
    "AssertionError": ("assert False", (), 1, False),
    "RecursionError": ("def f(): f()\n        f()", (), 1, False),
    "MemoryError": ("raise MemoryError", (), 1, False),
    "SystemExit": ("raise SystemExit(5)", (), 1, False),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", (), 2, True),
    "pytest.exit": ("pytest.exit('enough')", (), 2, True),
    "pytest.exit with 0": ("pytest.exit('enough', returncode=0)", (), 1, True),
    "-x": ("assert False", ("-x",), 1, False),
    "--sw": ("assert False", ("--sw",), 2, True),
    "-n2 -x": ("assert False", ("-n2", "-x"), 1, False),
    "--setup-show": ("pass", ("--setup-show",), 0, False),
    "no terminal": ("pass", ("-p", "no:terminal"), 0, False),
    "no cache": ("pass", ("-p", "no:cacheprovider"), 0, False),
}


@pytest.mark.parametrize("name", ENDS)
def test_other_ends_leave_nothing_either(project: "Project", api: LivingApi, name: str) -> None:
    body, arguments, exit_status, interrupted = ENDS[name]
    project.suite(secure_accelerator_access=SUITE.replace(WAITS, f"        {body}\n"))
    with Session(project, api, *arguments) as session:
        status = session.end()

    assert status == exit_status
    assert session.run["interrupted"] is interrupted
    assert api.left() == []
    require_told(session, api)


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "with a worker"])
def test_pipe_that_nobody_reads_does_not_keep_the_run_from_cleaning(
    project: "Project", api: LivingApi, workers: tuple[str, ...]
) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, *workers) as session:
        HOLDS(session, api)
        session.hang_up()
        api.let_go_on()
        session.end()

    assert api.left() == []
    assert session.run["left_behind"] == []
