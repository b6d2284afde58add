"""From when to when something was there: the rows of a picture of lanes."""

import datetime

COLUMNS = ("seconds from", "seconds until")
"""Headings of what :meth:`Spans.cells` gives."""


class Spans:
    """Beginnings and ends of named things, in seconds since a moment."""

    def __init__(self, since: datetime.datetime) -> None:
        self._since = since
        self._begun: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def begin(self, name: str, at: datetime.datetime) -> None:
        """Note that something is there; what was noted before stays."""
        self._begun.setdefault(name, self._seconds(at))

    def end(self, name: str, at: datetime.datetime) -> None:
        """Note that something is gone; it counts once, and only for what was there."""
        if name in self._begun:
            self._ended.setdefault(name, self._seconds(at))

    @property
    def there(self) -> list[str]:
        """Names of what has begun and not ended."""
        return [name for name in self._begun if name not in self._ended]

    @property
    def names(self) -> list[str]:
        """Names of all that has begun, in that order."""
        return list(self._begun)

    def cells(self, name: str) -> tuple[str, str]:
        """From when to when, in seconds; empty where it has not begun, or not ended."""
        return _cell(self._begun.get(name)), _cell(self._ended.get(name))

    def _seconds(self, at: datetime.datetime) -> float:
        return (at - self._since).total_seconds()


def _cell(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f}"
