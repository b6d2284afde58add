"""The part of an observation that a page shows; the whole lies in its file."""

import base64
import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any, Literal

from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import Observation
from aicr_pytest.reports.pictures.canvas import Line
from aicr_pytest.reports.view import content_path

MOST_INLINE = 256 * 1024
"""Bytes of one observation on a page."""

MOST_ROWS = 200
"""Rows of one table on a page."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table."""

    cells: tuple[str, ...]
    """As observed."""
    agrees: bool | None
    """Whether the compared cells are equal; ``None`` where nothing is compared."""
    linked: frozenset[int]
    """Indexes of the cells to mark: all compared ones if they agree, else those that differ."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, e.g. the chain from a published device to the one seen in the container."""

    columns: tuple[str, ...]
    """Headings."""
    compared: frozenset[int]
    """Indexes of the columns whose cells have to be equal."""
    rows: tuple[Row, ...]
    """At most ``MOST_ROWS``."""
    left_out: int
    """Rows that are only in the file."""
    picture: str = ""
    """How it is drawn, as ``aicr_pytest.evidence.picture`` has it; empty where it is only read."""
    lines: tuple[Line, ...] = ()
    """What is drawn of the rows."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a page shows of an observation."""

    state: Literal["shown", "cut", "missing", "left out"]
    """``left out`` where the page would become too long."""
    text: str = ""
    """For everything but tables and drawings."""
    table: Table | None = None
    """For tables."""
    image: str = ""
    """For drawings: a ``data:`` URL, in which no script runs."""
    shown: int = 0
    """Bytes of the text."""


class Previews:
    """Reads observations for one page, up to a size that browsers open at once."""

    def __init__(self, directory: Path, most: int = 16 * 1024 * 1024) -> None:
        self._directory = directory
        self._left = most
        self._known: dict[str, Preview] = {}

    def of(self, observation: Observation) -> Preview:
        """What to show of an observation; read once, however many checks cite it."""
        if observation.file not in self._known:
            self._known[observation.file] = self._read(observation)
        return self._known[observation.file]

    def _read(self, observation: Observation) -> Preview:
        if (path := content_path(self._directory, observation)) is None:
            return Preview(state="missing")
        if self._left <= 0:
            return Preview(state="left out")
        try:
            with path.open("rb") as file:
                data = file.read(MOST_INLINE + 1)
        except OSError:
            return Preview(state="missing")
        whole = len(data) <= MOST_INLINE
        data = data[:MOST_INLINE]
        self._left -= len(data)
        if observation.kind == "table" and whole and (table := _table(data)):
            return Preview(state="shown", table=table)
        if observation.kind == "csv" and whole and (table := _csv(data)):
            return Preview(state="shown", table=table)
        if observation.kind == "svg" and whole:
            image = f"data:image/svg+xml;base64,{base64.b64encode(data).decode('ascii')}"
            return Preview(state="shown", image=image)
        # "ignore" only when cut: the last character may have lost its second half.
        text = data.decode("utf-8", "replace" if whole else "ignore")
        state: Literal["shown", "cut"] = "shown" if whole else "cut"
        return Preview(state=state, text=printable(text), shown=len(data))


def _table(data: bytes) -> Table | None:
    """The stored table; ``None`` where the file is none, and is then shown as text."""
    try:
        stored: Any = json.loads(data)
        columns = [str(column) for column in stored["columns"]]
        compare = [str(column) for column in stored["compare"]]
        rows = [[str(cell) for cell in row] for row in stored["rows"]]
        picture = stored.get("picture") or {}
        kind = str(picture.get("kind", ""))
        parts = {str(part): str(column) for part, column in picture.get("parts", {}).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if any(len(row) != len(columns) for row in rows):
        return None
    compared = frozenset(i for i, column in enumerate(columns) if column in compare)
    shown = tuple(_row(row, compared) for row in rows[:MOST_ROWS])
    places = {part: columns.index(column) for part, column in parts.items() if column in columns}
    return Table(
        columns=tuple(columns),
        compared=compared,
        rows=shown,
        left_out=max(0, len(rows) - MOST_ROWS),
        picture=kind,
        lines=tuple(
            Line(
                parts={part: row.cells[place] for part, place in places.items()},
                agrees=row.agrees,
            )
            for row in shown
        ),
    )


def _csv(data: bytes) -> Table | None:
    """Samples as a table; ``None`` where there are no columns."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace"))))
    except csv.Error:  # a stranger's file; it is shown as text
        return None
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None
    columns, *samples = rows
    return Table(
        columns=tuple(columns),
        compared=frozenset(),
        rows=tuple(_row(row, frozenset()) for row in samples[:MOST_ROWS]),
        left_out=max(0, len(samples) - MOST_ROWS),
    )


def _row(cells: list[str], compared: frozenset[int]) -> Row:
    if not compared:
        return Row(cells=tuple(cells), agrees=None, linked=compared)
    expected = cells[min(compared)]
    # Two empty cells do not agree: nothing was seen in either.
    differ = frozenset(i for i in compared if not expected or cells[i] != expected)
    return Row(cells=tuple(cells), agrees=not differ, linked=differ or compared)
