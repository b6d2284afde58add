"""One check while it runs: its record is opened, every phase is noted, its outcome is told."""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.errors import error_message
from aicr_pytest.evidence.record import NOT_LOOKED_AT, Phase
from aicr_pytest.requirements.catalogue import BY_ID
from aicr_pytest.run.outcomes import CheckOutcome, PhaseSeen, kind_of_error, outcome_of
from aicr_pytest.run.plan import Check, check_of
from aicr_pytest.run.session import Run

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence

running_key = pytest.StashKey["Running"]()

OUTCOME = "aicr_outcome"
"""Attribute of pytest's report that tells inconclusive from failed; travels through xdist."""

_LONGEST_MESSAGE = 4000
"""Characters of a message that travel to the controller; the record holds all of them."""


@dataclass(slots=True, kw_only=True)
class Running:
    """A check between its first phase and its last."""

    check: Check
    """What it is."""
    item: pytest.Item
    """pytest's view of it."""
    run: Run
    """The run that it belongs to."""
    evidence: "CheckEvidence"
    """Where its observations go."""
    phases: list[PhaseSeen] = field(default_factory=list)
    """Those that ended."""
    shown: int = 0
    """Observations that pytest-html was given already."""
    explained: str = ""
    """What the comparison that failed has to say, uncut."""

    @classmethod
    def begin(cls, item: pytest.Item, run: Run) -> "Running":
        """Open the record."""
        check = check_of(item)
        evidence = run.store.begin(
            check.requirement,
            check.name,
            title=check.title,
            proves=check.proves,
            basis=check.basis,
            worker=run.worker,
        )
        evidence.phase = "setup"
        running = cls(check=check, item=item, run=run, evidence=evidence)
        item.stash[running_key] = running
        level = BY_ID[check.requirement].level(run.shared.list_version)
        # Set here and not by record_property, which warns under pytest's default JUnit family.
        item.user_properties += [
            ("requirement", check.requirement),
            ("level", str(level)),
            ("basis", check.basis),
            ("simulated", str(run.simulated).lower()),
        ]
        return running

    @classmethod
    def of(cls, item: pytest.Item) -> "Running | None":
        """The check that an item is running as; None for other tests."""
        return item.stash.get(running_key, None)

    def enter(self, phase: str) -> None:
        """Note that a phase begins."""
        self.evidence.phase = phase

    def explain(self, op: str, left: object, right: object) -> list[str] | None:
        """Put a failed comparison into words; None where pytest's own will do."""
        lines = difference(op, left, right)
        self.explained = "\n".join(lines or ())
        return lines

    def note(self, call: pytest.CallInfo[None]) -> None:
        """Note that a phase has ended; the last one decides the outcome."""
        error = call.excinfo.value if call.excinfo else None
        skipped = isinstance(error, pytest.skip.Exception)
        applies = error is None or kind_of_error(error) != "not applicable"
        outcome = "passed" if error is None else "failed" if applies and not skipped else "skipped"
        phase = Phase(
            name=call.when,
            outcome=outcome,
            seconds=round(call.duration, 3),
            message=self.run.door.text(self._words(error)) if error else "",
        )
        self.phases.append(PhaseSeen(phase=phase, error=error, skipped=skipped))
        if call.when == "teardown":
            self._end(outcome_of(self.phases))

    def mend(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Say on pytest's report what pytest cannot know."""
        self._show_observations(report)
        if call.excinfo is None or call.when == "teardown":
            return
        kind = kind_of_error(call.excinfo.value)
        setattr(report, OUTCOME, kind or "")
        if kind == "not applicable":
            path, line, _ = self.item.location
            reason = f"does not apply: {error_message(call.excinfo.value)}"
            report.outcome = "skipped"
            report.longrepr = (path, (line or 0) + 1, reason)

    def _words(self, error: BaseException) -> str:
        compared = isinstance(error, AssertionError) and str(error).startswith("assert ")
        return self.explained if compared and self.explained else error_message(error)

    def _end(self, came: CheckOutcome) -> None:
        came = _with_parts_left_out(came, self.evidence.record.facts)
        phases = [seen.phase for seen in self.phases]
        left = self.run.door.text(came.left_behind)
        self.run.store.end(self.evidence, came.outcome, came.message, phases, left)
        result = {
            "requirement": self.check.requirement,
            "check": self.check.name,
            "outcome": came.outcome,
            "message": self._safe(came.message),
            "left_behind": self._safe(left),
            "seconds": round(sum(phase.seconds for phase in phases), 3),
        }
        # A string: an object would end an xdist run with INTERNALERROR.
        self.item.user_properties.append(("aicr", json.dumps(result)))

    def _safe(self, text: str) -> str:
        return self.run.door.text(text, _LONGEST_MESSAGE)

    def _show_observations(self, report: pytest.TestReport) -> None:
        path = getattr(self.item.config.option, "htmlpath", None)
        new = self.evidence.record.observations[self.shown :]
        if not path or not new:
            return
        from pathlib import Path

        from aicr_pytest.reports.pytest_html_bridge import extras

        made = extras(new, directory=self.run.directory, report=Path(path))
        vars(report)["extras"] = [*getattr(report, "extras", []), *made]
        self.shown += len(new)


def _with_parts_left_out(came: CheckOutcome, facts: Mapping[str, object]) -> CheckOutcome:
    """A check that passed says what it did not look at."""
    parts = [f"{name}: {why}" for name, why in facts.items() if name.startswith(NOT_LOOKED_AT)]
    return replace(came, message="; ".join(parts)) if came.outcome == "passed" and parts else came


def difference(op: str, left: object, right: object) -> list[str] | None:
    """A failed comparison in words, nothing cut; None where pytest's own words will do.

    Checks compare a list of sentences, each a fault, with the empty list.
    """
    if op == "==" and isinstance(left, list) and right == []:
        return [str(fault) for fault in left]
    if op == "==" and isinstance(left, list) and isinstance(right, list):
        return [f"found {left}", f"expected {right}"]
    if op == "<=" and isinstance(left, Set) and isinstance(right, Set):
        return [f"missing: {', '.join(sorted(map(str, left - right)))}"]
    return None
