"""What is awaited, shown on a line that nobody else can write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.run.awaited import Awaited
from aicr_pytest.run.live import LiveLine
from aicr_pytest.run.terminal import Terminal

TOKEN = "hf_" + "a1B2c3D4" * 5
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b1m\u202e\r\ndra_support  MUST  Implemented\r"


class Reporter:
    """pytest's, as far as it is used."""

    def __init__(self, *, hasmarkup: bool) -> None:
        self.hasmarkup = hasmarkup
        self.said: list[str] = []

    def write_line(self, line: str, **markup: bool) -> None:
        self.said.append(line)

    def write(self, text: str, **markup: bool) -> None:
        self.said.append(text)

    def ensure_newline(self) -> None:
        pass

    flush = ensure_newline


class Shown(Terminal):
    """A terminal on that reporter."""

    def __init__(self, reporter: Reporter) -> None:
        self._shown = reporter
        self._has_overwritten = False
        self._door = lambda: Door(Redactor())

    @property
    def reporter(self) -> Any:
        return self._shown

    is_line_open = False

    @contextmanager
    def uncaptured(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize("interactive", [True, False])
def test_wait_line_is_one_harmless_line_without_secrets(interactive: bool) -> None:
    reporter = Reporter(hasmarkup=interactive)

    LiveLine(Shown(reporter)).awaiting(f"pod {HOSTILE}", f"is {TOKEN} {HOSTILE}", 30.0, 60.0)

    (line,) = reporter.said
    line = line.removeprefix("\r\x1b[J")
    assert line.isprintable()
    assert "a1B2" not in line
    assert line.startswith("  … pod \\x1b]0;owned\\x07")


def test_secret_that_a_narrow_terminal_cuts_leaves_no_remnant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for columns in range(20, 80):
        monkeypatch.setenv("COLUMNS", str(columns))
        reporter = Reporter(hasmarkup=True)

        LiveLine(Shown(reporter)).awaiting("pod", f"is {TOKEN}", 30.0, 60.0)

        assert "a1B2" not in reporter.said[0]


def test_line_that_is_said_cannot_look_like_two() -> None:
    reporter = Reporter(hasmarkup=False)

    Shown(reporter).say(f"problem: {TOKEN} {HOSTILE}")

    assert reporter.said[0].isprintable()
    assert "a1B2" not in reporter.said[0]


def test_every_worker_has_a_line_and_they_are_overwritten_together() -> None:
    reporter = Reporter(hasmarkup=True)
    live = LiveLine(Shown(reporter))

    live.show(
        [
            Awaited(of="dra_support", what="claim", seen="pending", elapsed=3, timeout=60),
            Awaited(of="gang_scheduling", what="gang waits whole", elapsed=9),
            Awaited(of="pod_autoscaling", what="pod", seen="just begun", elapsed=0.5, timeout=9),
        ]
    )
    live.show([Awaited(of="dra_support", what="claim", seen="allocated", elapsed=4, timeout=60)])
    live.clear()
    live.clear()

    both, one, none, *more = reporter.said
    assert both.split("\n") == [
        "\r\x1b[J  … dra_support: claim: pending (3 of 60 s)",
        "  … gang_scheduling: gang waits whole (9 s)",
    ]
    assert one == "\x1b[1A\r\x1b[J  … dra_support: claim: allocated (4 of 60 s)"
    assert (none, more) == ("\r\x1b[J", [])


def test_low_terminal_is_not_overrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "3")
    monkeypatch.setenv("COLUMNS", "80")
    reporter = Reporter(hasmarkup=True)
    live = LiveLine(Shown(reporter))

    live.show([Awaited(of=name, what="pod", elapsed=9) for name in "abcd"])
    live.clear()

    assert reporter.said == ["\r\x1b[J  … a: pod (9 s)\n  … b: pod (9 s)", "\x1b[1A\r\x1b[J"]


def test_each_worker_is_told_on_change_and_as_a_heartbeat() -> None:
    reporter, now = Reporter(hasmarkup=False), 0.0
    live = LiveLine(Shown(reporter), lambda: now)

    for now in (7.0, 8.0, 23.0):
        for of in ("dra_support", "gang_scheduling"):
            live.show([Awaited(of=of, what="pod", seen="Pending", elapsed=now, timeout=60)])

    assert reporter.said == [
        "  … dra_support: pod: Pending (7 of 60 s)",
        "  … gang_scheduling: pod: Pending (7 of 60 s)",
        "  … dra_support: pod: Pending (23 of 60 s)",
        "  … gang_scheduling: pod: Pending (23 of 60 s)",
    ]
