"""What in a folder of evidence redaction would still replace: before it is published."""

import base64
import dataclasses
import re
from collections import Counter
from collections.abc import Collection
from os.path import commonprefix
from pathlib import Path
from typing import cast, get_args

from aicr_pytest.choices import Publication
from aicr_pytest.evidence.by_suffix import redacted
from aicr_pytest.evidence.checksums import entries
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.redaction.marks import SECRET, marks_in
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RunInfo, read_run

_MOST_BYTES = 64 * 1024 * 1024
"""Of a file that is looked at, whole and in memory."""
_SHOWN = 60
"""Characters on both sides of a place that a finding shows."""
_DRAWING = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/]+={0,2})")
"""A drawing within a page, which is text."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in one file that should not be published, or that nobody can look into."""

    file: str
    """Path relative to the folder, with slashes."""
    kind: str
    """``secret``, the kind of a name (``node``, ``address`` …), or ``unreadable``."""
    count: int
    """Places in the file."""
    where: str
    """The text around the first place as it would be published; why, for ``unreadable``."""

    def __str__(self) -> str:
        if self.kind == "unreadable":
            return f"nobody has looked into it: {self.file}: {self.where}"
        places = f" in {self.count} places" if self.count > 1 else ""
        return f"not to be published: {self.file}: {self.kind}{places}: {self.where}"


def scan(directory: Path, *, known: Collection[str] = ()) -> list[Finding]:
    """Look over a folder of evidence with the redaction of this version, at the run's own level.

    Whatever a run writes has been redacted once, and redacting twice changes nothing: what is
    found was put there later, or is known to this version and was not to the one that wrote it.

    Args:
        directory: of a run.
        known: files that need no look, relative to the folder: those that were made again from the
            others and are the same.

    Raises:
        SettingsError: the directory holds no run, or one that cannot be read.
    """
    redactor = Redactor(level=level_of(read_run(directory)))
    findings: list[Finding] = []
    for entry in entries(directory):
        if entry.path not in known:
            findings += _of_file(directory, entry.path, entry.size, redactor)
    return findings


def level_of(run: RunInfo) -> Publication:
    """What was taken out of what a run has published."""
    said = run.settings.get("redact", "").split()
    return cast(Publication, said[0]) if said and said[0] in get_args(Publication) else "pseudonyms"


def _of_file(directory: Path, file: str, size: int, redactor: Redactor) -> list[Finding]:
    def unreadable(why: str) -> list[Finding]:
        return [Finding(file=file, kind="unreadable", count=1, where=why)]

    if size > _MOST_BYTES:
        return unreadable(f"it has {size} bytes")
    try:
        data = (directory / file).read_bytes()
        data.decode("utf-8")
    except OSError as error:
        return unreadable(error.strerror or str(error))
    except UnicodeDecodeError:
        return unreadable("it is no text")
    counts: Counter[str] = Counter()
    places: dict[str, str] = {}

    def look(text: str) -> str:
        text = _DRAWING.sub(_drawn, text)
        clean = redactor.publish(text)
        if clean != text:
            # A pattern may change a text without a mark of its own; then it is a secret's.
            new = marks_in(clean) - marks_in(text) or Counter({SECRET: 1})
            counts.update(new)
            for kind in new:
                places.setdefault(kind, _around_difference(text, clean))
        return clean

    redacted(Path(file), data, look)
    return [
        Finding(file=file, kind=kind, count=count, where=places[kind])
        for kind, count in sorted(counts.items())
    ]


def _drawn(drawing: re.Match[str]) -> str:
    return base64.b64decode(drawing[1] + "==").decode("utf-8", "replace")


def _around_difference(text: str, clean: str) -> str:
    at = len(commonprefix([text, clean]))  # noqa: RUF071 - of texts, not of paths
    piece = clean[max(0, at - _SHOWN) : at + _SHOWN]
    return " ".join(printable(piece).split())
