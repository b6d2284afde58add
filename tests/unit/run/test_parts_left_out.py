"""A check that judged some nodes and not others says so."""

import pytest

from aicr_pytest.run.check_run import _with_parts_left_out
from aicr_pytest.run.outcomes import CheckOutcome

FACTS = {"not looked at: node-1": "it is full", "seconds": "3"}


def test_what_passed_without_a_node_names_it() -> None:
    came = _with_parts_left_out(CheckOutcome(outcome="passed"), FACTS)

    assert came == CheckOutcome(outcome="passed", message="not looked at: node-1: it is full")


@pytest.mark.parametrize(
    "came",
    [
        CheckOutcome(outcome="failed", message="it lies"),
        CheckOutcome(outcome="inconclusive", message="no room"),
    ],
)
def test_any_other_outcome_keeps_its_own_words(came: CheckOutcome) -> None:
    assert _with_parts_left_out(came, FACTS) == came


def test_what_looked_at_everything_says_nothing() -> None:
    came = CheckOutcome(outcome="passed")

    assert _with_parts_left_out(came, {"seconds": "3"}) == came
