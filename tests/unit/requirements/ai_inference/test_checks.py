"""What the checks say of a gateway that loses requests, sends them elsewhere or holds them back."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.requirements.ai_inference.streaming import Piece, bodies_of, stream_of
from aicr_pytest.requirements.ai_inference.traffic_split import (
    Answer,
    HeaderRouting,
    Routed,
    Split,
    split_of,
)
from aicr_pytest.requirements.ai_inference.trial import Missing
from tests.conformance import test_ai_inference as suite
from tests.unit.requirements.ai_inference.test_trial import (
    FINE,
    FIRST,
    LOST,
    ONE_BY_ONE,
    SECOND,
    WHOLE,
)
from tests.unit.requirements.judging import judged

APART = "8 events were sent 0.25 s apart"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (FIRST, ""),
        (SECOND, "a request is answered by 200 by second"),
        (LOST, "a request is answered by 503"),
    ],
)
def test_address_has_to_lead_to_our_backend(answer: Answer, words: str) -> None:
    check = suite.test_gateway_is_programmed_and_its_address_answers
    assert judged(check, reach=answer) == words


def split(first: int, second: int, lost: int, weights: tuple[int, int]) -> Split:
    answers = [*[FIRST] * first, *[SECOND] * second, *[LOST] * lost]
    return split_of(answers, {"first": weights[0], "second": weights[1]}, FINE)


@pytest.mark.parametrize(
    ("first", "second", "lost", "fine"),
    [
        (800, 200, 0, True),
        (750, 250, 0, True),
        (850, 150, 0, True),
        (749, 251, 0, False),
        (851, 149, 0, False),
        (792, 198, 10, True),
        (784, 196, 20, False),
        (0, 0, 1000, False),
        (0, 0, 0, False),
    ],
)
def test_split_has_to_be_within_five_points(first: int, second: int, lost: int, fine: bool) -> None:
    at_first = judged(
        suite.test_requests_are_split_by_weight, split=split(first, second, lost, (80, 20))
    )
    turned = judged(
        suite.test_changed_weights_take_effect,
        split_by_new_weights=split(int(first * 30 / 80), int(second * 70 / 20), 0, (30, 70)),
    )

    assert (at_first == "") is fine
    if (first, second, lost) in ((800, 200, 0), (0, 0, 0)):
        assert (turned == "") is fine


def test_split_that_misses_is_told_with_what_the_controller_says() -> None:
    seen = split(500, 500, 0, (80, 20))

    said = judged(suite.test_requests_are_split_by_weight, split=seen)

    assert said == (
        "backend first of weight 80 answered 500 requests: 50.0 %, expected 75 to 85 %\n"
        "backend second of weight 20 answered 500 requests: 50.0 %, expected 15 to 25 %\n"
        f"though {FINE}"
    )


@pytest.mark.parametrize(
    ("first", "second", "lost"), [(200, 800, 0), (360, 640, 0), (240, 760, 0), (288, 672, 40)]
)
def test_changed_weights_have_to_be_those_of_the_new_split(
    first: int, second: int, lost: int
) -> None:
    seen = split(first, second, lost, (30, 70))

    assert judged(suite.test_changed_weights_take_effect, split_by_new_weights=seen) != ""


def test_backend_that_nobody_named_is_a_miss() -> None:
    seen = split_of(
        [*[FIRST] * 799, *[SECOND] * 200, Answer(status=200, backend="stranger")],
        {"first": 80, "second": 20},
        FINE,
    )

    assert "backend stranger" in judged(suite.test_requests_are_split_by_weight, split=seen)


NAMES = ("x-gateway-model-name: second-model", "no header", "x-gateway-model-name: another-model")


def routing(*kinds: list[Answer]) -> HeaderRouting:
    return HeaderRouting(
        kinds=tuple(
            Routed(carried=name, wanted=wanted, answers=tuple(answers))
            for name, wanted, answers in zip(
                NAMES, ("second", "first", "first"), kinds, strict=True
            )
        ),
        route=FINE,
    )


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (([SECOND] * 100, [FIRST] * 100, [FIRST] * 100), ""),
        (([SECOND] * 99 + [LOST], [FIRST] * 100, [FIRST] * 100), ""),
        (
            ([FIRST] * 100, [FIRST] * 100, [FIRST] * 100),
            f"{NAMES[0]} were for second: 100 of 100 reached another backend; answers: 100 ",
        ),
        (
            ([SECOND] * 100, [FIRST] * 99 + [SECOND], [FIRST] * 100),
            "no header were for first: 1 of 100 reached another backend; answers: 99 times 200 by",
        ),
        (
            ([SECOND] * 98 + [LOST] * 2, [FIRST] * 100, [FIRST] * 100),
            f"{NAMES[0]} were for second: 2 of 100 requests reached no backend: 2 times 503",
        ),
        (
            ([SECOND], [FIRST], []),
            f"{NAMES[2]} were for first: no request was sent",
        ),
    ],
)
def test_every_kind_of_request_has_to_reach_its_backend(
    kinds: tuple[list[Answer], ...], words: str
) -> None:
    check = suite.test_requests_are_routed_by_a_model_header

    said = judged(check, by_header=routing(*kinds))

    assert (said == "") is (words == "")
    assert words in said
    assert not said or said.endswith(f"\nthough {FINE}")


def test_missing_backend_must_not_answer() -> None:
    check = suite.test_route_to_a_missing_backend_is_reported_and_answers_no_200

    assert judged(check, missing_backend=Missing(statuses={503: 20})) == ""
    assert Missing(statuses={503: 20}).because() == (
        "0 of 20 requests to a missing backend were answered 200"
    )
    assert judged(check, missing_backend=Missing(statuses={503: 19, 200: 1})) == (
        "1 of 20 requests to a missing backend were answered 200"
    )


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (ONE_BY_ONE, ""),
        (ONE_BY_ONE[:-1], "7 of 8 events came"),
        ([Piece(seconds=0.0, text="status 503"), *ONE_BY_ONE[1:]], "the answer was status 503"),
        (
            [dataclasses.replace(piece, seconds=piece.seconds * 0.49) for piece in ONE_BY_ONE],
            f"{APART} and came in 8 pieces, 0.00 to 0.86 s after the request",
        ),
        (
            [ONE_BY_ONE[0], *(Piece(seconds=at, text="data: data: ") for at in (0, 1, 2, 3.0))],
            f"{APART} and came in 4 pieces, 0.00 to 3.00 s after the request",
        ),
    ],
)
def test_stream_has_to_come_event_by_event(pieces: list[Piece], words: str) -> None:
    check = suite.test_streamed_answer_arrives_event_by_event

    assert judged(check, stream=stream_of(pieces)) == words


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("wrong", [{"status": 413}, {"same": False}])
def test_bodies_have_to_pass_both_ways(way: str, wrong: dict[str, Any]) -> None:
    check = suite.test_body_of_some_megabytes_passes
    fine: dict[str, Any] = {"sent": 4, "there": WHOLE, "back": WHOLE}
    broken = {**fine, way: {**WHOLE, **wrong}}

    assert judged(check, bodies=bodies_of(fine)) == ""
    direction = {"there": "to", "back": "from"}[way]
    assert f"4 bytes {direction} the backend" in judged(check, bodies=bodies_of(broken))
