"""What pictures are drawn on: boxes, lines and texts that take the page's colours."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

from markupsafe import escape

from aicr_pytest.evidence.printable import printable

WIDTH = 720
"""Of every picture, in its own pixels."""
_LETTER = 8.0
"""Pixels of a letter of 13 px, on average; there are no font metrics here."""

_TIP = 300
"""Letters of what stood where a text was cut; all of it stands in the table."""

Tone = Literal["good", "bad", "quiet", ""]
"""Chooses a colour; a sign or a word stands beside it."""

SIGNS: dict[Tone, str] = {"good": "✓ ", "bad": "✗ ", "quiet": "✓ ", "": ""}
"""What says the same as the colour."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a table as a picture needs it."""

    parts: Mapping[str, str]
    """Part → cell."""
    agrees: bool | None
    """Whether the compared cells are equal; ``None`` where nothing is compared."""

    def get(self, part: str) -> str:
        """The cell of a part; empty where the table has none."""
        return self.parts.get(part, "")

    def number(self, part: str) -> float:
        """A cell as a number.

        Raises:
            ValueError: it is none that has a place on an axis.
        """
        value = float(self.get(part))
        if not math.isfinite(value) or abs(value) > 1e100:
            raise ValueError(f"{part} is {value}")
        return value

    @property
    def tone(self) -> Tone:
        """Good where the compared cells agree, bad where they do not."""
        return "" if self.agrees is None else "good" if self.agrees else "bad"


def fitted(text: str, pixels: float) -> str:
    """A text that is about so wide at most; names differ at both ends, so the middle goes."""
    most = max(3, int(pixels / _LETTER))
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


class Canvas:
    """Collects shapes; texts are made harmless and escaped here and nowhere else."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shapes: list[str] = []

    def text(self, x: float, y: float, text: str, *, kind: str = "", within: float = WIDTH) -> None:
        """Write a line of text; more of it stands in the tooltip where it was cut."""
        shown = fitted(text, within)
        tip = f"<title>{_safe(text[:_TIP])}</title>" if shown != text else ""
        self._shapes.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{tip}{_safe(shown)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, *, kind: str = "") -> None:
        """Draw a rectangle with round corners."""
        self._shapes.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 2):.1f}" '
            f'height="{height:.1f}" rx="5"/>'
        )

    def path(self, course: str, *, kind: str = "") -> None:
        """Draw a line along a course in SVG's words."""
        self._shapes.append(f'<path class="{kind}" d="{course}"/>')

    def dot(self, x: float, y: float, *, kind: str = "") -> None:
        """Draw a point."""
        self._shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')

    def svg(self, height: float) -> str:
        """The picture."""
        return (
            f'<svg class="picture" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="{_safe(self._title)}">{"".join(self._shapes)}</svg>'
        )


def _safe(text: str) -> str:
    return str(escape(printable(text)))
