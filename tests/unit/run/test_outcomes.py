"""Outcomes of checks from the phases of pytest."""

from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.errors import (
    ApiError,
    DoesNotApply,
    EndpointSilent,
    Inconclusive,
    InvalidExposition,
    LeftBehind,
    NoCapacity,
    SolutionAbsent,
    UnknownAccelerator,
    UnknownSolution,
    WaitFailed,
    WaitTimeout,
)
from aicr_pytest.evidence.record import Phase
from aicr_pytest.run.outcomes import PhaseSeen, doubt_in, kind_of_error, outcome_of


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


def raised(error: BaseException) -> BaseException:
    """An error that this file has raised."""
    try:
        raise error
    except type(error):
        return error


HERE = Path(__file__)


def test_assertion_accuses_where_the_check_itself_raised_it() -> None:
    error = raised(AssertionError("it sees 8"))
    seen = phases(setup=None, call=error)

    own = outcome_of(seen, HERE)
    assert (own.outcome, own.message) == ("failed", "it sees 8")
    others = outcome_of(seen, HERE.with_name("test_other.py"))
    assert others.outcome == outcome_of(seen).outcome == "error"
    assert others.message == "the suite failed, not the platform: it sees 8"


def test_word_of_failure_accuses_as_an_assertion_does() -> None:
    try:
        pytest.fail("it sees 8")
    except pytest.fail.Exception as caught:
        error = caught

    assert outcome_of(phases(setup=None, call=error), HERE).outcome == "failed"
    assert outcome_of(phases(setup=None, call=error)).outcome == "error"


def test_clock_of_a_plugin_that_ends_a_check_accuses_nobody() -> None:
    clock: dict[str, Any] = {"__name__": "pytest_timeout", "error": AssertionError("too long")}
    try:
        exec("raise error", clock)
    except AssertionError as caught:
        error = caught

    assert kind_of_error(error) == "inconclusive"
    assert outcome_of(phases(setup=None, call=error), HERE).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EndpointSilent("x"), "failed"),
        (InvalidExposition("x"), "failed"),
        (WaitFailed("x"), "failed"),
        (WaitTimeout("x"), "failed"),
        (ApiError(422, "Invalid", "spec: Required value", request=""), "failed"),
        (ApiError(422, "Invalid", "spec: field is immutable", request=""), "error"),
        (ApiError(422, "Invalid", "pod updates may not change fields", request=""), "error"),
        (ApiError(400, "BadRequest", "field is immutable", request=""), "failed"),
        (ApiError(409, "AlreadyExists", "x", request=""), "error"),
        (LeftBehind("x"), "error"),
        (ValueError("x"), "error"),
        (ExceptionGroup("g", [WaitTimeout("x"), WaitFailed("y")]), "failed"),
        (ExceptionGroup("g", [WaitTimeout("x"), ValueError("y")]), "error"),
        (ExceptionGroup("g", [SolutionAbsent("x"), WaitTimeout("y")]), "failed"),
        (ExceptionGroup("g", [DoesNotApply("x"), WaitTimeout("y")]), "error"),
    ],
)
def test_what_the_platform_did_accuses_it_and_nothing_else(error: Any, expected: str) -> None:
    assert outcome(setup=None, call=error) == expected
    assert outcome(setup=error) in ("error", "inconclusive")


def test_suite_is_told_apart_from_what_is_in_our_words() -> None:
    ours = outcome_of(phases(setup=LeftBehind("Namespace a")))
    theirs = outcome_of(phases(setup=ExceptionGroup("g", [LeftBehind("a"), ValueError("v")])))

    assert ours.message == "Namespace a"
    assert theirs.message.startswith("the suite failed, not the platform: ")


def test_skip_is_told_with_its_reason_and_a_hollow_call_is_none() -> None:
    said = Phase(name="call", outcome="", seconds=1, message="by a plugin")
    skip = PhaseSeen(phase=said, error=pytest.skip.Exception("raw"), skipped=True)
    hollow = PhaseSeen(phase=said, hollow=True)

    came = outcome_of([skip])
    assert (came.outcome, came.message) == ("skipped", "by a plugin")
    assert outcome_of([hollow]).outcome == "not run"
    assert outcome_of([hollow]).message == outcome_of([]).message == "The check was never called."


@pytest.mark.parametrize(
    ("teardown", "expected", "left"),
    [
        ([LeftBehind("a"), Inconclusive("blind")], "inconclusive", "a"),
        ([Inconclusive("blind")], "inconclusive", ""),
        ([LeftBehind("a"), ValueError("v")], "passed", "a"),
        ([ValueError("v"), ValueError("w")], "passed", "ValueError: v\nValueError: w"),
    ],
)
def test_teardown_tells_what_stays_and_why_nothing_was_seen(
    teardown: list[Exception], expected: str, left: str
) -> None:
    came = outcome_of(phases(setup=None, call=None, teardown=ExceptionGroup("g", teardown)))

    assert (came.outcome, came.left_behind) == (expected, left)


def test_blind_teardown_of_a_failed_check_tells_what_else_went_wrong() -> None:
    failed = raised(AssertionError("it sees 8"))
    group = ExceptionGroup("g", [Inconclusive("blind"), ValueError("v")])

    came = outcome_of(phases(setup=None, call=failed, teardown=group), HERE)
    assert (came.outcome, came.message) == ("failed", "it sees 8")
    assert came.left_behind == "ValueError: v"
    alone = outcome_of(phases(setup=None, call=failed, teardown=Inconclusive("blind")), HERE)
    assert alone.left_behind == "blind"


def test_first_doubt_is_told() -> None:
    several = ExceptionGroup("g", [ValueError("v"), NoCapacity("first"), Inconclusive("second")])

    assert doubt_in(several) == "first"
    assert doubt_in(ValueError("v")) == ""
    assert kind_of_error(ExceptionGroup("g", [DoesNotApply("x"), DoesNotApply("y")])) == (
        "not applicable"
    )
    assert kind_of_error(ExceptionGroup("g", [DoesNotApply("x"), UnknownSolution("y")])) is None
