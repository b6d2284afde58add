"""The death table: whatever ends a run, nothing stays on the cluster unsaid."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.plugin.dying import (
    FIRST,
    HOLDS,
    SECOND,
    TAKES_DOWN,
    THIRD,
    WAITS,
    Step,
    answers_nothing,
    asked,
    goes_on,
    pods_end,
    pods_stay,
    reports,
    require_told,
    send,
    worker_is_killed,
)
from tests.plugin.living_api import SUITE, LivingApi, Session

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

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
        WAITS, "        try:\n    " + WAITS + "        except KeyboardInterrupt:\n    " + WAITS
    )
    + """
    def test_is_not_begun(aicr_cluster):
        pass
"""
)
DIES = SUITE.replace(WAITS, "        import os\n        os._exit(7)\n")
SLOW_REPORT = """
    import json, threading, urllib.request

    def pytest_sessionfinish():
        url = json.load(open("kubeconfig"))["clusters"][0]["cluster"]["server"]
        urllib.request.urlopen(url + "/reporting").close()
        while urllib.request.urlopen(url + "/reported").read() != b"yes":
            threading.Event().wait(0.05)
"""


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
    left: tuple[str, ...] | None = ()
    """Resources that stay on the cluster, each told by name; None where that depends on who is
    faster."""
    told: tuple[str, ...] = ()


def deaths() -> Iterator[tuple[str, Death]]:
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        yield f"{name} in a check", Death(steps=(HOLDS, send(name)), told=(f"{name}: interr",))
    for name in ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU"):
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
            left=("namespaces", "pods", "pods", "priorityclasses"),
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
        "Ctrl-C thrice with workers while pods take long",
        Death(
            arguments=("-n2",),
            steps=(
                *(HOLDS, pods_stay, send("SIGINT", group=True), FIRST, TAKES_DOWN),
                *(send("SIGINT", group=True), SECOND, send("SIGINT", group=True), THIRD),
            ),
            left=None,
            told=("left behind on the cluster: Namespace aicr-",),
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
    assert death.left is None or api.left() == sorted(death.left)
    require_told(session, api)
    for words in death.told:
        assert words in session.said
    assert session.run["interrupted"] is death.interrupted
