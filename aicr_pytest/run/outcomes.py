"""From pytest's phases to the outcome of a check."""

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from aicr_pytest.errors import (
    AicrError,
    ApiError,
    DoesNotApply,
    Inconclusive,
    LeftBehind,
    SolutionAbsent,
    UnknownAccelerator,
    UnknownSolution,
    error_message,
    single_errors,
    single_message,
)
from aicr_pytest.evidence.record import Outcome, Phase

_CLOCKS = ("pytest_timeout",)
"""Plugins that end a check from a signal's handler, by ``pytest.fail`` in the middle of it."""
_FIXED = re.compile(r"field is immutable|updates? may not change")
"""How the API server refuses to make another object out of one that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSeen:
    """One phase of a check and the exception that ended it."""

    phase: Phase
    """As it becomes evidence."""
    error: BaseException | None = None
    """None where the phase went well; pytest's skip and fail exceptions are errors here."""
    skipped: bool = False
    """Whether the exception is pytest's word for skipping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What came of a check."""

    outcome: Outcome
    """Decides about the verdict."""
    message: str = ""
    """The error or reason; empty for a passed check."""
    left_behind: str = ""
    """What stays on the cluster; empty where nothing does."""


def outcome_of(phases: Sequence[PhaseSeen]) -> CheckOutcome:
    """The outcome of a check from its phases, in their order.

    ``Inconclusive`` in any phase means that we could not look. Another error in setup means the
    same. In the call, a failed assertion and our own words for what the platform did accuse it; any
    other exception is a fault of the check. A teardown that fails leaves the call's outcome
    as it is, and what stayed is said.
    """
    by_name = {seen.phase.name: seen for seen in phases}
    decided = _decided(by_name.get("setup"), by_name.get("call"))
    teardown = by_name.get("teardown")
    if teardown is None or teardown.error is None:
        return decided
    errors = single_errors(teardown.error)
    left = "\n".join(single_message(error) for error in errors if isinstance(error, LeftBehind))
    blind = next((error for error in errors if isinstance(error, Inconclusive)), None)
    if blind is not None and decided.outcome == "passed":
        return CheckOutcome(outcome="inconclusive", message=single_message(blind), left_behind=left)
    others = [e for e in errors if not isinstance(e, (LeftBehind, Inconclusive))]
    told = left or "\n".join(single_message(error) for error in others or errors)
    return CheckOutcome(outcome=decided.outcome, message=decided.message, left_behind=told)


def kind_of_error(error: BaseException) -> Outcome | None:
    """The outcome that an exception stands for in any phase; None where the phase decides."""
    for single in single_errors(error):
        if isinstance(single, Inconclusive) or _was_ended(single):
            return "inconclusive"
        if isinstance(single, (UnknownAccelerator, UnknownSolution)):
            return "unknown"
        if isinstance(single, SolutionAbsent):
            return "absent"
        if isinstance(single, DoesNotApply):
            return "not applicable"
    return None


def _decided(setup: PhaseSeen | None, call: PhaseSeen | None) -> CheckOutcome:
    for seen, otherwise in ((setup, "error"), (call, "failed")):
        if seen is None or seen.error is None:
            continue
        message = seen.phase.message or error_message(seen.error)
        if seen.skipped:
            return CheckOutcome(outcome="skipped", message=message)
        accused = otherwise == "failed" and _accuses(seen.error)
        outcome: Outcome = "failed" if accused else "error"
        return CheckOutcome(outcome=kind_of_error(seen.error) or outcome, message=message)
    if call is None:
        return CheckOutcome(outcome="not run", message="The check was never called.")
    return CheckOutcome(outcome="passed")


def _accuses(error: BaseException) -> bool:
    """Whether an error of the call phase says what the platform did, not what is wrong with us."""
    words = (AssertionError, AicrError, pytest.fail.Exception)
    return all(
        isinstance(single, words) and not _is_there_already(single)
        for single in single_errors(error)
    )


def _is_there_already(error: BaseException) -> bool:
    """Whether an object could not be made since there is one of its name, as our names are ours.

    Where pytest-rerunfailures tries a check again, the object is that of the first try.
    """
    if not isinstance(error, ApiError):
        return False
    fixed = error.reason == "Invalid" and _FIXED.search(error.message) is not None
    return fixed or error.reason == "AlreadyExists"


def _was_ended(error: BaseException) -> bool:
    """Whether somebody's clock ended the check, however far it had come."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") in _CLOCKS for frame, _ in frames)
