"""What each container has of each device: its own, another's that is denied, none."""

from collections.abc import Sequence

from aicr_pytest.reports.pictures.canvas import SIGNS, WIDTH, Canvas, Line, Tone

_LABEL, _TOP, _ROW = 220, 46, 36
_MOST = 6
"""Columns for which there is room."""
_OWN = "own"


def draw(title: str, lines: Sequence[Line]) -> str:
    """Containers down, devices across.

    Raises:
        ValueError: there are too many devices for the words in the cells.
    """
    rows = list(dict.fromkeys(line.get("row") for line in lines))
    columns = list(dict.fromkeys(line.get("column") for line in lines))
    if len(columns) > _MOST:
        raise ValueError(f"{len(columns)} columns")
    wide = min(170.0, (WIDTH - _LABEL) / len(columns))
    canvas = Canvas(title)
    for index, column in enumerate(columns):
        x = _LABEL + index * wide
        device, _, where = column.partition(" on ")
        canvas.text(x + 6, 16, device, within=wide - 8)
        canvas.text(x + 6, 34, f"on {where}" if where else "", kind="soft", within=wide - 8)
    for index, row in enumerate(rows):
        canvas.text(0, _TOP + index * _ROW + 22, row, within=_LABEL - 12)
        for at, column in enumerate(columns):
            # The last word counts, but for one that accuses.
            here = [one for one in lines if (one.get("row"), one.get("column")) == (row, column)]
            told = next((one for one in here if one.agrees is False), here[-1] if here else None)
            if told is None:
                continue
            x, y = _LABEL + at * wide, _TOP + index * _ROW
            tone: Tone = "bad" if told.agrees is False else "quiet"
            if tone == "quiet" and told.get("cell") == _OWN:
                tone = "good"
            canvas.box(x + 2, y, wide - 6, _ROW - 6, kind=f"card {tone}")
            words = f"{SIGNS[tone]}{told.get('cell')}"
            canvas.text(x + 12, y + 20, words, kind=f"sign {tone}", within=wide - 20)
    return canvas.svg(_TOP + len(rows) * _ROW)
