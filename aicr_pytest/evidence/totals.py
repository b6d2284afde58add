"""What a run's records and observations amount to, for run.json."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from aicr_pytest.evidence.record import IMAGE, LOOKED_AT, RECORD_FILE, CheckRecord, read_records
from aicr_pytest.evidence.redaction.marks import marks_in
from aicr_pytest.evidence.run import RunInfo


def completed(run: RunInfo, directory: Path) -> RunInfo:
    """The run with the images that ran and what was replaced, as its folder tells.

    Raises:
        SettingsError: a record cannot be read.
    """
    records = read_records(directory)
    return dataclasses.replace(
        run, images=images_that_ran(records), replaced=replaced(directory, records)
    )


def nodes_looked_at(records: Iterable[CheckRecord]) -> set[str]:
    """Names of the nodes whose accelerators checks looked at, as the records have them."""
    facts = (name for record in records for name in record.facts)
    return {name.removeprefix(LOOKED_AT) for name in facts if name.startswith(LOOKED_AT)}


def images_that_ran(records: Iterable[CheckRecord]) -> dict[str, str]:
    """As asked for → the digests that kubelets name, several where nodes differ."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, digest in record.facts.items():
            if name.startswith(IMAGE):
                found.setdefault(name.removeprefix(IMAGE), set()).add(digest)
    return {image: ", ".join(sorted(found[image])) for image in sorted(found)}


def replaced(directory: Path, records: Iterable[CheckRecord]) -> dict[str, int]:
    """In how many places of records and their observations something was taken out, by class."""
    files = {
        file
        for record in records
        for file in (observation.file for observation in record.observations)
        if file
    }
    paths = [*directory.glob(f"*/*/{RECORD_FILE}"), *(directory / file for file in files)]
    counts: Counter[str] = Counter()
    for path in paths:
        try:
            counts += marks_in(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):  # the record says what is missing
            continue
    return dict(sorted(counts.items()))
