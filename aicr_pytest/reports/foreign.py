"""Files that other plugins wrote into the evidence: redacted as ours are, before they are sealed.

pytest-html's report.html, pytest's own JUnit, a log file, a report in JSON: what stands in the
directory is published, whoever wrote it. Our journals of requests pass once more: they are written
from the first request on, before the names of the platform are known.
"""

from collections.abc import Iterator
from pathlib import Path

from aicr_pytest.evidence.by_suffix import redacted
from aicr_pytest.evidence.checksums import MANIFEST_FILE
from aicr_pytest.evidence.files import TEMPORARY_PREFIX, write_atomically
from aicr_pytest.evidence.markup import Clean
from aicr_pytest.evidence.names import DERIVED
from aicr_pytest.evidence.record import RECORD_FILE
from aicr_pytest.evidence.run import RUN_FILE
from aicr_pytest.reports.formatting import size

_OURS = frozenset({*DERIVED, RUN_FILE, MANIFEST_FILE})
_MOST_BYTES = 64 * 1024 * 1024
"""Of a file that is redacted whole, in memory."""


def redact_files(directory: Path, clean: Clean) -> list[str]:
    """Redact these files of a run; each stays whole until it is replaced.

    Args:
        directory: of the evidence.
        clean: makes one text fit to be published.

    Returns:
        One line for each file that could not be redacted.
    """
    problems = []
    for path in _foreign(directory):
        try:
            if (length := path.stat().st_size) > _MOST_BYTES:
                problems.append(f"{path.name} is not redacted: it has {size(length)}")
                continue
            before = path.read_bytes()
            after = redacted(path, before, clean)
            if after != before:
                write_atomically(path, after)
        # Whatever somebody else's file does to a parser: it is told, and the others are redacted.
        except Exception as error:  # noqa: BLE001 - see above
            reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            problems.append(f"{path.name} is not redacted: {reason}")
    return problems


def _foreign(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.startswith(TEMPORARY_PREFIX):
            continue
        at_the_top = path.parent == directory
        of_a_check = (path.parent / RECORD_FILE).is_file()
        if not (of_a_check or (at_the_top and path.name in _OURS)):
            yield path
