"""The bytes of an observation, cut in the middle where there are too many of them.

Text is cut before it is redacted, so that a log of 200 MB costs no more than one of 4 MB; and a
little less is cut than has to be, so that a credential on the edge is still seen whole.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

MOST_BYTES = 4 * 1024 * 1024
"""Of one file of evidence; a longer observation loses its middle, and says so at that place."""

MARGIN = 64 * 1024
"""Characters on both sides of a cut that are redacted and then dropped: more than any key has."""

_TAIL_SHARE = 4
"""A cut keeps this part (one n-th) of its bytes for the end, where errors tend to stand."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What goes into a file of evidence."""

    data: bytes
    """UTF-8."""
    sha256: str
    """Of ``data``."""
    truncated: bool
    """The middle was left out."""
    whole_size: int
    """Bytes before the cut."""

    @classmethod
    def of(
        cls, text: str, most: int = MOST_BYTES, *, clean: Callable[[str], str] = str
    ) -> "Content":
        """The content of a text.

        Args:
            text: as it came, of any length.
            most: bytes that are kept.
            clean: redacts what is kept and makes it printable.
        """
        if len(text) <= most + 2 * MARGIN:
            whole = _encoded(clean(text))
            if len(whole) <= most:
                return cls._of(whole, len(whole))
            return cls._of(_joined(whole, whole, most, len(whole)), len(whole))
        tail = most // _TAIL_SHARE
        first, last = clean(text[: most - tail + MARGIN]), clean(text[-tail - MARGIN :])
        # The margins go: a credential that was cut there has not been recognised.
        first, last = first[:-MARGIN], last[MARGIN:]
        size = _bytes_of(text)
        return cls._of(_joined(_encoded(first), _encoded(last), most, size), size)

    @classmethod
    def _of(cls, data: bytes, whole_size: int) -> "Content":
        return cls(
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            truncated=len(data) != whole_size,
            whole_size=whole_size,
        )


def _joined(first: bytes, last: bytes, most: int, size: int) -> bytes:
    """The beginning of one and the end of the other, with a note between them."""
    tail = most // _TAIL_SHARE
    first, last = first[: most - tail], last[-tail:]
    note = f"\n[aicr-pytest left out {size - len(first) - len(last)} of {size} bytes here]\n"
    # Decoding with "ignore" drops the halves of characters at both edges.
    shown = first.decode("utf-8", "ignore") + note + last.decode("utf-8", "ignore")
    return shown.encode("utf-8")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _bytes_of(text: str) -> int:
    """How many bytes a text has, without a second copy of it all."""
    if text.isascii():
        return len(text)
    pieces = (text[at : at + MOST_BYTES] for at in range(0, len(text), MOST_BYTES))
    return sum(len(_encoded(piece)) for piece in pieces)


def json_text(obj: Any) -> str:
    """An object as JSON for people; keys stay in the order of the API's answer."""
    return json.dumps(obj, indent=2, ensure_ascii=False) + "\n"


def table_text(
    columns: list[str],
    rows: list[list[str]],
    compare: list[str],
    picture: Mapping[str, Any] | None = None,
) -> str:
    """A table as JSON with one row per line.

    Not CSV: cells are somebody else's text, and a spreadsheet runs what starts with ``=``.
    """
    drawn = f'  "picture": {json.dumps(picture, ensure_ascii=False)},\n' if picture else ""
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return (
        "{\n"
        f'  "columns": {json.dumps(columns, ensure_ascii=False)},\n'
        f'  "compare": {json.dumps(compare, ensure_ascii=False)},\n'
        f"{drawn}"
        f'  "rows": [\n{lines}\n  ]\n'
        "}\n"
    )
