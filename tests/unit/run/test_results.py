"""What came of checks in one process and in several, and what is learned of them later."""

import pytest

from aicr_pytest.evidence.record import Attempt, Outcome
from aicr_pytest.run.results import Result, Results


def attempt(outcome: Outcome, message: str = "", at: str = "2026-01-01T00:00:05Z") -> Attempt:
    return Attempt(outcome=outcome, message=message, finished_at=at)


def result(*attempts: Attempt, worker: str = "", **told: str | float) -> Result:
    return Result(requirement="gang", check="test_x", attempts=attempts, worker=worker, **told)  # type: ignore[arg-type] # as a field is


def told(one: Result) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.message) for attempt in one.attempts]


def test_doubt_takes_the_place_of_a_pass() -> None:
    passed = result(attempt("passed"))

    assert told(passed.doubted("lease lost")) == [("inconclusive", "lease lost")]
    assert passed.doubted("lease lost").attempts[0].finished_at == "2026-01-01T00:00:05Z"
    assert passed.doubted("lease lost").check == "test_x"


@pytest.mark.parametrize("outcome", ["failed", "absent", "error", "skipped", "unknown"])
def test_doubt_changes_nothing_else(outcome: Outcome) -> None:
    other = result(attempt(outcome, "words"))

    assert other.doubted("lease lost") is other
    if outcome != "failed":
        assert other.doubted("lease lost", "2026-01-01T00:00:00Z") is other


def test_failure_is_excused_where_every_failure_came_after_the_doubt() -> None:
    early = attempt("failed", "early", at="2026-01-01T00:00:01Z")
    late = attempt("failed", "late", at="2026-01-01T00:00:09Z")
    since = "2026-01-01T00:00:04Z"

    assert result(early, late).doubted("lost", since).counts.outcome == "failed"
    assert told(result(late, late).doubted("lost", since)) == [
        ("inconclusive", "lost\n  Hence it proves nothing that it failed: failed 2 times: late")
    ]
    assert result(late).doubted("lost", late.finished_at).counts.outcome == "failed"


def test_attempts_that_neither_passed_nor_failed_stay_as_they_were() -> None:
    shaky = result(attempt("skipped", "no"), attempt("passed"), attempt("failed", "broken"))

    assert told(shaky.doubted("lost", "2026-01-01T00:00:00Z")) == [
        ("skipped", "no"),
        (
            "inconclusive",
            (
                "lost\n  Hence it proves nothing that it failed: skipped at first, then passed, "
                "then failed: broken"
            ),
        ),
    ]


def test_result_comes_back_as_it_went_to_another_process() -> None:
    one = result(attempt("failed", "no"), attempt("passed"), left_behind="x", seconds=2.5)

    assert Result.from_json(one.to_json()) == one


def test_processes_add_up_to_one_result() -> None:
    results = Results()
    assert results.of("x") is None
    results.take("x", result(attempt("passed"), worker="gw0", left_behind="pod", seconds=1.0))
    results.take("x", result(attempt("failed", "no"), worker="gw1", left_behind="pod", seconds=2.0))
    results.take("y", result(attempt("passed"), left_behind="ns"))
    results.take("x", result(attempt("skipped"), worker="gw0", left_behind="claim", seconds=4.0))

    both = results.of("x")

    assert both is not None
    assert told(both) == [("skipped", ""), ("failed", "no")]
    assert (both.left_behind, both.seconds) == ("claim\npod", 6.0)
    assert [one.counts.outcome for one in results] == ["failed", "passed"]


def test_what_was_left_behind_is_said_once_and_nothing_is_no_line() -> None:
    results = Results()
    for worker, left in (("gw0", "pod"), ("gw1", "pod"), ("gw2", "")):
        results.take("x", result(attempt("passed"), worker=worker, left_behind=left))

    assert [one.left_behind for one in results] == ["pod"]
