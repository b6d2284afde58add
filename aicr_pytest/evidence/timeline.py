"""Samples over time, and their numbers for a program; `drawing` draws them for a reader.

A timeline is pure: it is told when something was seen.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from aicr_pytest.evidence.clock import iso
from aicr_pytest.evidence.spreadsheet import Cell, csv_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was seen of some series at one moment."""

    at: datetime.datetime
    """When, UTC."""
    values: Mapping[str, float | None]
    """Series → value; None where it had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened: an event, a condition, an action of the suite."""

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

    def said_by(self, clean: Callable[[str], str]) -> "Timeline":
        """The same samples with other words: before they are drawn, every text of it passes."""
        names = {name: clean(name) for name in self.units}
        return Timeline(
            title=clean(self.title),
            units={names[name]: clean(unit) for name, unit in self.units.items()},
            points=[
                replace(one, values={names[name]: value for name, value in one.values.items()})
                for one in self.points
            ],
            marks=[replace(one, text=clean(one.text)) for one in self.marks],
        )

    def moments(self) -> list[Point | Mark]:
        """Samples and marks, the earliest first."""
        everything: list[Point | Mark] = [*self.points, *self.marks]
        return sorted(everything, key=lambda one: one.at)

    def csv(self) -> str:
        """One row per moment: time, seconds since the first, one column per series, the mark."""
        units = [f"{name} ({unit})" if unit else name for name, unit in self.units.items()]
        moments = self.moments()
        rows: list[list[Cell]] = []
        for one in moments:
            seconds = f"{(one.at - moments[0].at).total_seconds():.1f}"
            values: Mapping[str, Cell] = {} if isinstance(one, Mark) else one.values
            text = one.text if isinstance(one, Mark) else ""
            rows.append([iso(one.at), seconds, *map(values.get, self.units), text])
        return csv_text(["time", "seconds", *units, "mark"], rows)
