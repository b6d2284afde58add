"""Write the tables of docs/accelerators.md from runs of tests/truth/test_personalities.py.

``make personalities`` does it from its own run; several JUnit files may be given, and the last one
that has a trial counts. Their properties hold what the suite said (``kept`` in
tests/truth/conftest.py).
"""

import json
import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.truth.personalities import BROKEN, PERSONALITIES, REQUIREMENTS, Personality

PAGE = Path(__file__).parent / "accelerators.md"
MARKS = ("<!-- made by `make personalities` -->\n", "<!-- end -->\n")
"""What stands before and behind the tables."""
WORDS = 200
"""Characters of a message that a row shows."""
_NOT_TRIED = "not tried"
_OF_A_RUN = re.compile(r"aicr-[0-9a-f]+-[\w-]+/")
"""Namespaces, which differ from run to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One personality, healthy or broken in one way, with what the suite said of it."""

    passed: bool
    """Whether it said what the table of personalities declares."""
    verdicts: Mapping[str, str]
    """By requirement."""
    others: Mapping[str, tuple[tuple[str, str], ...]]
    """By requirement: outcome and message of each check that did not pass."""


Trials = Mapping[tuple[str, str], Trial]
"""By the names of the personality and of what is broken; empty: nothing is."""


def read_trials(suites: Iterable[ElementTree.Element]) -> Trials:
    """The trials of personalities in JUnit files."""
    found: dict[tuple[str, str], Trial] = {}
    for case in (one for suite in suites for one in suite.iter("testcase")):
        told = [(one.attrib["name"], one.attrib["value"]) for one in case.iter("property")]
        named = dict(told)
        if "personality" in named and case.find("skipped") is None:
            runs = [json.loads(value) for name, value in told if name == "run"]
            found[named["personality"], named["broken"]] = Trial(
                passed=case.find("failure") is None and case.find("error") is None,
                verdicts={
                    name: verdict for run in runs for name, verdict in run["verdicts"].items()
                },
                others={name: _others(run) for run in runs for name in run["verdicts"]},
            )
    return found


def _others(run: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (check["outcome"], check["message"])
        for check in run["checks"]
        if check["outcome"] != "passed"
    )


def tables(trials: Trials) -> str:
    """What stands between the marks."""
    return "\n".join(
        [
            *_table(
                ["platform", "`python -m aicr_lab up`", *(f"`{one}`" for one in REQUIREMENTS)],
                (_verdicts(one, trials.get((one.name, ""))) for one in PERSONALITIES),
            ),
            "What did not pass there, and why:\n",
            *_table(
                ["platform", "requirement", "checks", "words"],
                (
                    row
                    for one in PERSONALITIES
                    if (trial := trials.get((one.name, ""))) is not None
                    for row in _reasons(one, trial)
                ),
            ),
            "What was broken in each, and whether it was red:\n",
            *_table(
                ["platform", *(f"{one.name}" for one in BROKEN)],
                (
                    [
                        one.name,
                        *(
                            _seen(one, broken.name, trials.get((one.name, broken.name)))
                            for broken in BROKEN
                        ),
                    ]
                    for one in PERSONALITIES
                ),
            ),
        ]
    )


def _verdicts(one: Personality, trial: Trial | None) -> list[str]:
    said = [trial.verdicts.get(name, "none") if trial else _NOT_TRIED for name in REQUIREMENTS]
    wrong = "" if trial is None or trial.passed else " (not as declared)"
    return [f"**{one.name}**{wrong}: {one.sentence}", f"`{one.up}`" if one.up else "", *said]


def _reasons(one: Personality, trial: Trial) -> Iterator[list[str]]:
    for requirement, others in trial.others.items():
        words: dict[tuple[str, str], int] = {}
        for outcome, message in others:
            key = (outcome, _short(message))
            words[key] = words.get(key, 0) + 1
        for (outcome, message), count in words.items():
            yield [one.name, f"`{requirement}`", f"{count} {outcome}", message]


def _seen(one: Personality, broken: str, trial: Trial | None) -> str:
    if trial is None:
        return _NOT_TRIED
    if not trial.passed:
        return "not as declared"
    return f"not seen: {one.unseen[broken]}" if broken in one.unseen else "red"


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _short(words: str) -> str:
    words = _OF_A_RUN.sub("", words)
    return textwrap.shorten(words.replace("<", "&lt;"), WORDS, placeholder=" …")


def page(before: str, trials: Trials) -> str:
    """The page with the tables of these trials."""
    begin, end = MARKS
    head, _, rest = before.partition(begin)
    return "".join((head, begin, "\n", tables(trials), end, rest.partition(end)[2]))


if __name__ == "__main__":
    suites = [ElementTree.parse(file).getroot() for file in sys.argv[1:]]
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read_trials(suites)), encoding="utf-8")
