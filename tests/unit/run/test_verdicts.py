"""Verdicts: the first that fits, and never Implemented out of nothing."""

import itertools
from typing import get_args

import pytest

from aicr_pytest.evidence.record import Basis, Outcome
from aicr_pytest.evidence.run import CheckResult
from aicr_pytest.run.verdicts import judge


def check(outcome: Outcome, basis: Basis = "text", message: str = "") -> CheckResult:
    return CheckResult(check="test_x", title="X", basis=basis, outcome=outcome, message=message)


def verdict(*outcomes: Outcome, strict: bool = False, not_applicable: str = "") -> str:
    return judge(
        [check(outcome) for outcome in outcomes], strict=strict, not_applicable=not_applicable
    ).verdict


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("passed", "passed"), "Implemented"),
        (("passed", "not applicable"), "Implemented"),
        (("passed", "failed", "error", "unknown"), "Not Implemented"),
        (("absent", "absent"), "Not Implemented"),
        (("absent", "inconclusive"), "Not Implemented"),
        (("passed", "inconclusive"), "Inconclusive"),
        (("passed", "error"), "Inconclusive"),
        (("passed", "skipped"), "Inconclusive"),
        (("passed", "not run"), "Inconclusive"),
        (("unknown", "inconclusive"), "Inconclusive"),
        (("passed", "unknown"), "Unknown"),
        (("not applicable", "not applicable"), "Inconclusive"),
        ((), "Inconclusive"),
    ],
)
def test_first_that_fits_decides(outcomes: tuple[Outcome, ...], expected: str) -> None:
    assert verdict(*outcomes) == expected


def test_only_passed_and_not_applicable_with_one_passed_give_implemented() -> None:
    for outcomes in itertools.product(get_args(Outcome), repeat=2):
        implemented = "passed" in outcomes and set(outcomes) <= {"passed", "not applicable"}
        assert (verdict(*outcomes) == "Implemented") is implemented, outcomes


def test_plan_decides_as_the_text_does() -> None:
    assert judge([check("passed"), check("failed", "plan")]).verdict == "Not Implemented"


def test_hardening_is_a_finding() -> None:
    told = judge([check("passed"), check("failed", "hardening", "gives a device\nmore")])

    assert told.verdict == "Implemented"
    assert told.findings == ("X: gives a device",)


def test_hardening_decides_when_strict() -> None:
    told = judge([check("passed"), check("failed", "hardening")], strict=True)

    assert told.verdict == "Not Implemented"
    assert told.findings == ()


def test_hardening_alone_never_implements() -> None:
    assert judge([check("passed", "hardening")]).verdict == "Inconclusive"


def test_word_of_the_user_needs_checks_that_did_not_speak_against_it() -> None:
    assert verdict("not applicable", not_applicable="no autoscaler") == "N/A"
    assert verdict(not_applicable="no autoscaler") == "N/A"
    assert verdict("failed", not_applicable="no autoscaler") == "Not Implemented"


def test_reason_counts_what_ran() -> None:
    told = judge([check("passed"), check("passed"), check("not run"), check("not run")])

    assert told.reason == "2 of 4 deciding checks ran; not run: X, X"


def test_reason_names_no_more_than_anybody_reads() -> None:
    told = judge([check("passed"), *5 * [check("not run")]])

    assert told.reason == "1 of 6 deciding checks ran; not run: X, X, X and 2 more"


def test_reason_names_the_first_that_could_not_look() -> None:
    told = judge([check("not run"), check("inconclusive", message="0 free\n  Free it.")])

    assert told.reason == "X: 0 free; 0 of 2 deciding checks could look; not run: X"


def test_reason_names_what_failed() -> None:
    told = judge([check("passed"), check("failed", message="it sees 8")])

    assert told.reason == "1 of 2 deciding checks failed: X: it sees 8"


def test_what_stays_behind_is_told_and_changes_no_verdict() -> None:
    told = judge([check("passed")], left_behind=["Namespace aicr-x", ""])

    assert told.verdict == "Implemented"
    assert told.reason.endswith("; 1 check left something behind on the cluster")


def test_a_verdict_says_what_was_not_looked_at() -> None:
    left_out = "not looked at: node-1: n1: pod ns/holder is full"
    told = judge([check("passed"), check("passed", message=left_out)])

    assert told.verdict == "Implemented"
    assert told.reason == f"2 of 2 deciding checks passed; {left_out}"


@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        ([check("absent", message="none\nmore"), check("absent", message="b")], "none"),
        ([check("absent")], "no solution is there"),
        ([check("passed"), check("unknown")],
         "1 of 2 deciding checks met what the suite does not know: X"),
        ([check("not applicable")], "no deciding check applies"),
        ([], "there was no deciding check to run"),
        ([check("passed"), check("not applicable")],
         "1 of 2 deciding checks passed, 1 does not apply"),
        ([check("passed"), check("not applicable"), check("not applicable")],
         "1 of 3 deciding checks passed, 2 do not apply"),
        ([check("passed"), check("error")], "X: error; 1 of 2 deciding checks could look"),
        ([check("failed", message=" \n" + 300 * "x"), check("failed")],
         f"2 of 2 deciding checks failed: X: {239 * 'x'}…"),
        ([check("failed", message=241 * "x")], f"1 of 1 deciding checks failed: X: {239 * 'x'}…"),
        ([check("failed", message=240 * "x")], f"1 of 1 deciding checks failed: X: {240 * 'x'}"),
        ([check("not run"), check("not run"), check("not run")],
         "0 of 3 deciding checks ran; not run: X, X, X"),
    ],
)  # fmt: skip
def test_reason_in_a_sentence(checks: list[CheckResult], reason: str) -> None:
    assert judge(checks).reason == reason


def test_reason_gives_the_users_word() -> None:
    told = judge([check("not applicable")], not_applicable="no autoscaler")

    assert told.reason == "by the user's word: no autoscaler"


def test_two_that_leave_something_are_counted() -> None:
    told = judge([check("passed")], left_behind=["a", "b"])

    said = "1 of 1 deciding checks passed; 2 checks left something behind on the cluster"
    assert told.reason == said


@pytest.mark.parametrize(
    ("outcomes", "more"),
    [
        (("unknown", "inconclusive", "absent"), "way out of absent"),
        (("unknown", "inconclusive"), "way out of inconclusive"),
        (("unknown", "error"), "way out of error"),
        (("unknown", "skipped"), "way out of skipped"),
        (("passed", "unknown"), "way out of unknown"),
        (("passed", "not run"), ""),
        (("failed", "absent"), ""),
        (("passed",), ""),
    ],
)
def test_way_out_is_that_of_the_check_on_which_the_verdict_rests(
    outcomes: tuple[Outcome, ...], more: str
) -> None:
    checks = [check(one, message=f"seen\nof node-1\nway out of {one}\n") for one in outcomes]

    assert judge(checks).more == (more and f"of node-1\n{more}")


def test_findings_are_hardening_checks_that_say_something_against_the_platform() -> None:
    told = judge(
        [
            check("passed"),
            check("passed", "hardening"),
            check("not applicable", "hardening"),
            check("not run", "hardening"),
        ]
    )

    assert told.findings == ("X: not run",)
