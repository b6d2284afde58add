"""Two things that differ in one respect, and the answers to them, side by side."""

from collections.abc import Sequence

from aicr_pytest.reports.pictures.canvas import SIGNS, WIDTH, Canvas, Line

_WIDE, _TALL, _GAP = 350, 96, 20


def draw(title: str, lines: Sequence[Line]) -> str:
    """A card per twin."""
    canvas = Canvas(title)
    for index, line in enumerate(lines):
        x = (index % 2) * (WIDTH - _WIDE)
        y = (index // 2) * (_TALL + _GAP)
        tone = line.tone or "quiet"
        canvas.box(x, y, _WIDE, _TALL, kind=f"card {tone}")
        canvas.text(x + 14, y + 26, line.get("name"), kind="head", within=_WIDE - 28)
        canvas.text(x + 14, y + 48, line.get("differs"), kind="soft", within=_WIDE - 28)
        words = f"→ {SIGNS[line.tone]}{line.get('answer')}"
        canvas.text(x + 14, y + 76, words, kind=f"sign {tone}", within=_WIDE - 28)
    return canvas.svg(((len(lines) + 1) // 2) * (_TALL + _GAP) - _GAP + 4)
