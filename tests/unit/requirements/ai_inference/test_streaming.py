"""Streams that came at once and bodies that came short are told from those that came through."""

from typing import Any

from aicr_pytest.requirements.ai_inference.streaming import (
    CHUNKS,
    PAUSE,
    Piece,
    bodies_of,
    stream_of,
)

OK = Piece(seconds=0.01, text="status 200")


def events(*seconds: float) -> list[Piece]:
    """An event at each of these times, after the status."""
    return [
        OK,
        *(Piece(seconds=at, text=f"data: {n} of first\n\n") for n, at in enumerate(seconds)),
    ]


def held_back(pieces: list[Piece]) -> str:
    return stream_of(pieces).because()


def test_events_that_come_one_by_one_are_fine() -> None:
    stream = stream_of(events(*(PAUSE * number for number in range(CHUNKS))))

    assert stream.because() == ""
    assert (stream.opening, stream.events, stream.pieces) == ("status 200", CHUNKS, CHUNKS)
    assert stream.seconds == PAUSE * (CHUNKS - 1)


def test_half_of_the_time_and_more_than_half_of_the_pieces_is_enough() -> None:
    two_at_once = [Piece(seconds=at, text="data: x\n\ndata: y\n\n") for at in (0.0, 0.4, 0.8)]
    five = [OK, *two_at_once, *events(0.85, 0.875)[1:]]

    assert held_back(five) == ""
    assert "in 5 pieces, 0.00 to 0.87" in held_back(
        [*five[:-1], Piece(seconds=0.87, text="data: ")]
    )
    assert "in 4 pieces" in held_back([OK, *two_at_once, Piece(seconds=2, text="data: data: ")])


def test_events_that_come_all_at_the_end_were_held_back() -> None:
    assert (
        held_back(events(*[2.01] * CHUNKS))
        == "8 events were sent 0.25 s apart and came in 8 pieces, 2.01 to 2.01 s after the request"
    )


def test_events_in_one_piece_were_held_back() -> None:
    whole = Piece(seconds=2.0, text="data: x\n\n" * CHUNKS)

    assert held_back([OK, whole]) != ""


def test_lost_events_and_refusals_are_told() -> None:
    assert held_back(events(0.1, 0.2)) == "2 of 8 events came"
    assert held_back([Piece(seconds=0.1, text="status 503")]) == "the answer was status 503"
    assert held_back([]) == "no answer came"
    broken = [*events(0.1, 0.2), Piece(seconds=0.3, text="broke: timed out")]
    assert held_back(broken) == "2 of 8 events came; it broke: timed out"
    assert held_back(broken[-1:]) == "the answer was broke: timed out"


def test_body_that_was_refused_is_told_with_its_status() -> None:
    fine: dict[str, Any] = {"status": 200, "received": 4, "same": True, "detail": ""}
    refused = {"status": 413, "received": 0, "same": False, "detail": "reset"}
    changed = {**fine, "same": False}

    assert bodies_of({"sent": 4, "there": fine, "back": fine}).because() == ""
    assert bodies_of({"sent": 4, "there": refused, "back": changed}).because() == (
        "a body of 4 bytes to the backend: status 413, 0 bytes arrived, reset\n"
        "a body of 4 bytes from the backend: status 200, 4 bytes arrived"
    )


def test_event_that_comes_in_two_pieces_is_one_event() -> None:
    torn = [OK, Piece(seconds=0.1, text="da"), Piece(seconds=0.2, text="ta: x\n\n")]

    stream = stream_of(torn)

    assert (stream.events, stream.pieces, stream.first, stream.last) == (1, 2, 0.1, 0.2)


def test_where_nothing_came_there_are_no_events() -> None:
    for pieces, opening in ((list[Piece](), ""), ([OK], "status 200")):
        stream = stream_of(pieces)
        assert (stream.opening, stream.events, stream.broke) == (opening, 0, "")
        assert (stream.first, stream.last) == (0.0, 0.0)
