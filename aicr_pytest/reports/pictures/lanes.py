"""From when to when each thing was there."""

from collections.abc import Sequence

from aicr_pytest.evidence.drawing import round_ticks
from aicr_pytest.reports.pictures.canvas import WIDTH, Canvas, Line

_LABEL, _TOP, _ROW = 220, 8, 34
_LONG = WIDTH - _LABEL - 16


def draw(title: str, lines: Sequence[Line]) -> str:
    """A bar per thing over one time axis; one that never began has none, and says so.

    Raises:
        ValueError: a cell is no number.
    """
    canvas = Canvas(title)
    moments = [line.number(part) for line in lines for part in ("start", "end") if line.get(part)]
    marks = [tick for tick in round_ticks(0.0, max([1.0, *moments])) if tick >= 0]
    most = marks[-1]
    bottom = _TOP + len(lines) * _ROW
    for tick in marks:
        x = _LABEL + _LONG * tick / most
        canvas.path(f"M{x:.1f} {_TOP}V{bottom}", kind="axis")
        canvas.text(x, bottom + 18, f"{tick:g} s", kind="soft middle")
    for index, line in enumerate(lines):
        y = _TOP + index * _ROW
        canvas.text(0, y + 21, line.get("name"), within=_LABEL - 12)
        if not line.get("start"):
            canvas.text(_LABEL + 6, y + 21, "never", kind="soft")
            continue
        start = line.number("start")
        end = line.number("end") if line.get("end") else most
        words = f"from {start:.1f} s" + (f" to {end:.1f} s" if line.get("end") else " on")
        left = _LABEL + _LONG * max(start, 0.0) / most
        wide = _LONG * (end - max(start, 0.0)) / most
        canvas.box(left, y + 5, wide, _ROW - 12, kind="span")
        canvas.text(_place(left, wide, len(words) * 8.0), y + 21, words)
    return canvas.svg(bottom + 26)


def _place(left: float, wide: float, needed: float) -> float:
    """Where words about a bar begin: behind it, else on it, else before it."""
    if left + wide + 8 + needed < WIDTH:
        return left + wide + 8
    return left + 8 if wide > needed else left - 8 - needed
