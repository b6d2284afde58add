"""The death table: whatever ends a run, nothing stays on the cluster unsaid."""

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.plugin.living_api import MADE, SUITE, LivingApi, Session

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REPORTS = ("run.json", "index.html", "junit-report.xml", "summary.md", "manifest.json")

Step = Callable[[Session, LivingApi], object]


@pytest.fixture
def api() -> Iterator[LivingApi]:
    living = LivingApi()
    with living:
        yield living


def send(name: str, *, group: bool = False) -> Step:
    return lambda session, api: session.send(name, group=group)


def said(text: str) -> Step:
    return lambda session, api: session.until_said(text)


def asked(method: str, pattern: str) -> Step:
    return lambda session, api: api.until(lambda: api.asked(method, pattern))


def pods_stay(session: Session, api: LivingApi) -> None:
    """A deleted pod stays until somebody lets it end."""
    api.gone_after["pods"] = None


def pods_end(session: Session, api: LivingApi) -> None:
    api.let_pods_end()


def goes_on(session: Session, api: LivingApi) -> None:
    api.let_go_on()


def worker_is_killed(session: Session, api: LivingApi) -> None:
    os.kill(session.workers()[0], signal.SIGKILL)


def reports(session: Session, api: LivingApi) -> None:
    api.texts["/reported"] = "yes"


def answers_nothing(api: LivingApi) -> None:
    api.refuse("GET", "/version", 503, times=1000)


_WAITS = "        wait(aicr_cluster)\n"
IN_SETUP = SUITE.replace(
    "        return workspace\n", "        wait(request.getfixturevalue('aicr_cluster'))\n"
).replace("def world(", "def world(request, ")
IN_COLLECTION = (
    SUITE
    + """
    import json, urllib.request
    url = json.load(open("kubeconfig"))["clusters"][0]["cluster"]["server"]
    urllib.request.urlopen(url + "/collecting").close()
    threading.Event().wait()
    """
)
SWALLOWS = (
    SUITE.replace(
        _WAITS, "        try:\n    " + _WAITS + "        except KeyboardInterrupt:\n    " + _WAITS
    )
    + """
    def test_is_not_begun(aicr_cluster):
        pass
"""
)
DIES = SUITE.replace(_WAITS, "        import os\n        os._exit(7)\n")
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
SLOW_REPORT = """
    import json, threading, urllib.request

    def pytest_sessionfinish():
        url = json.load(open("kubeconfig"))["clusters"][0]["cluster"]["server"]
        urllib.request.urlopen(url + "/reporting").close()
        while urllib.request.urlopen(url + "/reported").read() != b"yes":
            threading.Event().wait(0.05)
"""
HOLDS = asked("GET", "/here")
"""The check has made two Leases, a namespace and two pods, and waits."""
TAKES_DOWN = asked("DELETE", "/pods/")
FIRST, SECOND, THIRD = said("interrupting:"), said("hurrying:"), said("leaving:")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Death:
    """How a run dies, and what is to be seen then."""

    steps: tuple[Step, ...]
    arguments: tuple[str, ...] = ()
    suite: str = SUITE
    conftest: str = ""
    before: Callable[[LivingApi], None] = lambda api: None
    """Done before the run begins."""
    exit: int = 2
    interrupted: bool = True
    left: tuple[str, ...] = ()
    """Resources that stay on the cluster; each has to be told by name."""
    told: tuple[str, ...] = ()


def deaths() -> Iterator[tuple[str, Death]]:
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        yield f"{name} in a check", Death(steps=(HOLDS, send(name)), told=(f"{name}: interr",))
    for name in ("SIGTERM", "SIGHUP"):
        steps: tuple[Step, ...] = (
            HOLDS,
            pods_stay,
            goes_on,
            TAKES_DOWN,
            send(name),
            FIRST,
            pods_end,
        )
        yield f"{name} in a teardown", Death(steps=steps)
    for first, second in (("SIGINT",) * 2, ("SIGTERM",) * 2, ("SIGINT", "SIGTERM")):
        steps = (HOLDS, send(first), FIRST, send(second))
        yield f"{first} and {second} at once", Death(steps=steps)
    held: tuple[Step, ...] = (HOLDS, pods_stay, send("SIGINT"), TAKES_DOWN)
    yield (
        "second signal while pods take long",
        Death(
            steps=(*held, send("SIGTERM"), SECOND),
            left=("namespaces", "pods", "pods"),
            told=("being deleted",),
        ),
    )
    yield (
        "third signal while pods take long",
        Death(
            steps=(*held, send("SIGINT"), SECOND, send("SIGINT"), THIRD),
            left=("namespaces", "pods", "pods"),
            told=("leaving:", "not waited for"),
        ),
    )

    yield (
        "SIGHUP in the setup of a check",
        Death(suite=IN_SETUP, steps=(HOLDS, send("SIGHUP"))),
    )
    yield (
        "SIGTERM while modules are collected",
        Death(suite=IN_COLLECTION, steps=(asked("GET", "/collecting"), send("SIGTERM"))),
    )
    yield (
        "SIGTERM before the API server answers",
        Death(before=answers_nothing, steps=(asked("GET", "/version"), send("SIGTERM"))),
    )
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        yield (
            f"two {name} while reports are written",
            Death(
                conftest=SLOW_REPORT,
                steps=(HOLDS, goes_on, asked("GET", "/reporting"), send(name), send(name), reports),
            ),
        )
    yield (
        "first signal swallowed by the check",
        Death(suite=SWALLOWS, steps=(HOLDS, send("SIGTERM"), FIRST, goes_on)),
    )
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        for group in (True, False):
            yield (
                f"{name} to {'all' if group else 'the main'} of two workers",
                Death(arguments=("-n2",), steps=(HOLDS, send(name, group=group))),
            )
    yield (
        "Ctrl-C twice with workers",
        Death(
            arguments=("-n2",),
            steps=(HOLDS, send("SIGINT", group=True), FIRST, send("SIGINT", group=True)),
        ),
    )
    yield (
        "worker killed in a check",
        Death(
            arguments=("-n1",),
            steps=(HOLDS, worker_is_killed),
            exit=1,
            interrupted=False,
            told=("worker gw0 died while it ran test_it_holds_two", "Inconclusive"),
        ),
    )
    yield (
        "worker killed in its teardown",
        Death(
            arguments=("-n1",),
            steps=(HOLDS, pods_stay, goes_on, TAKES_DOWN, worker_is_killed, pods_end),
            exit=1,
            interrupted=False,
            told=("worker gw0 died while it ran test_it_holds_two", "Inconclusive"),
        ),
    )
    yield (
        "worker killed, none is started again",
        Death(
            arguments=("-n1", "--max-worker-restart=0"),
            steps=(HOLDS, worker_is_killed),
            exit=1,
            interrupted=False,
            told=("worker gw0 died while it ran test_it_holds_two", "Inconclusive"),
        ),
    )
    yield (
        "os._exit of a worker in a check",
        Death(
            suite=DIES,
            arguments=("-n1",),
            steps=(),
            exit=1,
            interrupted=False,
            told=("worker gw0 died while it ran test_it_holds_two", "Inconclusive"),
        ),
    )


@pytest.mark.parametrize("death", [pytest.param(death, id=name) for name, death in deaths()])
def test_whatever_ends_a_run_nothing_stays_unsaid(
    project: "Project", api: LivingApi, death: Death
) -> None:
    project.suite(secure_accelerator_access=death.suite)
    if death.conftest:
        project.pytester.makeconftest(death.conftest)
    death.before(api)
    with Session(project, api, *death.arguments) as session:
        for step in death.steps:
            step(session, api)
        status = session.end()

    assert status == death.exit
    assert api.left() == sorted(death.left)
    require_told(session, api)
    for words in death.told:
        assert words in session.said
    assert session.run["interrupted"] is death.interrupted


def require_told(session: Session, api: LivingApi) -> None:
    """Reports are whole, the exit status is the true one, and what stays is named."""
    session.check_files()
    assert "\nTraceback" not in session.said, session.said
    assert all((session.directory / name).is_file() for name in REPORTS)
    run = session.run
    assert run["exit_status"] == session.process.returncode
    told = "\n".join(run["left_behind"])
    for name in api.outermost():
        assert name in told
        assert name in session.said
    assert bool(told) == bool(api.left())
    if told:
        command = f"aicr-pytest clean --run {run['run_id']}"
        assert run["clean_command"].startswith(command)
        assert run["clean_command"] in session.said
        assert run["exit_status"] != 0


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


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "with a worker"])
@pytest.mark.parametrize(
    ("answer", "words"), [(503, "answers only 503"), (401, "does not accept our credentials")]
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


def test_what_is_kept_is_told_and_not_removed(project: "Project", api: LivingApi) -> None:
    project.suite(secure_accelerator_access=SUITE)
    with Session(project, api, "--aicr-keep=always") as session:
        HOLDS(session, api)
        session.send("SIGTERM")
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert api.left() == ["namespaces", "pods", "pods"]
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
    project.suite(secure_accelerator_access=SUITE.replace(_WAITS, TWICE))
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
    project.suite(secure_accelerator_access=SUITE.replace(_WAITS, WRITES_MUCH))
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
        secure_accelerator_access=SUITE.replace(_WAITS, MUCH_FOR_JUNIT).replace(
            "aicr_evidence)", "record_testsuite_property)"
        )
    )
    with Session(project, api, "--junit-xml=own.xml", first=limited(90_000)) as session:
        status = session.end()

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "Implemented" in session.said
    assert "own.xml could not be written: File too large" in session.run["problems"]
    assert not (project.path / "own.xml").exists()
