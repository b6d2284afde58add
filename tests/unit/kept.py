"""Evidence that tests look at: what was kept, by its title."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aicr_pytest.evidence.record import NOT_LOOKED_AT


class Kept:
    """Takes what a check's evidence takes, and nothing that it would not."""

    def __init__(self) -> None:
        self.facts: dict[str, object] = {}
        self.shown: dict[str, Any] = {}
        """Objects, executions, and tables as a mapping for each row."""
        self.sources: dict[str, str] = {}
        """Where each of them came from."""
        self.cited: list[object] = []

    def looked_at(self, node: str, by: str) -> None: ...

    def not_looked_at(self, where: str, why: str) -> None:
        self.fact(f"{NOT_LOOKED_AT}{where}", why)

    def fact(self, name: str, value: object) -> None:
        self.facts[name] = value

    def yaml(self, title: str, obj: Any, *, source: str) -> object:
        self.shown[title] = obj
        self.sources[title] = source
        return title

    def images(self, found: Mapping[str, str]) -> None:
        self.facts |= found

    def text(self, title: str, content: str, *, source: str) -> object:
        return self.yaml(title, content, source=source)

    def execution(self, execution: Any, title: str) -> None:
        self.shown[title] = execution

    def rows(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, source: str
    ) -> None:
        self.shown[title] = [dict(zip(columns, row, strict=True)) for row in rows]
        self.sources[title] = source

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        source: str,
        compare: Sequence[str] = (),
        picture: object = None,
    ) -> None:
        assert set(compare) <= set(columns)
        self.rows(title, columns, rows, source=source)

    def cite(self, observation: object) -> None:
        self.cited.append(observation)
