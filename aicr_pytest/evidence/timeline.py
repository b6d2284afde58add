"""Samples over time: what is drawn for a reader, and the same numbers for a program.

A timeline is pure: it is told when something was seen, and makes a CSV and an SVG of it.
"""

import csv
import datetime
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from aicr_pytest.evidence.clock import iso

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was seen of some series at one moment."""

    at: datetime.datetime
    """When, UTC."""
    values: Mapping[str, float | None]
    """Series → value; None where it had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened: an event, a condition, a deed of ours."""

    at: datetime.datetime
    """When, UTC."""
    text: str
    """What, in a line."""


@dataclass(slots=True)
class Timeline:
    """Samples of some series, and marks, over time."""

    title: str
    """What it shows."""
    units: Mapping[str, str]
    """Series → its unit; series of one unit share an axis. A name is shown as it is."""
    points: list[Point] = field(default_factory=list)
    """In the order in which they were seen."""
    marks: list[Mark] = field(default_factory=list)
    """In the order in which they were noted."""

    def sample(self, at: datetime.datetime, /, **values: float | None) -> None:
        """Note values that were seen at one moment.

        Raises:
            KeyError: a series has no unit.
        """
        if unknown := sorted(values.keys() - self.units.keys()):
            raise KeyError(f"{self.title}: series without a unit: {', '.join(unknown)}")
        self.points.append(Point(at=at, values=values))

    def mark(self, at: datetime.datetime, text: str) -> None:
        """Note that something happened; the same thing at the same moment is noted once."""
        mark = Mark(at=at, text=" ".join(text.split()))
        if mark not in self.marks:
            self.marks.append(mark)

    def moments(self) -> list[Point | Mark]:
        """Samples and marks, the earliest first."""
        everything: list[Point | Mark] = [*self.points, *self.marks]
        return sorted(everything, key=lambda one: one.at)

    def csv(self) -> str:
        """One row per moment: time, seconds since the first, one column per series, the mark."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        units = [f"{name} ({unit})" if unit else name for name, unit in self.units.items()]
        writer.writerow(["time", "seconds", *map(_harmless, units), "mark"])
        moments = self.moments()
        for one in moments:
            seconds = f"{(one.at - moments[0].at).total_seconds():.1f}"
            if isinstance(one, Mark):
                cells = ["" for _ in self.units]
                text = _harmless(one.text)
            else:
                cells = [_number(one.values.get(name)) for name in self.units]
                text = ""
            writer.writerow([iso(one.at), seconds, *cells, text])
        return out.getvalue()

    def svg(self) -> str:
        """The drawing: one panel per unit over a common time axis, marks numbered and listed."""
        from aicr_pytest.evidence.drawing import draw

        return draw(self)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _harmless(text: str) -> str:
    """Somebody else's words must not become a formula in a spreadsheet."""
    return f"'{text}" if text.startswith(_FORMULA) else text
