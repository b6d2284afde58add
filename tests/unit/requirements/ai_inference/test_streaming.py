"""Streams that came at once and bodies that came short are told from those that came through."""

from typing import Any

from aicr_pytest.requirements.ai_inference.streaming import (
    CHUNKS,
    PAUSE,
    Piece,
    held_back,
    mutilated,
)

OK = Piece(seconds=0.01, text="status 200")


def events(*seconds: float) -> list[Piece]:
    """An event at each of these times, after the status."""
    return [
        OK,
        *(Piece(seconds=at, text=f"data: {n} of first\n\n") for n, at in enumerate(seconds)),
    ]


def test_events_that_come_one_by_one_are_fine() -> None:
    assert held_back(events(*(PAUSE * number for number in range(CHUNKS)))) == []


def test_events_that_come_all_at_the_end_were_held_back() -> None:
    (said,) = held_back(events(*[2.01] * CHUNKS))

    assert (
        said
        == "8 events were sent 0.25 s apart and came in 8 pieces, 2.01 to 2.01 s after the request"
    )


def test_events_in_one_piece_were_held_back() -> None:
    whole = Piece(seconds=2.0, text="data: x\n\n" * CHUNKS)

    assert held_back([OK, whole]) != []


def test_lost_events_and_refusals_are_told() -> None:
    assert held_back(events(0.1, 0.2)) == ["2 of 8 events came"]
    assert held_back([Piece(seconds=0.1, text="status 503")]) == ["the answer was status 503"]
    assert held_back([]) == ["no answer came"]
    broken = [*events(0.1, 0.2), Piece(seconds=0.3, text="broke: timed out")]
    assert held_back(broken) == ["2 of 8 events came; it broke: timed out"]
    assert held_back(broken[-1:]) == ["the answer was broke: timed out"]


def test_body_that_was_refused_is_told_with_its_status() -> None:
    fine: dict[str, Any] = {"status": 200, "received": 4, "same": True, "detail": ""}
    refused = {"status": 413, "received": 0, "same": False, "detail": ""}

    assert mutilated({"sent": 4, "there": fine, "back": fine}) == []
    assert mutilated({"sent": 4, "there": refused, "back": fine}) == [
        "a body of 4 bytes to the backend: status 413, 0 bytes arrived"
    ]
    assert mutilated({}) == ["the client reported nothing"]
