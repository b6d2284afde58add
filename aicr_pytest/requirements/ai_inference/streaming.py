"""Whether a streamed answer and large bodies came through as they were sent: pure judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHUNKS = 8
"""Events that the backend streams."""
PAUSE = 0.25
"""Seconds between two of them."""
SHORTEST = 0.5 * (CHUNKS - 1) * PAUSE
"""Seconds that they take at least."""
BODY = 4 * 2**20
"""Bytes of a large body: a long conversation with an image in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a streamed answer."""

    seconds: float
    """After the request was sent."""
    text: str
    """What came; the first piece says the status, and one that begins with ``broke`` is the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A streamed answer as it came."""

    opening: str
    """What came first: ``status 200`` where all is well."""
    events: int
    """Events that arrived."""
    pieces: int
    """Pieces in which they did."""
    first: float
    """Seconds from the request to the first of them."""
    last: float
    """Seconds from the request to the last of them."""
    broke: str
    """Why it ended early; empty where it did not."""

    @property
    def seconds(self) -> float:
        """From the first piece to the last."""
        return self.last - self.first

    def because(self) -> str:
        """In what it did not come event by event; empty where it did.

        A busy client may read two events at once, so that half of the time and of the pieces is
        enough; whoever buffers the answer sends all of it in the end.
        """
        if self.opening != "status 200":
            return f"the answer was {self.opening}" if self.opening else "no answer came"
        if self.events != CHUNKS:
            return f"{self.events} of {CHUNKS} events came{self.broke and f'; it {self.broke}'}"
        if self.seconds >= SHORTEST and self.pieces > CHUNKS / 2:
            return ""
        came_as = f"{self.pieces} pieces, {self.first:.2f} to {self.last:.2f} s after the request"
        return f"{CHUNKS} events were sent {PAUSE:g} s apart and came in {came_as}"


def stream_of(pieces: Sequence[Piece]) -> Stream:
    """What pieces of an answer tell of it."""
    events = [piece for piece in pieces[1:] if piece.text.strip()]
    ended = pieces[-1].text if pieces else ""
    return Stream(
        opening=pieces[0].text if pieces else "",
        events="".join(piece.text for piece in events).count("data: "),
        pieces=len(events),
        first=events[0].seconds if events else 0.0,
        last=events[-1].seconds if events else 0.0,
        broke=ended if ended.startswith("broke: ") else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A large body that was sent one way."""

    way: str
    """Which way, in words."""
    sent: int
    """Its bytes."""
    status: int
    """HTTP status of the answer."""
    received: int
    """Bytes that arrived."""
    same: bool
    """Whether what arrived is what was sent."""
    detail: str
    """What went wrong, where something did."""

    @property
    def passed(self) -> bool:
        """Whether it arrived unchanged."""
        return self.status == 200 and self.same

    def __str__(self) -> str:
        detail = f", {self.detail}" if self.detail else ""
        arrived = f"{self.received} bytes arrived{detail}"
        return f"a body of {self.sent} bytes {self.way}: status {self.status}, {arrived}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Large bodies, both ways."""

    there: Body
    """To the backend."""
    back: Body
    """From the backend."""

    def because(self) -> str:
        """Which did not come through whole; empty where both did."""
        return "\n".join(str(body) for body in (self.there, self.back) if not body.passed)


def bodies_of(seen: Mapping[str, Any]) -> Bodies:
    """What the client reports of large bodies."""
    sent = seen["sent"]
    return Bodies(
        there=Body(way="to the backend", sent=sent, **seen["there"]),
        back=Body(way="from the backend", sent=sent, **seen["back"]),
    )
