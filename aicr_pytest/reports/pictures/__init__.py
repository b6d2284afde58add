"""Pictures of tables: drawn from the rows that the evidence holds, with no number of their own."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from aicr_pytest.reports.pictures import bars, chain, grid, lanes, twins
from aicr_pytest.reports.pictures.canvas import Line

_MOST_LINES = 24
"""Rows of a picture; the others are in the table beside it."""

_DRAWN: dict[str, Callable[[str, Sequence[Line]], str]] = {
    "chain": chain.draw,
    "grid": grid.draw,
    "shares": bars.shares,
    "change": bars.change,
    "lanes": lanes.draw,
    "twins": twins.draw,
}


def draw(kind: str, title: str, lines: Sequence[Line]) -> Markup:
    """The picture as inline SVG; empty where the rows cannot be drawn, and only the table speaks.

    Args:
        kind: as ``aicr_pytest.evidence.picture`` has it; an unknown one is not drawn.
        title: what it shows, for who cannot see it.
        lines: the table's rows; the first of them are drawn.
    """
    drawer = _DRAWN.get(kind)
    if drawer is None or not lines:
        return Markup()
    try:
        # What the drawers write passes ``escape`` of the canvas, text by text.
        return Markup(drawer(title, lines[:_MOST_LINES]))
    except ValueError:  # a cell that should be a number is none: the record may be a stranger's
        return Markup()
