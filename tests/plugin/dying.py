"""What is done to a run that dies, and what has to be seen of every one."""

import os
import signal
from collections.abc import Callable

from tests.plugin.living_api import LivingApi, Session

REPORTS = ("run.json", "index.html", "junit-report.xml", "summary.md", "manifest.json")

Step = Callable[[Session, LivingApi], object]

WAITS = "        wait(aicr_cluster)\n"
"""The line of the suite that waits until the test lets it go on."""


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


HOLDS = asked("GET", "/here")
"""The check has made two Leases, a namespace and two pods, and waits."""
TAKES_DOWN = asked("DELETE", "/pods/")
FIRST, SECOND, THIRD = said("interrupting:"), said("hurrying:"), said("leaving:")


def require_told(session: Session, api: LivingApi) -> None:
    """Reports are whole, the exit status is the true one, and what stays is named."""
    session.check_files()
    assert "\nTraceback" not in session.said, session.said
    assert all((session.directory / name).is_file() for name in REPORTS)
    run = session.run
    assert run["exit_status"] == session.process.returncode
    told = "\n".join(run["left_behind"])
    for name in api.outermost():
        assert name in session.said
    for name in (name for name in api.outermost() if not name.startswith("aicr-pytest-")):
        # A Lease is named after its node, and what is published may not name nodes.
        assert name in told
        for report in ("index.html", "summary.md", "junit-report.xml"):
            assert name in (session.directory / report).read_text(encoding="utf-8")
    assert bool(told) == bool(api.left())
    if told:
        command = f"aicr-pytest clean --run {run['run_id']}"
        assert run["clean_command"].startswith(command)
        assert run["clean_command"] in session.said
        assert run["exit_status"] != 0
