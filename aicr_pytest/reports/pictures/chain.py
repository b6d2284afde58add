"""One and the same device at each step: published, allocated, seen."""

from collections.abc import Sequence

from aicr_pytest.reports.pictures.canvas import WIDTH, Canvas, Line

_BOX, _TALL, _STEP = 200, 58, 74
_TOP = 26
_STEPS = ("published", "allocated", "seen")
_ABSENT = {"published": "not published", "allocated": "not allocated", "seen": "not seen"}


def draw(title: str, lines: Sequence[Line]) -> str:
    """Three boxes per device, joined where they are about the same one."""
    canvas = Canvas(title)
    gap = (WIDTH - 3 * _BOX) / 2
    starts = [index * (_BOX + gap) for index in range(3)]
    for step, x in zip(_STEPS, starts, strict=True):
        said = "seen in the container" if step == "seen" else step
        canvas.text(x, 14, said, kind="head", within=_BOX)
    for index, line in enumerate(lines):
        y = _TOP + index * _STEP
        tone = line.tone or "quiet"
        for step, x in zip(_STEPS, starts, strict=True):
            canvas.box(x, y, _BOX, _TALL, kind=f"card {tone}")
            canvas.text(x + 10, y + 24, line.get(step) or _ABSENT[step], within=_BOX - 20)
            by = line.get(f"{step}_by")
            canvas.text(x + 10, y + 44, by, kind="soft", within=_BOX - 20)
        for x in starts[:2]:
            canvas.path(
                f"M{x + _BOX + 4:.1f} {y + _TALL / 2:.1f}h{gap - 14:.1f}m-6 -5l6 5l-6 5",
                kind=f"join {tone}",
            )
            sign = "≠" if line.agrees is False else "="
            middle = x + _BOX + gap / 2
            canvas.text(middle - 5, y + _TALL / 2 - 8, sign, kind=f"sign {tone}")
    return canvas.svg(_TOP + len(lines) * _STEP)
