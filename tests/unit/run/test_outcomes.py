"""Outcomes of checks from the phases of pytest."""

from typing import Any

import pytest

from aicr_pytest.errors import (
    ApiError,
    DoesNotApply,
    Inconclusive,
    LeftBehind,
    NoCapacity,
    SolutionAbsent,
    UnknownAccelerator,
    UnknownSolution,
)
from aicr_pytest.evidence.record import Phase
from aicr_pytest.run.outcomes import PhaseSeen, outcome_of


def phases(**errors: BaseException | None) -> list[PhaseSeen]:
    return [
        PhaseSeen(phase=Phase(name=name, outcome="", seconds=1), error=error)
        for name, error in errors.items()
    ]


def outcome(**errors: BaseException | None) -> str:
    return outcome_of(phases(**errors)).outcome


def test_all_phases_well_is_passed() -> None:
    assert outcome(setup=None, call=None, teardown=None) == "passed"


@pytest.mark.parametrize("error", [AssertionError("x"), ApiError(404, "NotFound", "x", request="")])
def test_other_errors_accuse_only_in_the_call(error: BaseException) -> None:
    assert outcome(setup=None, call=error, teardown=None) == "failed"
    assert outcome(setup=error, teardown=None) == "error"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Inconclusive("x"), "inconclusive"),
        (NoCapacity("x"), "inconclusive"),
        (SolutionAbsent("x"), "absent"),
        (UnknownAccelerator("x"), "unknown"),
        (UnknownSolution("x"), "unknown"),
        (DoesNotApply("x"), "not applicable"),
        (ExceptionGroup("g", [ValueError("v"), NoCapacity("x")]), "inconclusive"),
    ],
)
def test_meaning_of_our_errors_holds_in_setup_and_call(error: Any, expected: str) -> None:
    assert outcome(setup=error, teardown=None) == expected
    assert outcome(setup=None, call=error, teardown=None) == expected


def test_inconclusive_teardown_makes_a_passed_check_inconclusive() -> None:
    came = outcome_of(phases(setup=None, call=None, teardown=Inconclusive("API gone")))

    assert came.outcome == "inconclusive"
    assert came.message == "API gone"


def test_inconclusive_teardown_does_not_excuse_a_failed_check() -> None:
    assert outcome(setup=None, call=AssertionError(), teardown=Inconclusive("x")) == "failed"


def test_group_of_a_teardown_names_everything_that_stays() -> None:
    group = ExceptionGroup("down", [LeftBehind("Namespace a"), LeftBehind("Namespace b")])

    came = outcome_of(phases(setup=None, call=None, teardown=group))

    assert came.outcome == "passed"
    assert came.left_behind == "Namespace a\nNamespace b"


def test_other_teardown_error_is_told_as_left_behind() -> None:
    came = outcome_of(phases(setup=None, call=None, teardown=ValueError("odd")))

    assert came.outcome == "passed"
    assert came.left_behind == "ValueError: odd"


def test_setup_without_a_call_is_never_passed() -> None:
    assert outcome(setup=None, teardown=None) == "not run"
