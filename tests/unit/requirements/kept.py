"""Evidence that a test can look into: what was kept, by its title."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aicr_pytest.evidence.picture import Picture
from aicr_pytest.evidence.timeline import Timeline


class Table(NamedTuple):
    """A table that was kept."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    source: str
    compare: tuple[str, ...]
    picture: str
    """Kind of the picture that is drawn of it; empty: none."""


class Kept:
    """Keeps what ``CheckEvidence`` would, and nothing on disk."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.objects: list[tuple[str, Any, str]] = []
        """Title, object and source of each."""
        self.texts: dict[str, tuple[str, str]] = {}
        """Title → words and source."""
        self.tables: dict[str, Table] = {}
        self.timelines: list[tuple[Timeline, str]] = []
        self.pulled: dict[str, str] = {}
        self.left_out: list[tuple[str, str]] = []
        """Where was not looked, and why."""

    def fact(self, name: str, value: object) -> None:
        assert name
        self.facts[name] = str(value)

    def looked_at(self, node: str, by: str) -> None: ...

    def not_looked_at(self, where: str, why: str) -> None:
        self.left_out.append((where, why))

    def execution(self, ran: Any, title: str) -> str:
        return title

    def cite(self, observation: str) -> None: ...

    def yaml(self, title: str, obj: Any, *, source: str) -> None:
        self.objects.append((title, obj, source))

    def text(self, title: str, content: str, *, source: str) -> None:
        self.texts[title] = (content, source)

    def images(self, found: dict[str, str]) -> None:
        self.pulled |= found

    def timeline(self, timeline: Timeline, *, source: str) -> None:
        self.timelines.append((timeline, source))

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        source: str,
        compare: Sequence[str] = (),
        picture: Picture | None = None,
    ) -> None:
        drawn = picture.kind if picture else ""
        if picture:
            assert set(picture.parts.values()) <= set(columns), "each part is a column"
        kept = [tuple(row) for row in rows]
        self.tables[title] = Table(tuple(columns), kept, source, tuple(compare), drawn)

    @property
    def titles(self) -> list[str]:
        """Of the objects, in the order in which they were kept."""
        return [title for title, _, _ in self.objects]
