"""A split is judged by its weights, whatever kind of splitter the gateway has."""

import random

import pytest

from aicr_pytest.requirements.ai_inference import traffic_split
from aicr_pytest.requirements.ai_inference.traffic_split import (
    CONFIRMATION,
    REQUESTS,
    Answer,
    HeaderRouting,
    Routed,
    is_near,
    misses,
    shares,
    split_of,
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


def test_summary_of_many_kinds_names_six() -> None:
    kinds = [Answer(status=500 + n) for n in range(7)]

    assert summary([*kinds, *kinds[:6]]) == ", ".join(f"2 times {500 + n}" for n in range(6))
    assert summary([]) == "none"
    assert summary([Answer(status=0)]) == "1 times no answer"


def test_split_tells_what_it_is_not_and_what_the_controller_says() -> None:
    split = split_of(answers(500, 480, *[Answer(status=503)] * 20), WEIGHTS, "Accepted: True")

    assert split.percent == {
        "first": pytest.approx(51.0, abs=0.1),
        "second": pytest.approx(49.0, abs=0.1),
    }
    assert split.unanswered == 2
    assert [line.partition(" answered")[0] for line in split.because().splitlines()] == [
        "20 of 1000 requests reached no backend: 20 times 503",
        "backend first of weight 80",
        "backend second of weight 20",
        "though Accepted: True",
    ]
    assert split_of(answers(800, 200), WEIGHTS, "x").because() == "though x"
    assert [one.percent for one in shares([], WEIGHTS)] == [0, 0]
    assert [one.backend for one in shares(answers(1, 1), {"second": 1})] == ["second", "first"]


def test_bounds_of_a_share_end_where_there_is_nothing_more() -> None:
    (all_of_it, none_of_it) = shares(answers(1000, 0), {"first": 100, "second": 0})

    assert (all_of_it.lowest, all_of_it.highest) == (95, 100)
    assert (none_of_it.lowest, none_of_it.highest) == (0, 5)


def test_header_routing_tells_who_answered_what_and_what_went_astray() -> None:
    fine = Routed(carried="model: a", wanted="first", answers=tuple(answers(98, 0)))
    lost = Answer(status=503)
    wrong = Routed(carried="model: b", wanted="second", answers=tuple(answers(1, 1, lost, lost)))
    routing = HeaderRouting(kinds=(fine, wrong), route="Accepted: True")

    assert routing.reached == {"model: a": {"first"}, "model: b": {"first", "second"}}
    assert routing.unanswered == 50
    assert routing.because() == (
        "requests with model: b were for second: 1 of 4 reached another backend; answers: "
        "2 times 503, 1 times 200 by first, 1 times 200 by second; "
        "2 of 4 requests reached no backend: 2 times 503\nthough Accepted: True"
    )
    assert fine.because() == ""


def test_what_seems_in_effect_is_near_and_reaches_every_backend_of_the_route() -> None:
    near = {"first": 95, "second": 5}
    assert not is_near(answers(100, 0), near), "nothing has come to the second yet"
    assert is_near(answers(80, 20), near), "fifteen points off"
    assert not is_near(answers(79, 21), near)
    assert not is_near(answers(93, 5, *[Answer(status=503)] * 2), near)


@pytest.mark.parametrize(
    ("first", "second", "weights", "fits"),
    [
        (99, 1, {"first": 99, "second": 1}, True),
        (100, 0, {"first": 99, "second": 1}, False),
        (100, 0, {"first": 100, "second": 0}, True),
        (99, 1, {"first": 100, "second": 0}, False),
    ],
)
def test_backend_answers_where_it_has_a_weight_however_small_and_only_there(
    first: int, second: int, weights: dict[str, int], fits: bool
) -> None:
    seen = answers(first, second)

    assert is_near(seen, weights) is fits
    assert (misses(seen, weights) == []) is fits


def test_nothing_is_expected_of_a_backend_that_the_route_does_not_name() -> None:
    *_, stranger = shares(answers(80, 19, Answer(status=200, backend="stranger")), WEIGHTS)

    assert (stranger.backend, stranger.weight, stranger.expected) == ("stranger", 0, 0.0)
    assert (stranger.lowest, stranger.highest, stranger.percent) == (0.0, 5.0, 1.0)
