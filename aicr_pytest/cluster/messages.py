"""What is asked of the API server, what comes back, and how long it is asked."""

import dataclasses
import json
import random
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from aicr_pytest.cluster.bounds import MIB
from aicr_pytest.errors import ApiUnreachable

_TOKEN = 6
"""Bytes of the shortest token that is looked for in a refusal."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken from a server, whatever it sends."""

    answer: int = 16 * MIB
    """Bytes of one answer; no object is larger than a few MiB."""
    page: int = 64 * MIB
    """Bytes of one page of a list."""
    listing: int = 256 * MIB
    """Bytes of all pages of a list."""
    pages: int = 1000
    """Pages of a list."""
    objects: int = 200_000
    """Objects of a list, or followed by a watch."""
    line: int = 16 * MIB
    """Bytes of one event of a watch."""
    log: int = 4 * MIB
    """Bytes of a container's log; the rest is cut off."""
    channel: int = 4 * MIB
    """Bytes of one output stream of a command; what is between its beginning and its end is left
    out."""
    frame: int = 16 * MIB
    """Bytes of one message of a stream."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long an API server that gives no answer is asked again."""

    seconds: float = 15.0
    """From the first attempt to the last one."""
    first: float = 0.1
    """Pause before the second attempt, seconds; doubled each time, with jitter."""
    longest: float = 3.0
    """Longest pause of our own choice, seconds. A longer ``Retry-After`` goes before it."""
    connect: float = 5.0
    """Timeout of connecting, seconds."""
    read: float = 30.0
    """Timeout of one whole answer, from the first to the last byte, seconds."""
    listing: float = 120.0
    """Timeout of all pages of a list, seconds."""
    within: float | None = None
    """Seconds within which all attempts have ended; None: one that has begun may take its time."""
    limits: Limits = dataclasses.field(default_factory=Limits)
    """How much is taken."""


class Backoff:
    """Pauses that double, from ``first`` to ``longest``, with jitter."""

    def __init__(self, patience: RetryPolicy) -> None:
        self._patience = patience
        self._next = patience.first

    def pause(self) -> float:
        """Seconds of the next pause."""
        this, self._next = self._next, min(2 * self._next, self._patience.longest)
        return this * random.uniform(0.8, 1.2)

    def reset(self) -> None:
        """Begin again."""
        self._next = self._patience.first


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked."""

    method: str
    path: str
    """Encoded already."""
    query: Sequence[tuple[str, str]] = ()
    body: object = None
    """A dict is sent as JSON, a text as it is."""
    content_type: str = "application/json"
    accept: str = "application/json"
    timeout: float | None = None
    """Seconds for the whole answer; None for the usual ones."""
    most: int | None = None
    """Bytes of the answer; None for the usual ones."""
    cut: bool = False
    """Whether a longer answer is cut off; else it is an error."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def group(self) -> str:
        """The API group that is asked; empty for the core group, and for what belongs to none."""
        _, _, rest = self.path.partition("/apis/")
        return rest.partition("/")[0]

    @property
    def target(self) -> str:
        """Path and query, for the journal."""
        return f"{self.path}?{self._encoded}" if self.query else self.path

    @property
    def _encoded(self) -> str:
        return urllib.parse.urlencode(self.query, quote_via=urllib.parse.quote)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, as it came."""

    status: int
    """HTTP status."""
    body: bytes
    """The body."""
    headers: Mapping[str, str]
    """Headers, names in lower case."""
    request: str = "The request"
    """What was asked, for errors."""
    cut: bool = False
    """Whether the rest of the body was cut off."""

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode(errors="replace")

    @property
    def head(self) -> str:
        """The beginning of the body, for errors."""
        return repr(self.body[:200].decode(errors="replace"))

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ApiUnreachable: it is none, so something else than the API server answered.
        """
        try:
            return read_json(self.body)
        except ValueError as error:
            raise ApiUnreachable(f"{self.request}: the answer is not JSON: {self.head}") from error

    def object(self) -> dict[str, Any]:
        """The body as one JSON object.

        Raises:
            ApiUnreachable: it is none.
        """
        found = self.json()
        if not isinstance(found, dict):
            raise ApiUnreachable(f"{self.request}: the answer is no object: {self.head}")
        return found


def is_header(value: str) -> bool:
    """Whether HTTP lets a header have this value.

    To be asked before it is sent: libraries quote the value in their errors, tokens included.
    """
    return re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) is not None


def unquoted(body: bytes, headers: Mapping[str, str]) -> bytes:
    """What a refusal says, without our own token: no pattern may know it.

    Args:
        headers: of the request.
    """
    token = headers.get("authorization", "").rpartition(" ")[2].encode("latin-1", "replace")
    return body.replace(token, b"[redacted]") if len(token) >= _TOKEN else body


_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON spells half a character; two of them may well be a whole one."""


def read_json(text: bytes | str) -> Any:
    """What a JSON text says; halves of characters, which cannot be written anywhere, are replaced.

    Raises:
        ValueError: it says nothing, or is nested deeper than anything that is meant.
    """
    try:
        if not isinstance(text, str):
            # Not by loads, which lets halves of characters pass.
            text = text.decode(json.detect_encoding(text))
        said = json.loads(text)
        if _HALF.search(text):
            whole = json.dumps(said, ensure_ascii=False).encode("utf-16", "surrogatepass")
            said = json.loads(whole.decode("utf-16", "replace"))
        return said
    except RecursionError:
        # Without its traceback, which is as deep.
        raise ValueError("nested too deeply") from None


@dataclasses.dataclass(slots=True)
class Tries:
    """Counts the attempts of one request, for callers to whom a repetition matters."""

    count: int = 0
    """Attempts made."""
