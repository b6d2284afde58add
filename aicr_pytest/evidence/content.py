"""The bytes of an observation, cut in the middle where there are too many of them."""

import dataclasses
import hashlib
import json
from typing import Any

MOST_BYTES = 4 * 1024 * 1024
"""Of one file of evidence; a longer observation loses its middle, and says so at that place."""

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
    def of(cls, text: str, most: int = MOST_BYTES) -> "Content":
        """The content of a text that is already redacted and printable."""
        whole = text.encode("utf-8", "backslashreplace")
        data = whole if len(whole) <= most else _cut(whole, most)
        return cls(
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            truncated=data is not whole,
            whole_size=len(whole),
        )


def _cut(whole: bytes, most: int) -> bytes:
    tail = most // _TAIL_SHARE
    head = most - tail
    left_out = len(whole) - head - tail
    note = f"\n[aicr-pytest left out {left_out} of {len(whole)} bytes here]\n"
    # Decoding with "ignore" drops the halves of characters at both edges.
    first = whole[:head].decode("utf-8", "ignore")
    last = whole[-tail:].decode("utf-8", "ignore")
    return (first + note + last).encode("utf-8")


def json_text(obj: Any) -> str:
    """An object as JSON for people; keys stay in the order of the API's answer."""
    return json.dumps(obj, indent=2, ensure_ascii=False) + "\n"


def table_text(columns: list[str], rows: list[list[str]], compare: list[str]) -> str:
    """A table as JSON with one row per line.

    Not CSV: cells are somebody else's text, and a spreadsheet runs what starts with ``=``.
    """
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return (
        "{\n"
        f'  "columns": {json.dumps(columns, ensure_ascii=False)},\n'
        f'  "compare": {json.dumps(compare, ensure_ascii=False)},\n'
        f'  "rows": [\n{lines}\n  ]\n'
        "}\n"
    )
