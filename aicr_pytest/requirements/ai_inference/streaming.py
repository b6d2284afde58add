"""Whether a streamed answer and large bodies came through as they were sent: pure judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHUNKS = 8
"""Events that the backend streams."""
PAUSE = 0.25
"""Seconds between two of them."""
BODY = 4 * 2**20
"""Bytes of a large body: a long conversation with an image in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a streamed answer."""

    seconds: float
    """After the request was sent."""
    text: str
    """What came; the first piece says the status, and one that begins with ``broke`` is the end."""


def held_back(pieces: Sequence[Piece]) -> list[str]:
    """In what a stream did not come event by event, as sentences.

    A busy client may read two events at once, so that half of the time and of the pieces is enough;
    whoever buffers the answer sends all of it in the end.
    """
    if not pieces:
        return ["no answer came"]
    if pieces[0].text != "status 200":
        return [f"the answer was {pieces[0].text}"]
    events = [piece for piece in pieces[1:] if piece.text.strip()]
    came = "".join(piece.text for piece in events).count("data: ")
    if came != CHUNKS:
        why = f"; it {pieces[-1].text}" if pieces[-1].text.startswith("broke: ") else ""
        return [f"{came} of {CHUNKS} events came{why}"]
    first, last = events[0].seconds, events[-1].seconds
    if last - first >= 0.5 * (CHUNKS - 1) * PAUSE and len(events) > CHUNKS / 2:
        return []
    came_as = f"{len(events)} pieces, {first:.2f} to {last:.2f} s after the request"
    return [f"{CHUNKS} events were sent {PAUSE:g} s apart and came in {came_as}"]


def mutilated(seen: Mapping[str, Any]) -> list[str]:
    """In what bodies did not come through whole, as sentences."""
    if not seen:
        return ["the client reported nothing"]
    ways = {"there": "to the backend", "back": "from the backend"}
    return [
        f"a body of {seen['sent']} bytes {way}: status {seen[key]['status']},"
        f" {seen[key]['received']} bytes arrived{_detail(seen[key])}"
        for key, way in ways.items()
        if not (seen[key]["status"] == 200 and seen[key]["same"])
    ]


def _detail(one: Mapping[str, Any]) -> str:
    return f", {one['detail']}" if one["detail"] else ""
