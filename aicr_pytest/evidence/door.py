"""The one door through which text leaves, for a file or for the terminal.

What passes is cut, then redacted, then made printable, once each and in this order: a long text
must not cost minutes, and the redactor has to see what came, not escapes of it.
"""

import functools
import re
from typing import Any, Protocol

from aicr_pytest.evidence.printable import printable

MOST_TEXT = 100_000
"""Characters of one text: a message, a captured stream."""
MOST_LINE = 4_000
"""Characters of one line."""

_MARGIN = 8_192
"""Characters that are redacted together with what is kept, and then dropped: a secret that the cut
goes through is no longer recognised. The longest one, a private key in PEM, has about 6,500."""
_TAIL_SHARE = 4
"""A cut keeps this part (one n-th) for the end, where errors tend to stand."""
_NAME = 200
"""Characters of what may be a name."""
_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")


class Redacts(Protocol):
    """Takes out what must not be seen; aicr_pytest.evidence.redaction.redact has one."""

    def text(self, text: str) -> str:
        """The text without it, for the terminal."""

    def publishable(self, text: str) -> str:
        """The text without it, for a file that is published."""


class Door:
    """Lets text out."""

    def __init__(self, redactor: Redacts) -> None:
        self._redactor = redactor
        # Names of tests and marks pass with each of a test's reports.
        self._clean_name = functools.lru_cache(maxsize=1024)(self._clean_whole)

    def text(self, text: str, most: int = MOST_TEXT) -> str:
        """A text of several lines; one that is longer loses its middle, and says so there."""
        if len(text) <= most:
            return self._clean(text)
        tail = most // _TAIL_SHARE
        head = most - tail
        if len(text) <= most + 2 * _MARGIN:
            first = last = self._clean(text)
            if len(first) <= most:
                return first
        else:
            first = self._clean(text[: head + _MARGIN])[:-_MARGIN]
            last = self._clean(text[-tail - _MARGIN :])[_MARGIN:]
        note = f"\n[aicr-pytest left out the middle of {len(text)} characters here]\n"
        return first[:head] + note + last[-tail:]

    def line(self, text: str, most: int = MOST_LINE) -> str:
        """A text on one line, so that it cannot look like lines of ours; cut at its end."""
        clean = _BREAKS.sub(" ", self._clean(text[: most + _MARGIN]).strip("\r\n"))
        return clean if len(clean) <= most else f"{clean[: most - 2]} …"

    def value(self, value: Any) -> Any:
        """A JSON value whose texts have passed, the names of fields included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.line(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        return value

    def published(self, text: str) -> str:
        """A text out of a file that somebody else wrote, for publication; it is not cut."""
        return printable(self._redactor.publishable(text))

    def _clean(self, text: str) -> str:
        return self._clean_name(text) if len(text) <= _NAME else self._clean_whole(text)

    def _clean_whole(self, text: str) -> str:
        return printable(self._redactor.text(text))
