"""What is awaited, shown on a line that nobody else can write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor
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
