"""pytest's reports of checks keep their shape and lose what must not be seen."""

from typing import Any

import pytest

from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.run.pytest_reports import clean_report

TOKEN = "hf_" + "a1B2c3D4" * 5
PASSWORD = "hunter2hunter2"
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIB\n" * 4 + "-----END PRIVATE KEY-----"


def report_of(text: str, *, style: Any = "long", **more: Any) -> pytest.TestReport:
    def call(password: str) -> None:
        held = TOKEN
        error = ValueError(text)
        error.add_note(f"{held} noted")
        raise error

    try:
        call(PASSWORD)
    except ValueError:
        longrepr = pytest.ExceptionInfo.from_current().getrepr(
            style=style, showlocals=True, funcargs=True
        )
    return pytest.TestReport(
        "a.py::test", ("a.py", 1, "test"), {"test": 1}, "failed", longrepr, "call", **more
    )


def cleaned(report: pytest.TestReport) -> pytest.TestReport:
    clean_report(report, Door(Redactor()))
    return report


@pytest.mark.parametrize("style", ["long", "short", "native", "value", "line", "no"])
def test_every_style_of_traceback_is_cleaned_and_stays_one(style: str) -> None:
    report = cleaned(report_of(f"first {TOKEN}\nsecond {KEY}\nthird \x1b[2J\u202e", style=style))

    assert "a1B2" not in report.longreprtext
    assert "MIIE" not in report.longreprtext
    assert "\x1b" not in report.longreprtext
    assert "third \\x1b[2J\\u202e" in report.longreprtext
    assert report.longrepr.reprcrash.message.startswith("ValueError: first [redacted")  # type: ignore[union-attr]
    again = pytest.TestReport._from_json(report._to_json())
    assert again.longreprtext == report.longreprtext


def test_lines_of_an_error_stay_marked() -> None:
    lines = cleaned(report_of(f"first\nkey {KEY}\nlast")).longreprtext.splitlines()

    marked = [line for line in lines if line.startswith("E ")]
    assert marked[:3] == [
        "E       ValueError: first",
        "E       key [redacted: key]",
        "E       last",
    ]
    assert sum(line.startswith(">") for line in lines) >= 1


def test_values_are_seen_with_their_names() -> None:
    text = cleaned(report_of("x")).longreprtext

    assert PASSWORD not in text
    assert "[redacted" in text


def test_half_a_secret_that_pytest_has_cut_is_not_shown() -> None:
    for before in range(60, 118):
        value = "x" * before + " " + TOKEN + "y" * 500

        report = report_of("x", sections=[])
        entry = report.longrepr.reprtraceback.reprentries[-1]  # type: ignore[union-attr]
        shown = repr(value)
        entry.reprlocals.lines = [f"said = {shown[:118]}...{shown[-119:]}"]

        assert "hf_a1" not in cleaned(report).longreprtext


def test_colours_of_pytest_are_dropped_and_not_shown_as_escapes() -> None:
    report = report_of("x", sections=[("Captured log call", "\x1b[31m\x1b[1mERROR\x1b[0m said")])

    assert cleaned(report).sections == [("Captured log call", "ERROR said")]


def test_properties_are_cleaned_but_for_ours() -> None:
    ours = ("aicr", '{"message": "x", "token": "not-touched-for-it-is-clean"}')
    report = report_of("x", user_properties=[ours, ("password", "hunter2hunter2"), ("n", 3)])

    assert cleaned(report).user_properties == [ours, ("password", "[redacted]"), ("n", 3)]


@pytest.mark.parametrize("longrepr", [("a.py", 3, TOKEN), TOKEN, None])
def test_other_representations_are_cleaned_too(longrepr: Any) -> None:
    report = report_of("x")
    report.longrepr = longrepr

    assert "a1B2" not in str(cleaned(report).longrepr)


def test_text_without_end_is_cut_before_it_is_looked_at() -> None:
    looked_at = 0

    class Counting(Redactor):
        def text(self, text: str) -> str:
            nonlocal looked_at
            looked_at += len(text)
            return text

    report = report_of("x " * 2_000_000, sections=[("out", "=" * 50_000_000)])
    clean_report(report, Door(Counting()))

    assert looked_at < 2_000_000
    assert len(report.longreprtext) < 500_000
    assert len(report.sections[0][1]) < 110_000
