"""Whatever else happens to its checks, no requirement gets a better verdict by it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_pytest.evidence.attempts import WORST_FIRST, what_counts, worst
from aicr_pytest.evidence.record import Attempt, Basis, Outcome
from aicr_pytest.evidence.run import CheckResult, Verdict
from aicr_pytest.run.results import Result, Results
from aicr_pytest.run.verdicts import judge

# The same examples everywhere, as slow as a machine may be, and nothing left in the tree.
settings.register_profile("house", database=None, deadline=None, derandomize=True)
settings.load_profile("house")

WORSE: tuple[Verdict, ...] = ("Implemented", "N/A", "Unknown", "Inconclusive", "Not Implemented")
GOOD = {"Implemented", "N/A"}

outcomes = st.sampled_from(get_args(Outcome))
bases = st.sampled_from(get_args(Basis))
words = st.sampled_from(["", "on premises"])
checks = st.builds(
    CheckResult,
    check=st.just("test_x"),
    title=st.just("X"),
    basis=bases,
    outcome=outcomes,
    message=words,
)
several = st.lists(checks, max_size=6)
attempts = st.lists(st.builds(Attempt, outcome=outcomes, message=words), min_size=1, max_size=5)

moments = st.integers(10, 99).map(lambda second: f"2026-01-02T03:04:{second}.000Z")
timed = st.lists(
    st.builds(Attempt, outcome=outcomes, message=words, finished_at=moments), min_size=1, max_size=4
)
"""Attempts that were judged at some moment."""


def badness(those: Sequence[CheckResult], *, word: str = "", strict: bool = False) -> int:
    return WORSE.index(judge(those, not_applicable=word, strict=strict).verdict)


@given(several, st.randoms(), st.booleans())
def test_order_decides_nothing(those: list[CheckResult], random: object, strict: bool) -> None:
    shuffled = list(those)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert badness(shuffled, strict=strict) == badness(those, strict=strict)


@given(several, checks, words, st.booleans())
def test_added_check_improves_nothing_that_was_judged(
    those: list[CheckResult], more: CheckResult, word: str, strict: bool
) -> None:
    # Where nothing deciding applied, nothing was judged yet.
    judged = [c for c in those if strict or c.basis != "hardening"]
    if any(check.outcome != "not applicable" for check in judged):
        assert badness([*those, more], word=word, strict=strict) >= badness(
            those, word=word, strict=strict
        )


@given(several, st.data(), words)
def test_check_that_fails_improves_nothing(
    those: list[CheckResult], data: st.DataObject, word: str
) -> None:
    if those:
        index = data.draw(st.integers(0, len(those) - 1))
        failed = [*those]
        failed[index] = replace(those[index], outcome="failed")

        assert badness(failed, word=word) >= badness(those, word=word)


@given(several, st.data(), words)
def test_lost_check_makes_nothing_good(
    those: list[CheckResult], data: st.DataObject, word: str
) -> None:
    if those:
        index = data.draw(st.integers(0, len(those) - 1))
        lost = [*those]
        lost[index] = replace(those[index], outcome="not run")

        after = judge(lost, not_applicable=word).verdict
        assert after not in GOOD or judge(those, not_applicable=word).verdict in GOOD
        if those[index].basis != "hardening":
            assert after not in GOOD


@given(several)
def test_implemented_is_only_what_was_seen_whole(those: list[CheckResult]) -> None:
    deciding = [check.outcome for check in those if check.basis != "hardening"]

    assert (judge(those).verdict == "Implemented") is (
        "passed" in deciding and set(deciding) <= {"passed", "not applicable"}
    )


@given(several, st.integers(0, 5), attempts)
def test_further_attempts_improve_nothing(
    those: list[CheckResult], index: int, tried: list[Attempt]
) -> None:
    if index < len(those):
        first = Attempt(outcome=those[index].outcome, message=those[index].message)
        counts = what_counts([first, *tried])
        again = [*those]
        again[index] = replace(those[index], outcome=counts.outcome, message=counts.message)

        assert badness(again) >= badness(those)


@given(attempts, attempts)
def test_attempts_of_several_processes_are_those_of_one_check(
    here: list[Attempt], there: list[Attempt]
) -> None:
    results = Results()
    for worker, tried in (("gw0", here), ("gw1", there)):
        told = Result(requirement="r", check="c", attempts=tuple(tried), worker=worker)
        results.take("x::c", Result.from_json(told.to_json()))

    (came,) = results
    assert came.counts.outcome == worst(one.outcome for one in (*here, *there))


@given(attempts, words)
def test_doubt_improves_nothing_and_excuses_nothing(tried: list[Attempt], word: str) -> None:
    result = Result(requirement="r", check="c", attempts=tuple(tried))

    before, after = result.counts.outcome, result.doubted(word).counts.outcome
    assert after == ("inconclusive" if before == "passed" else before)


@given(timed, moments, words, several)
def test_a_lost_lease_makes_nothing_good_and_hides_no_failure_from_before(
    tried: list[Attempt], since: str, word: str, others: list[CheckResult]
) -> None:
    result = Result(requirement="r", check="c", attempts=tuple(tried))
    after = result.doubted(word, since)
    failures = [one for one in tried if one.outcome == "failed"]
    while_held = [one for one in failures if one.finished_at <= since]

    if while_held or result.counts.outcome not in ("failed", "passed"):
        assert after == result
    else:
        rest = [one.outcome for one in tried if one.outcome not in ("failed", "passed")]
        assert after.counts.outcome == worst([*rest, "inconclusive"])
        assert all(one.message in after.counts.message for one in failures[:1] if not rest)
    if judge([*others, _one(result.counts.outcome)]).verdict not in GOOD:
        assert judge([*others, _one(after.counts.outcome)]).verdict not in GOOD


@given(attempts)
def test_every_attempt_is_told(tried: list[Attempt]) -> None:
    told = what_counts(tried)

    if told.outcome != "passed" and len(tried) > 1:
        assert all(attempt.outcome in told.message for attempt in tried)


def test_every_outcome_has_its_place_and_leads_to_no_better_verdict_than_the_next() -> None:
    assert sorted(WORST_FIRST) == sorted(get_args(Outcome))
    worsts = [badness([_one(outcome), _one("passed")]) for outcome in WORST_FIRST]
    assert worsts == sorted(worsts, reverse=True)


def _one(outcome: Outcome) -> CheckResult:
    return CheckResult(check="test_x", title="X", basis="text", outcome=outcome)
