"""Numbers with their bounds, and numbers before and after."""

from collections.abc import Sequence

from aicr_pytest.reports.pictures.canvas import SIGNS, WIDTH, Canvas, Line, Tone

_LABEL, _WORDS = 170, 190
_ROW = 44
_LONG = WIDTH - _LABEL - _WORDS
_TOP = 8


def shares(title: str, lines: Sequence[Line]) -> str:
    """The value of each between its bounds.

    Raises:
        ValueError: a cell is no number.
    """
    canvas = Canvas(title)
    most = max([100.0, *(line.number(part) for line in lines for part in ("value", "high"))])
    for index, line in enumerate(lines):
        value, low, high = (line.number(part) for part in ("value", "low", "high"))
        tone: Tone = "good" if low <= value <= high else "bad"
        y = _TOP + index * _ROW
        canvas.text(0, y + 22, line.get("name"), within=_LABEL - 12)
        canvas.box(_LABEL, y + 6, _LONG, 24, kind="ground")
        canvas.box(_LABEL, y + 10, _LONG * value / most, 16, kind=f"bar {tone}")
        left, right = (_LABEL + _LONG * bound / most for bound in (low, high))
        canvas.path(f"M{left:.1f} {y + 2}v32M{right:.1f} {y + 2}v32", kind="bound")
        canvas.path(f"M{left:.1f} {y + 34}H{right:.1f}", kind="bound")
        words = f"{SIGNS[tone]}{value:g} (of {low:g} to {high:g})"
        canvas.text(_LABEL + _LONG + 12, y + 22, words, kind=f"sign {tone}", within=_WORDS - 12)
    return canvas.svg(_TOP + len(lines) * _ROW)


def change(title: str, lines: Sequence[Line]) -> str:
    """From the value before to the value after.

    Raises:
        ValueError: a cell is no number.
    """
    canvas = Canvas(title)
    values = [line.number(part) for line in lines for part in ("before", "after")]
    low, high = min(0.0, *values), max(1.0, *values)
    for index, line in enumerate(lines):
        before, after = line.number("before"), line.number("after")
        start, end = (
            _LABEL + 8 + (_LONG - 16) * (value - low) / (high - low) for value in (before, after)
        )
        y = _TOP + index * _ROW
        tone = line.tone or "quiet"
        canvas.text(0, y + 22, line.get("name"), within=_LABEL - 12)
        canvas.path(f"M{_LABEL} {y + 18}h{_LONG}", kind="axis")
        canvas.path(f"M{start:.1f} {y + 18}H{end:.1f}", kind=f"join {tone}")
        canvas.dot(start, y + 18, kind="hollow")
        canvas.dot(end, y + 18, kind=f"point {tone}")
        words = f"{SIGNS[line.tone]}{before:g} before, {after:g} after"
        canvas.text(_LABEL + _LONG + 12, y + 22, words, kind=f"sign {tone}", within=_WORDS - 12)
    return canvas.svg(_TOP + len(lines) * _ROW)
