"""The evidence of one check; what the fixture ``aicr_evidence`` gives."""

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aicr_pytest.evidence.clock import iso
from aicr_pytest.evidence.content import Content, json_text, table_text
from aicr_pytest.evidence.drawing import draw
from aicr_pytest.evidence.foreign import reduce_foreign
from aicr_pytest.evidence.names import slug
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import (
    IMAGE,
    LOOKED_AT,
    NOT_LOOKED_AT,
    CheckRecord,
    Observation,
    ObservationKind,
)
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.spreadsheet import Cell, csv_text
from aicr_pytest.evidence.timeline import Timeline

_SUFFIX: dict[ObservationKind, str] = {
    "text": "txt",
    "json": "json",
    "yaml": "yaml",
    "table": "json",
    "csv": "csv",
    "svg": "svg",
}
_LONGEST_TITLE = 60
"""Characters of a title that go into the file's name."""
_LONGEST_LINE = 256 * 1024
"""Characters of a title, a source or a fact; more would be an observation."""
_SHORT = 64
"""Facts and observations up to which a record is written with each of them."""
_GROWTH = 1.05
"""Factor by which a longer record has to grow to be written again."""


class ExecutionLike(Protocol):
    """A command that ran in a container, as aicr_pytest.cluster gives it."""

    @property
    def command_line(self) -> str:
        """The command."""

    @property
    def source(self) -> str:
        """What ran, where, and by which request."""

    @property
    def by_hand(self) -> str:
        """The kubectl command line of the same meaning."""

    @property
    def stdout(self) -> str:
        """What it wrote."""

    @property
    def stderr(self) -> str:
        """What it complained about."""

    @property
    def exit_code(self) -> int:
        """The command's exit code."""

    @property
    def taken_at(self) -> datetime.datetime:
        """When it started."""


class Sink(Protocol):
    """Where a check's evidence goes: the store."""

    run_id: str
    redactor: Redactor
    clock: Callable[[], datetime.datetime]

    @property
    def directory(self) -> Path | None:
        """Of the run; ``None`` where nothing is written."""

    def write(self, file: str, content: bytes) -> None:
        """Write one file, its name relative to the directory; never raises."""

    def keep(self, folder: str, record: CheckRecord) -> None:
        """Remember a record and write it; never raises."""


class CheckEvidence:
    """Adds observations and facts to the record of one check.

    Every method writes at once; none raises because of the disk.
    """

    def __init__(self, record: CheckRecord, folder: str, store: Sink) -> None:
        self.record = record
        """The record as it stands."""
        self.folder = folder
        """Where the files lie, relative to the run's directory."""
        self.phase = ""
        """The phase that observations are noted with; the plugin sets it."""
        self._store = store
        self._number = self._files_of_an_earlier_attempt()
        self._written = 0

    def text(
        self,
        title: str,
        content: str,
        *,
        source: str,
        exit_code: int | None = None,
        taken_at: datetime.datetime | None = None,
        by_hand: str = "",
    ) -> Observation:
        """Keep what came back as text.

        Args:
            title: what it shows.
            content: what came back.
            source: the request that really ran.
            exit_code: of a command.
            taken_at: when it was asked for; now, where it is not given.
            by_hand: a command line that a reader may run to see the same.
        """
        return self._add(
            title, "text", content, source, exit_code, taken_at, by_hand, clean=self._clean
        )

    def json(self, title: str, obj: Any, *, source: str) -> Observation:
        """Keep a Kubernetes object, or a list of them, as JSON; of others' what a proof needs."""
        return self._add(title, "json", json_text(self._object(obj)), source)

    def yaml(self, title: str, obj: Any, *, source: str) -> Observation:
        """Keep a Kubernetes object as YAML, or a list of them as documents; as ``json`` does."""
        # PyYAML takes longer to import than the plugin may.
        from aicr_pytest.evidence.yaml_text import yaml_text

        return self._add(title, "yaml", yaml_text(self._object(obj)), source)

    def csv(self, title: str, content: str, *, source: str) -> Observation:
        """Keep samples over time."""
        return self._add(title, "csv", content, source, clean=self._clean)

    def svg(self, title: str, content: str, *, source: str) -> Observation:
        """Keep a drawing of ours."""
        return self._add(title, "svg", content, source, clean=self._clean)

    def timeline(self, timeline: Timeline, *, source: str) -> tuple[Observation, Observation]:
        """Keep samples over time twice: the numbers as CSV, and a drawing of them.

        Args:
            timeline: what was sampled, by us; the drawing and the numbers are of the same samples.
            source: what was asked to get them.
        """
        # Its words are cleaned before they are drawn: a redactor knows nothing of markup or cells.
        clean = timeline.said_by(self._clean)
        drawing = self._add(clean.title, "svg", draw(clean), source)
        return self._add(f"{clean.title} (numbers)", "csv", clean.csv(), source), drawing

    def rows(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, source: str
    ) -> Observation:
        """Keep many rows of texts and numbers as CSV; texts become no formulas."""
        clean = self._clean
        cells = ([clean(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
        return self._add(title, "csv", csv_text([clean(one) for one in columns], cells), source)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        source: str,
        compare: Sequence[str] = (),
        picture: Picture | None = None,
    ) -> Observation:
        """Keep a table; the dossier shows it open, and above it the picture of it.

        Args:
            title: what it shows.
            columns: their headings.
            rows: their cells, shown as strings.
            source: what was read to make it.
            compare: columns whose cells have to be equal within a row, e.g. the identity of a
                device as published, as allocated and as seen inside the container. The dossier
                marks each row as equal or unequal.
            picture: how it is drawn; None for a table that is only read.

        Raises:
            ValueError: a row has another length than ``columns``, or ``compare`` or ``picture``
                name no column.
        """
        if wrong := [row for row in rows if len(row) != len(columns)]:
            raise ValueError(f"{title}: {len(columns)} columns, but a row is {wrong[0]!r}")
        if unknown := set(compare) - set(columns):
            raise ValueError(f"{title}: compare names no column: {sorted(unknown)}")
        if picture and (unknown := set(picture.parts.values()) - set(columns)):
            raise ValueError(f"{title}: the picture names no column: {sorted(unknown)}")
        clean = self._clean
        text = table_text(
            [clean(column) for column in columns],
            [[clean(str(cell)) for cell in row] for row in rows],
            [clean(column) for column in compare],
            dataclasses.asdict(picture.said_by(clean)) if picture else None,
        )
        return self._add(title, "table", text, source)

    def execution(self, execution: ExecutionLike, title: str | None = None) -> Observation:
        """Keep what a command wrote; what it complained about becomes an observation of its own.

        Apart, so that each file is verbatim.
        """
        title = title or execution.command_line

        def keep(title: str, written: str) -> Observation:
            return self.text(
                title,
                written,
                source=execution.source,
                exit_code=execution.exit_code,
                taken_at=execution.taken_at,
                by_hand=execution.by_hand,
            )

        out = keep(title, execution.stdout)
        if execution.stderr:
            keep(f"{title} (stderr)", execution.stderr)
        return out

    def cite(self, observation: Observation) -> None:
        """Name an observation that was made for an earlier check and matters for this one too."""
        if observation not in self.record.observations:
            self.change(observations=(*self.record.observations, observation))

    def fact(self, name: str, value: object) -> None:
        """Keep a small thing that is worth a line, e.g. the node or the seconds to release."""
        facts = {**self.record.facts, self._line(name): self._line(str(value))}
        self._grow(facts=facts)

    def looked_at(self, node: str, by: str) -> None:
        """Keep that a node's accelerators were looked at."""
        self.fact(f"{LOOKED_AT}{node}", by)

    def not_looked_at(self, where: str, why: str) -> None:
        """Keep that a part was not looked at, while the check judges the others."""
        self.fact(f"{NOT_LOOKED_AT}{where}", why)

    def images(self, found: Mapping[str, str]) -> None:
        """Keep what a pod's images really were: as asked for → the digest that kubelet names."""
        for image, digest in found.items():
            self.fact(f"{IMAGE}{image}", digest or "kubelet names no digest")

    def change(self, **changes: Any) -> CheckRecord:
        """Replace fields of the record and write it."""
        self.record = dataclasses.replace(self.record, **changes)
        self._store.keep(self.folder, self.record)
        return self.record

    def _add(
        self,
        title: str,
        kind: ObservationKind,
        text: str,
        source: str,
        exit_code: int | None = None,
        taken_at: datetime.datetime | None = None,
        by_hand: str = "",
        *,
        clean: Callable[[str], str] = str,
    ) -> Observation:
        title, source = self._line(title), self._line(source)
        content = Content.of(text, clean=clean)
        if content.truncated:
            kind = "text"  # cut JSON is no JSON any more
        self._number += 1
        name = f"{self._number:02d}-{slug(title, _LONGEST_TITLE, 'observation')}.{_SUFFIX[kind]}"
        observation = Observation(
            title=title,
            kind=kind,
            source=source,
            file=f"{self.folder}/{name}" if self._store.directory else "",
            taken_at=iso(taken_at or self._store.clock()),
            exit_code=exit_code,
            sha256=content.sha256,
            size=len(content.data),
            truncated=content.truncated,
            whole_size=content.whole_size,
            phase=self.phase,
            by_hand=self._line(by_hand),
        )
        if observation.file:
            self._store.write(observation.file, content.data)
        self._grow(observations=(*self.record.observations, observation))
        return observation

    def _object(self, obj: Any) -> Any:
        return self._store.redactor.object(reduce_foreign(obj, self._store.run_id))

    def _grow(self, **changes: Any) -> None:
        """Add to the record; a long one is not written for each thing that is added.

        Else a check with 3000 facts would spend its time on writing the first ones 3000 times. What
        is not on the disk yet gets there with the check's end, or with the next few.
        """
        self.record = dataclasses.replace(self.record, **changes)
        size = len(self.record.facts) + len(self.record.observations)
        if size >= self._written * _GROWTH or size - self._written < 0 or size <= _SHORT:
            self._written = size
            self._store.keep(self.folder, self.record)

    def _line(self, text: str) -> str:
        """A title, a source, a fact: cut before it is redacted."""
        if len(text) > _LONGEST_LINE:
            text = f"{text[:_LONGEST_LINE]} [… {len(text)} characters]"
        return self._clean(text)

    def _clean(self, text: str) -> str:
        return printable(self._store.redactor.publish(text))

    def _files_of_an_earlier_attempt(self) -> int:
        """How many numbers are taken: a check that is run again keeps its first evidence."""
        if self._store.directory is None:
            return 0
        files = (self._store.directory / self.folder).glob("[0-9][0-9]*-*")
        return max((int(file.name.split("-")[0]) for file in files), default=0)
