"""Rows as CSV that a spreadsheet shows and does not run."""

import re
from collections.abc import Iterable, Sequence

_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for the beginning of a formula, wide forms included."""
_NEEDS_QUOTES = re.compile(r'[,;\t\r\n"]')
"""Separators of any country's spreadsheet, and what would end a cell or a row."""

_AS_PROMETHEUS = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}

Cell = str | float | None
"""Text of anybody, a number of ours, or nothing."""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table as CSV, one line per row; texts are defused, and quoted where they need it."""
    return "".join(f"{','.join(map(_cell, row))}\n" for row in (columns, *rows))


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return number(value)
    text = f"'{value}" if _FORMULA.match(value) else value
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def number(value: float) -> str:
    """A number as Prometheus writes it, to ten digits; ``NaN``, ``+Inf`` and ``-Inf`` are some."""
    text = f"{value:.10g}"
    return _AS_PROMETHEUS.get(text, text)
