"""Write docs/truth.md from one run of the whole truth matrix: ``make truth``.

Further files, of trials that were run again since, take the place of the same trials of the first.
The run is a JUnit file of ``tests/truth``; its properties hold what the suite said in each trial
(``kept`` in tests/truth/conftest.py).
"""

import json
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_pytest.cli.listing import as_json, collect

PAGE = Path(__file__).parent / "truth.md"
_RIGHT = ("Not Implemented", "Inconclusive", "Implemented")
"""In which order rows stand."""
WORDS = 220
"""Characters of a message that a row shows."""

HEAD = """# The truth matrix

Made by `make truth` from one run of the whole matrix: each trial breaks a lab (or changes it as the
field does), runs the suite on it, judges what the suite said, heals the lab and sees it healthy.
{when}: {trials} trials in {minutes} minutes{beside}, {passed} as declared{failed}.
{again}
| | |
|---|---|
| broken platforms, by defects of the platform | {broken} |
| of them called Implemented (false PASS) | {false_pass} |
| healthy platforms, and those that nobody can look at | {sound} |
| of them with a failed check (false FAIL) | {false_fail} |
| checks that decide, red by at least one of these defects | {red} of {deciding} |

Rows are by the verdict that is right. "Words" are those of the check named, shortened; where a
healthy variant passed there are none.
"""
KINDS = "test_personalities."
"""How names of trials begin whose tables stand in docs/accelerators.md."""
AGAIN = """Run again since, or for the first time, after something was mended: {names}.
"""
OTHERS = """## Other trials

Second products, other shapes of labs, the fence, rights that are missing one by one, and what a
healed lab gives. Some run no suite at all.
"""
RED = """## Each check, and what turned it red

Checks of basis `hardening` decide no verdict; the others do.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One test of tests/truth, with what the suite said in it."""

    name: str
    """``test_dra_support.test_defect_is_seen[dra-class-matches-nothing]``."""
    passed: bool
    """Whether the suite said what the trial declares."""
    skipped: bool
    """It did not run."""
    defect: str
    """Id; empty where the trial is not about one of the catalogue."""
    runs: tuple[dict[str, Any], ...]
    """``verdicts`` by requirement, and ``checks`` with outcome and message."""

    def verdicts(self) -> str:
        """The verdicts seen, each once."""
        return ", ".join(sorted({one for run in self.runs for one in run["verdicts"].values()}))

    def outcomes(self, *outcomes: str) -> list[tuple[str, str]]:
        """Checks with these outcomes, and what they said."""
        return [
            (check["check"], check["message"])
            for run in self.runs
            for check in run["checks"]
            if check["outcome"] in outcomes
        ]


def read_trials(suites: ElementTree.Element) -> list[Trial]:
    """All trials of a JUnit file, in its order."""
    # One without a name is what pytest-xdist leaves of a run that was ended.
    return [_trial(case) for case in suites.iter("testcase") if "classname" in case.attrib]


def _trial(case: ElementTree.Element) -> Trial:
    values: dict[str, list[str]] = {}
    for one in case.iter("property"):
        values.setdefault(one.attrib["name"], []).append(one.attrib["value"])
    return Trial(
        name=f"{case.attrib['classname'].rpartition('.')[2]}.{case.attrib['name']}",
        passed=case.find("failure") is None and case.find("error") is None,
        skipped=case.find("skipped") is not None,
        defect=values.get("defect", [""])[0],
        runs=tuple(json.loads(run) for run in values.get("run", [])),
    )


def page(
    suites: ElementTree.Element,
    listed: list[dict[str, Any]],
    again: Iterable[ElementTree.Element] = (),
) -> str:
    """The whole page.

    Args:
        again: files of trials that were run again.
        listed: requirements with their checks, as ``aicr-pytest list --json`` gives them.
    """
    whole = [trial for trial in read_trials(suites) if not trial.skipped]
    repeated = [trial for one in again for trial in read_trials(one)]
    newest = {trial.name: trial for trial in (*whole, *repeated)}
    trials = [trial for trial in newest.values() if not trial.name.startswith(KINDS)]
    kinds = sum(trial.name.startswith(KINDS) for trial in whole)
    names = [trial.name for trial in repeated if not trial.name.startswith(KINDS)]
    checks = {
        check["check"].partition("[")[0]: check["basis"]
        for requirement in listed
        for check in requirement["checks"]
    }
    red = reddened(trials)
    deciding = [check for check, basis in checks.items() if basis != "hardening"]
    broken = [trial for trial in trials if _expects(trial) == "Not Implemented"]
    sound = [trial for trial in trials if _expects(trial) in ("Implemented", "Inconclusive")]
    failed = [trial.name for trial in trials if not trial.passed]
    suite = next(suites.iter("testsuite"))
    head = HEAD.format(
        when=suite.attrib["timestamp"][:10],
        trials=len(trials),
        minutes=f"{float(suite.attrib['time']) / 60:.0f}",
        beside=f", beside {kinds} of kinds of platforms" if kinds else "",
        again=AGAIN.format(names=", ".join(names)) if names else "",
        passed=len(trials) - len(failed),
        failed=f"; not so: {', '.join(failed)}" if failed else "",
        broken=len(broken),
        false_pass=sum("Implemented" in trial.verdicts().split(", ") for trial in broken),
        sound=len(sound),
        false_fail=sum(bool(_accused(trial)) for trial in sound),
        red=sum(check in red for check in deciding),
        deciding=len(deciding),
    )
    return "\n".join(
        [
            head,
            *_sections(trials, [requirement["id"] for requirement in listed]),
            OTHERS,
            *_others([trial for trial in trials if _defect(trial) is None]),
            RED,
            *_table(
                ["check", "basis", "red by"],
                (
                    [f"`{check}`", basis, ", ".join(red.get(check, []))]
                    for check, basis in checks.items()
                ),
            ),
        ]
    )


def reddened(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """By the name of a check without parameters: the defects that turned it red."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        for check, _ in trial.outcomes("failed"):
            names = found.setdefault(check.partition("[")[0], [])
            if (name := f"`{trial.defect or trial.name.partition('.')[2]}`") not in names:
                names.append(name)
    return found


def _sections(trials: list[Trial], requirements: list[str]) -> Iterator[str]:
    for requirement in ["", *requirements]:
        rows = [
            _row(trial, defect)
            for trial in trials
            if (defect := _defect(trial)) is not None and defect.requirement == requirement
        ]
        rows.sort(key=lambda row: _RIGHT.index(row[2]))
        if rows:
            yield f"## {requirement or 'What cuts across'}\n"
            yield from _table(
                ["defect or variant", "what it is", "right", "seen", "by", "words"], rows
            )


def _row(trial: Trial, defect: Defect) -> list[str]:
    told = trial.outcomes("failed") or trial.outcomes("inconclusive")
    # The check aimed at first: others that saw the same fault are in the last table.
    told.sort(key=lambda one: one[0] != defect.detected_by)
    check, words = told[0] if told else ("", "")
    seen = trial.verdicts() + ("" if trial.passed else " (not as declared)")
    if not defect.requirement:
        seen += f" ({', '.join(name for run in trial.runs for name in run['verdicts'])})"
    return [
        f"`{defect.id}`",
        defect.sentence,
        defect.expects,
        seen,
        f"`{check}`" if check else "",
        _short(words),
    ]


def _others(trials: list[Trial]) -> Iterator[str]:
    kinds = Counter(trial.name.partition("[")[0] for trial in trials)
    seen: dict[str, Counter[str]] = {name: Counter() for name in kinds}
    for trial in trials:
        said = trial.verdicts() or "no run"
        seen[trial.name.partition("[")[0]][said if trial.passed else f"{said} (failed)"] += 1
    yield from _table(
        ["trial", "how many", "verdicts"],
        (
            [f"`{name}`", str(number), "; ".join(f"{n} {v}" for v, n in seen[name].items())]
            for name, number in kinds.items()
        ),
    )


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _short(words: str) -> str:
    return textwrap.shorten(words.replace("<", "&lt;"), WORDS, placeholder=" …")


def _accused(trial: Trial) -> list[str]:
    defect = _defect(trial)
    assert defect is not None
    # A healthy verdict beside a finding of basis "hardening" is what such a defect declares.
    declared = {defect.detected_by, *defect.also_fails} if defect.basis == "hardening" else set()
    return [check for check, _ in trial.outcomes("failed") if check not in declared]


def _expects(trial: Trial) -> str:
    defect = _defect(trial)
    return "" if defect is None else defect.expects


def _defect(trial: Trial) -> Defect | None:
    return next((defect for defect in DEFECTS if defect.id == trial.defect), None)


if __name__ == "__main__":
    run, *since = (ElementTree.parse(file).getroot() for file in sys.argv[1:])
    PAGE.write_text(page(run, as_json(collect())["requirements"], since), encoding="utf-8")
