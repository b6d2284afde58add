"""A split is judged by its weights, whatever kind of splitter the gateway has."""

import random

import pytest

from aicr_pytest.requirements.ai_inference import traffic_split
from aicr_pytest.requirements.ai_inference.traffic_split import (
    CONFIRMATION,
    REQUESTS,
    Answer,
    is_near,
    misses,
    shares,
    summary,
)

WEIGHTS = {"first": 80, "second": 20}


def answers(first: int, second: int, *others: Answer) -> list[Answer]:
    """So many answers of each backend, and others."""
    by_name = {"first": first, "second": second}
    made = [
        Answer(status=200, backend=name) for name, count in by_name.items() for _ in range(count)
    ]
    return [*made, *others]


@pytest.mark.parametrize("first", [750, 783, 800, 819, 850])
def test_split_within_five_points_fits(first: int) -> None:
    assert misses(answers(first, REQUESTS - first), WEIGHTS) == []


@pytest.mark.parametrize("first", [0, 200, 500, 749, 851, 1000])
def test_split_beyond_five_points_is_a_miss(first: int) -> None:
    assert misses(answers(first, REQUESTS - first), WEIGHTS) != []


def test_miss_names_backend_count_and_bounds() -> None:
    assert misses(answers(500, 500), WEIGHTS) == [
        "backend first of weight 80 answered 500 requests: 50.0 %, expected 75 to 85 %",
        "backend second of weight 20 answered 500 requests: 50.0 %, expected 15 to 25 %",
    ]


def test_random_splitter_is_not_accused() -> None:
    dice = random.Random(1)
    accused = 0
    for _ in range(100):
        first = sum(dice.random() < 0.8 for _ in range(REQUESTS))
        more = sum(dice.random() < 0.8 for _ in range(CONFIRMATION))
        accused += bool(
            misses(answers(first, REQUESTS - first), WEIGHTS)
            and misses(answers(more, CONFIRMATION - more), WEIGHTS)
        )
    assert accused == 0


def test_backend_that_nobody_asked_for_is_a_miss() -> None:
    stranger = Answer(status=200, backend="stranger")

    (said,) = misses(answers(800, 199, stranger), WEIGHTS)

    assert said.startswith("backend stranger of weight 0 answered 1 requests")


def test_backend_of_weight_nothing_may_answer_nothing() -> None:
    weights = {"first": 100, "second": 0}

    assert misses(answers(1000, 0), weights) == []
    assert misses(answers(999, 1), weights) != []


def test_requests_that_reach_no_backend_count_once_they_are_many() -> None:
    lost = Answer(status=503)

    assert misses(answers(790, 200, *[lost] * 10), WEIGHTS) == []
    (said,) = misses(answers(780, 200, *[lost] * 20), WEIGHTS)
    assert said == "20 of 1000 requests reached no backend: 20 times 503"


def test_answer_without_a_name_is_not_of_our_backends() -> None:
    assert misses([Answer(status=200)] * 1000, WEIGHTS)[0] == (
        "1000 of 1000 requests reached no backend: 1000 times 200"
    )


def test_nothing_sent_is_a_miss() -> None:
    assert misses([], WEIGHTS) != []
    assert traffic_split.unanswered([]) == 100
    assert not is_near([], WEIGHTS)


def test_one_request_at_the_wrong_backend_is_one_too_many_but_a_lost_one_is_not() -> None:
    assert traffic_split.astray(answers(99, 0, Answer(status=503)), "first") == []
    assert traffic_split.astray(answers(98, 0, *[Answer(status=503)] * 2), "first") == [
        "2 of 100 requests reached no backend: 2 times 503"
    ]
    assert traffic_split.astray(answers(99, 1), "first") == [
        "1 of 100 reached another backend; answers: 99 times 200 by first, 1 times 200 by second"
    ]
    assert traffic_split.astray([], "first") != []


@pytest.mark.parametrize(("first", "near"), [(80, True), (66, True), (60, False), (100, False)])
def test_a_few_answers_tell_roughly_whether_a_split_is_in_effect(first: int, near: bool) -> None:
    assert is_near(answers(first, 100 - first), WEIGHTS) is near


def test_shares_carry_their_bounds() -> None:
    first, second = shares(answers(790, 210), WEIGHTS)

    assert (first.expected, first.lowest, first.highest, first.percent) == (80, 75, 85, 79)
    assert (second.count, second.fits) == (210, True)


def test_summary_tells_the_most_frequent_answers_first() -> None:
    seen = answers(2, 1, Answer(status=0, detail="timed out"))

    assert summary(seen) == "2 times 200 by first, 1 times 200 by second, 1 times timed out"
