"""What a metrics endpoint answers: parsed as what it claims to be, by Prometheus' own parsers."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aicr_pytest.errors import InvalidExposition

_TEXT = "text/plain"
_OPENMETRICS = "application/openmetrics-text"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_COUNTER = re.compile(r"^([ \t]*#[ \t]*TYPE[ \t]+(\S+)[ \t]+)counter[ \t\r]*$", re.MULTILINE)
"""A plain text's counter: what stands before its type, and its name."""
_SHOWN = 120
"""Characters of an answer in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of one series."""

    name: str
    """Name of the series as it was sent, with the suffix that it has (``_bucket`` …) or has not."""
    labels: Mapping[str, str]
    """Its labels."""
    value: float
    """Its value."""
    at: float | None = None
    """Unix time in seconds that the endpoint gives; None where it gives none, i.e. now."""

    def __str__(self) -> str:
        labels = ",".join(f'{key}="{value}"' for key, value in sorted(self.labels.items()))
        return f"{self.name}{{{labels}}} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """A parsed answer of a metrics endpoint."""

    types: Mapping[str, str]
    """Family → its type, e.g. ``gauge``; OpenMetrics' counters without their suffix."""
    samples: tuple[Sample, ...]
    """In the order of the answer."""

    def named(self, name: str) -> list[Sample]:
        """The samples of one name that have a value; vendors say "not available" by NaN."""
        return [s for s in self.samples if s.name == name and not math.isnan(s.value)]


def parse(text: str, content_type: str) -> Exposition:
    """Parse an answer as what its content type claims it to be.

    Raises:
        InvalidExposition: it claims to be something else, or is not what it claims.
    """
    claimed = content_type.partition(";")[0].strip().lower()
    if claimed not in (_TEXT, _OPENMETRICS):
        raise InvalidExposition(
            f"the endpoint claims {content_type or 'no content type'}, not {_TEXT} (Prometheus) or "
            f"{_OPENMETRICS}; it answers {_head(text)}"
        )
    plain = claimed == _TEXT
    # The parser of plain text calls every counter's samples ``…_total``, whatever was sent.
    counters = {name for _, name in _COUNTER.findall(text)} if plain else set()
    try:
        found = _families(_COUNTER.sub(r"\1gauge", text) if plain else text, plain=plain)
    except (ValueError, IndexError, KeyError) as error:
        raise InvalidExposition(
            f"what claims {claimed} does not parse: {error}; it answers {_head(text)}"
        ) from error
    samples = tuple(_sample(sample) for family in found for sample in family.samples)
    _refuse_nonsense(samples, text)
    types = {one.name: "counter" if one.name in counters else one.type for one in found}
    return Exposition(types=types, samples=samples)


def is_blank(text: str) -> bool:
    """Whether there is nothing but comments, as whoever has not collected anything yet answers."""
    return not any(line.strip() and not line.startswith("#") for line in text.splitlines())


def _families(text: str, *, plain: bool) -> list[Any]:
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics_parser

    # Neither says what types it takes.
    chosen: Any = parser if plain else openmetrics_parser
    return list(chosen.text_string_to_metric_families(text))


def _sample(sample: Any) -> Sample:
    at = None if sample.timestamp is None else float(sample.timestamp)
    return Sample(name=sample.name, labels=dict(sample.labels), value=float(sample.value), at=at)


def _refuse_nonsense(samples: Iterable[Sample], text: str) -> None:
    """The parser is lenient about names, and says nothing of a series that comes twice."""
    seen = set()
    for sample in samples:
        if not _NAME.fullmatch(sample.name):
            raise InvalidExposition(f"{sample.name[:60]!r} is no metric; it answers {_head(text)}")
        key = (sample.name, tuple(sorted(sample.labels.items())), sample.at)
        if key in seen:
            raise InvalidExposition(f"the series {sample} comes twice")
        seen.add(key)
    if not seen:
        raise InvalidExposition(f"there is not one sample; it answers {_head(text)}")


def _head(text: str) -> str:
    return repr(text[:_SHOWN]) if text else "nothing"
