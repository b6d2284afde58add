"""What is asked of the API server, what comes back, and how long it is asked."""

import dataclasses
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from aicr_pytest.errors import ApiUnreachable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an API server that gives no answer is asked again."""

    seconds: float = 15.0
    """From the first attempt to the last one."""
    first: float = 0.1
    """Pause before the second attempt, seconds; doubled each time, with jitter."""
    longest: float = 3.0
    """Longest pause of our own choice, seconds. ``Retry-After`` goes before it."""
    connect: float = 5.0
    """Timeout of connecting, seconds."""
    read: float = 30.0
    """Timeout of one answer, seconds."""


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
    """Seconds to wait for the answer; None for the usual ones."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def target(self) -> str:
        """Path and query, for the journal."""
        return f"{self.path}?{urllib.parse.urlencode(self.query)}" if self.query else self.path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, as it came."""

    status: int
    """HTTP status."""
    body: bytes
    """The body."""
    headers: Mapping[str, str]
    """Headers, names in lower case."""

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ApiUnreachable: it is none, so something else than the API server answered.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ApiUnreachable(f"The answer is not JSON: {self.text[:200]!r}") from error


@dataclasses.dataclass(slots=True)
class Tries:
    """Counts the attempts of one request, for callers to whom a repetition matters."""

    count: int = 0
    """Attempts made."""
