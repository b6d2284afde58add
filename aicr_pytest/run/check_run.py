"""One check while it runs: its record is opened, every phase is noted, its outcome is told."""

import datetime
import functools
import inspect
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aicr_pytest.errors import AicrError, ApiUnreachable, error_message
from aicr_pytest.evidence.clock import iso
from aicr_pytest.evidence.record import NOT_LOOKED_AT, Attempt, Phase
from aicr_pytest.locations import in_suite
from aicr_pytest.requirements.catalogue import BY_ID
from aicr_pytest.run.outcomes import CheckOutcome, PhaseSeen, kind_of_error, outcome_of
from aicr_pytest.run.plan import Check, check_of
from aicr_pytest.run.results import Result
from aicr_pytest.run.session import Run
from aicr_pytest.run.short_errors import shorten

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence

running_key = pytest.StashKey["Running"]()

OUTCOME = "aicr_outcome"
"""Attribute of pytest's report that tells inconclusive from failed; travels through xdist."""

RESULTS = "aicr"
"""Property of pytest's last report of a check: results by node id, its own among them."""
_PROPERTIES = ("requirement", "level", "basis", "simulated")

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
    called: bool = False
    """Whether the check's function was called."""
    judged_at: str = ""
    """UTC, when its call ended; empty where it was not called."""
    raised: BaseException | None = None
    """What it raised, whatever became of that on its way through plugins."""
    earlier: Result | None = None
    """What came of it when it was tried before in this process."""
    result: Result | None = None
    """What came of it, this time and before; None until it has ended."""

    @classmethod
    def begin(cls, item: pytest.Item, run: Run, before: "Running | None" = None) -> "Running":
        """Open the record.

        Args:
            before: the same check, where somebody has it tried again.
        """
        check = check_of(item)
        if before is not None:
            before.end()  # whoever tried it may not have come to its end
        evidence = run.store.begin(
            check.requirement,
            check.name,
            title=check.title,
            proves=check.proves,
            basis=check.basis,
            worker=run.worker,
            earlier=before.evidence.record if before else None,
        )
        evidence.phase = "setup"
        running = cls(
            check=check,
            item=item,
            run=run,
            evidence=evidence,
            shown=before.shown if before else 0,
            earlier=before.result if before else None,
        )
        item.stash[running_key] = running
        if before is not None:
            own = (*_PROPERTIES, RESULTS)
            item.user_properties[:] = [one for one in item.user_properties if one[0] not in own]
        level = BY_ID[check.requirement].level(run.shared.list_version)
        # Set here and not by record_property, which warns under pytest's default JUnit family.
        told = (check.requirement, str(level), check.basis, str(run.simulated).lower())
        item.user_properties += zip(_PROPERTIES, told, strict=True)
        return running

    @classmethod
    def of(cls, item: pytest.Item) -> "Running | None":
        """The check that an item is running as; None for other tests."""
        return item.stash.get(running_key, None)

    def enter(self, phase: str) -> None:
        """Note that a phase begins."""
        self.evidence.phase = phase

    def watch_call(self) -> None:
        """See whether the check's function is called, and what it raises.

        Plugins may answer in its place, e.g. for a dry run, or keep an error to themselves. Only
        the suite's checks are watched, of which it is known what they are.
        """
        item: Any = self.item
        function = getattr(item, "obj", None)
        if not in_suite(item.path) or not inspect.isfunction(function):
            self.called = True
            return
        original = inspect.unwrap(function)

        @functools.wraps(function)
        def watched(*args: object, **values: object) -> object:
            self.called = in_suite(Path(original.__code__.co_filename))
            try:
                return function(*args, **values)
            except BaseException as error:
                self.raised = error
                raise

        item.obj = watched

    def explain(self, op: str, left: object, right: object) -> list[str] | None:
        """Put a failed comparison into words; None where pytest's own will do."""
        lines = difference(op, left, right)
        self.explained = "\n".join(lines or ())
        return lines

    def note(self, call: pytest.CallInfo[None]) -> None:
        """Note that a phase has ended."""
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call":
            error = self.raised or error
            self.judged_at = iso(datetime.datetime.fromtimestamp(call.stop, datetime.UTC))
        skipped = isinstance(error, pytest.skip.Exception)
        applies = error is None or kind_of_error(error) != "not applicable"
        outcome = "passed" if error is None else "failed" if applies and not skipped else "skipped"
        phase = Phase(
            name=call.when,
            outcome=outcome,
            seconds=round(call.duration, 3),
            message=self.run.door.text(self._message(error)) if error else "",
        )
        hollow = call.when == "call" and not self.called
        self.phases.append(PhaseSeen(phase=phase, error=error, skipped=skipped, hollow=hollow))
        if error is not None and outcome == "failed" and call.when != "teardown":
            self._keep_what_explains(error)

    def annotate(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Say on pytest's report what pytest cannot know."""
        self._show_observations(report)
        if call.excinfo is None:
            return
        if report.failed:
            shorten(report, self.item, call.excinfo.value)
        if call.when == "teardown":
            return
        kind = kind_of_error(call.excinfo.value)
        setattr(report, OUTCOME, kind or "")
        if kind == "not applicable":
            path, line, _ = self.item.location
            reason = f"does not apply: {error_message(call.excinfo.value)}"
            report.outcome = "skipped"
            report.longrepr = (path, (line or 0) + 1, reason)
        elif report.failed and self._is_finding:
            # As pytest has it of what is known not to pass: it is told, and fails no run.
            report.outcome = "skipped"
            report.wasxfail = f"decides no verdict: {error_message(call.excinfo.value)}"
            setattr(report, OUTCOME, kind or "finding")

    @property
    def _is_finding(self) -> bool:
        """Whether it did not pass, which decides nothing: a suite's check beyond the requirement.

        A test of somebody else decides no verdict either; that it fails is for them to know.
        """
        if self.run.settings.strict or self.check.basis != "hardening":
            return False
        told = outcome_of(self.phases, self.item.path).outcome
        return in_suite(self.item.path) and told in ("failed", "absent", "inconclusive", "unknown")

    def _keep_what_explains(self, error: BaseException) -> None:
        """Let those who know keep why this check did not pass."""
        if isinstance(error, ApiUnreachable) or self.run.hurried.is_set():
            return  # nobody would answer, or nobody wants to wait
        for witness in self.run.witnesses:
            try:
                witness(self.evidence)
            except AicrError as trouble:  # what is only kept must not replace what was judged
                self.evidence.fact("what explains it was not kept", error_message(trouble))

    def _message(self, error: BaseException) -> str:
        compared = isinstance(error, AssertionError) and str(error).startswith("assert ")
        return self.explained if compared and self.explained else error_message(error)

    def end(self) -> None:
        """Close the record, once; what was seen decides the outcome."""
        if self.result is not None:
            return
        came = outcome_of(self.phases, self.item.path)
        came = _with_parts_left_out(came, self.evidence.record.facts)
        left = self.run.door.text(came.left_behind)
        phases = [seen.phase for seen in self.phases]
        record = self.run.store.end(self.evidence, came.outcome, came.message, phases, left)
        attempt = Attempt(
            outcome=came.outcome, message=self._safe(came.message), finished_at=self.judged_at
        )
        earlier = self.earlier
        stays = [earlier.left_behind if earlier else "", self._safe(left)]
        self.result = Result(
            requirement=self.check.requirement,
            check=self.check.name,
            attempts=(*(earlier.attempts if earlier else ()), attempt),
            left_behind="\n".join(dict.fromkeys(filter(None, stays))),
            seconds=round(record.seconds, 3),
            worker=self.run.worker,
        )

    def doubt(self, message: str, since: str) -> None:
        """Note that what this check saw proves nothing, as was learned after its end.

        Args:
            message: what was learned.
            since: as ``Result.doubted``.
        """
        before = self.result
        if before is None:
            return
        self.result = before.doubted(self._safe(message), since)
        if self.result != before:
            self.run.store.doubt(self.evidence, self.result.attempts)

    def tell(self, others: Iterable["Running"] = ()) -> None:
        """Let pytest's last report of this check carry its result, and those that it changed."""
        told = {one.item.nodeid: one.result.to_json() for one in (self, *others) if one.result}
        # A string: an object would end an xdist run with INTERNALERROR.
        self.item.user_properties.append((RESULTS, json.dumps(told)))

    def _safe(self, text: str) -> str:
        return self.run.door.text(text, _LONGEST_MESSAGE)

    def _show_observations(self, report: pytest.TestReport) -> None:
        path = getattr(self.item.config.option, "htmlpath", None)
        new = self.evidence.record.observations[self.shown :]
        if not path or not new:
            return
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
