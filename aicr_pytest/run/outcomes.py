"""From pytest's phases to the outcome of a check.

Only what the platform did accuses it. So in the call phase of a check, and nowhere else, two kinds
of exceptions do: a failed assertion of the check itself, and our words for what a platform did or
failed to do. Whatever else ends a check, and whoever raised it, says that we could not look.
"""

import re
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from aicr_pytest.errors import (
    AicrError,
    ApiError,
    DoesNotApply,
    EndpointSilent,
    Inconclusive,
    InvalidExposition,
    LeaseLost,
    LeftBehind,
    SolutionAbsent,
    UnknownAccelerator,
    UnknownSolution,
    WaitFailed,
    WaitTimeout,
    error_message,
    single_errors,
    single_message,
)
from aicr_pytest.evidence.clock import iso
from aicr_pytest.evidence.record import Outcome, Phase
from aicr_pytest.locations import in_suite

_MEANINGS: tuple[tuple[type[AicrError], Outcome], ...] = (
    (Inconclusive, "inconclusive"),
    (UnknownSolution, "unknown"),
    (SolutionAbsent, "absent"),
    (UnknownAccelerator, "unknown"),
    (DoesNotApply, "not applicable"),
)
"""Errors that mean the same in setup and call."""
_ACCUSING = (ApiError, EndpointSilent, InvalidExposition, WaitFailed, WaitTimeout)
"""Our words for what a platform did; others (ManifestError, LeftBehind, SettingsError) are not."""
_CLOCKS = ("pytest_timeout",)
"""Plugins that end a check from a signal's handler, by ``pytest.fail`` in the middle of it."""
_SPEAKS_FOR_ITS_CALLER = ("_pytest.outcomes", "_pytest.raises")
"""Modules whose functions raise in the name of whoever called them."""
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
    hollow: bool = False
    """Whether the call went well without the check's function being called, as plugins may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What came of a check."""

    outcome: Outcome
    """Decides about the verdict."""
    message: str = ""
    """The error or reason; empty for a passed check."""
    left_behind: str = ""
    """What stays on the cluster; empty where nothing does."""


def outcome_of(phases: Sequence[PhaseSeen], check: Path | None = None) -> CheckOutcome:
    """The outcome of a check from its phases, in their order.

    ``Inconclusive`` in any phase means that we could not look. Another error in setup means the
    same. A teardown that fails leaves the call's outcome as it is, and what stayed is said.

    Args:
        check: the file that it is written in; assertions elsewhere are none of the check's.
    """
    by_name = {seen.phase.name: seen for seen in phases}
    decided = _decided(by_name.get("setup"), by_name.get("call"), check)
    teardown = by_name.get("teardown")
    if teardown is None or teardown.error is None:
        return decided
    errors = single_errors(teardown.error)
    left = "\n".join(single_message(error) for error in errors if isinstance(error, LeftBehind))
    blind = doubt_in(teardown.error)
    if blind and decided.outcome == "passed":
        return CheckOutcome(outcome="inconclusive", message=blind, left_behind=left)
    others = [e for e in errors if not isinstance(e, (LeftBehind, Inconclusive))]
    told = left or "\n".join(single_message(error) for error in others or errors)
    return CheckOutcome(outcome=decided.outcome, message=decided.message, left_behind=told)


def doubt_in(error: BaseException) -> str:
    """Why what was seen until this error proves nothing; empty where it does."""
    found = (single for single in single_errors(error) if isinstance(single, Inconclusive))
    return next(map(single_message, found), "")


def in_doubt_since(error: BaseException) -> str:
    """From when on even a failure proves nothing, as UTC in ISO 8601; empty: it always does."""
    found = [single.since for single in single_errors(error) if isinstance(single, LeaseLost)]
    return iso(min(found)) if found else ""


def kind_of_error(error: BaseException) -> Outcome | None:
    """The outcome that an exception stands for in any phase; None where the phase decides."""
    kinds = {_meaning(single) for single in single_errors(error)}
    if "inconclusive" in kinds:
        return "inconclusive"
    return kinds.pop() if len(kinds) == 1 else None


def _decided(setup: PhaseSeen | None, call: PhaseSeen | None, check: Path | None) -> CheckOutcome:
    for seen in (setup, call):
        if seen is None or seen.error is None:
            continue
        message = seen.phase.message or error_message(seen.error)
        if seen.skipped:
            return CheckOutcome(outcome="skipped", message=message)
        outcome = kind_of_error(seen.error)
        if outcome is None:
            accused = seen is call and _accuses(seen.error, check)
            outcome = "failed" if accused else "error"
        if outcome == "error" and not _is_ours(seen.error):
            message = f"the suite failed, not the platform: {message}"
        return CheckOutcome(outcome=outcome, message=message)
    if call is None or call.hollow:
        return CheckOutcome(outcome="not run", message="The check was never called.")
    return CheckOutcome(outcome="passed")


def _meaning(error: BaseException) -> Outcome | None:
    if any(module in _CLOCKS for module, _ in _frames(error)):
        return "inconclusive"  # somebody's clock ended the check, however far it had come
    return next((outcome for kind, outcome in _MEANINGS if isinstance(error, kind)), None)


def _accuses(error: BaseException, check: Path | None) -> bool:
    """Whether an error of the call phase says what the platform did, in all that it consists of."""
    return all(_accuses_alone(single, check) for single in single_errors(error))


def _accuses_alone(error: BaseException, check: Path | None) -> bool:
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return _is_raised_by(error, check)
    if isinstance(error, SolutionAbsent):
        return True
    return isinstance(error, _ACCUSING) and not _is_there_already(error)


def _is_ours(error: BaseException) -> bool:
    return all(isinstance(single, AicrError) for single in single_errors(error))


def _is_raised_by(error: BaseException, check: Path | None) -> bool:
    """Whether an assertion is the check's own, and no fixture's, plugin's or library's."""
    files = [file for module, file in _frames(error) if module not in _SPEAKS_FOR_ITS_CALLER]
    if not files:
        return True  # never raised: nobody else's, at least
    raised = Path(files[-1]).resolve()
    return in_suite(raised) or (check is not None and raised == check.resolve())


def _frames(error: BaseException) -> Iterator[tuple[str, str]]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield str(frame.f_globals.get("__name__")), frame.f_code.co_filename


def _is_there_already(error: BaseException) -> bool:
    """Whether an object could not be made since there is one of its name, as our names are ours.

    Where pytest-rerunfailures tries a check again, the object is that of the first try.
    """
    if not isinstance(error, ApiError):
        return False
    fixed = error.reason == "Invalid" and _FIXED.search(error.message) is not None
    return fixed or error.reason == "AlreadyExists"
