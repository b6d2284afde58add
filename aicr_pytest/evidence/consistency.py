"""Whether a run's files, its records and its run.json tell the same.

A manifest can be made again by whoever changes a file; the records then still say what was seen.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from aicr_pytest.evidence.checksums import FileEntry
from aicr_pytest.evidence.json_fields import read_fields
from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.record import RECORD_FILE, CheckRecord, Outcome
from aicr_pytest.evidence.run import RUN_FILE, CheckResult, RunInfo

_GOOD: tuple[Outcome, ...] = ("passed", "not applicable")
"""Outcomes on which a good verdict may rest."""


def contradictions(directory: Path, run: RunInfo, found: Mapping[str, FileEntry]) -> list[str]:
    """One line for each place at which they differ.

    Args:
        directory: of the run.
        run: its run.json.
        found: its files by their path.

    Raises:
        SettingsError: a record cannot be read.
    """
    records: dict[tuple[str, str], CheckRecord] = {}
    lines: list[str] = []
    named: set[str] = set()
    for path in sorted(directory.glob(f"*/*/{RECORD_FILE}")):
        folder = path.parent.relative_to(directory).as_posix()
        record = CheckRecord.from_json(read_fields(path))
        named |= {f"{folder}/{RECORD_FILE}", *(one.file for one in record.observations)}
        if folder != check_folder(record.requirement, record.check):
            lines.append(f"contradiction: {folder}/{RECORD_FILE} is the record of another check")
            continue
        records[record.requirement, record.check] = record
        lines += changed_observations(folder, record, found)
    if run.finished_at:
        folders = {path.rpartition("/")[0] for path in named if path.endswith(f"/{RECORD_FILE}")}
        lines += [
            f"not listed: {path} (no record names it)"
            for path in found
            if path not in named and path.rpartition("/")[0] in folders
        ]
        if not run.problems:  # else it could not be written, which the run says itself
            lines += [
                f"missing: {path} (a record names it)"
                for path in sorted(named - found.keys() - {""})
            ]
        lines += _untold(run, records)
    return [*dict.fromkeys(lines)]


def changed_observations(
    folder: str, record: CheckRecord, found: Mapping[str, FileEntry]
) -> Iterator[str]:
    """Files that are not as a record says; what could not be written at all is said elsewhere."""
    for observation in record.observations:
        entry = found.get(observation.file)
        if entry is None or not observation.file:
            continue
        if (entry.sha256, entry.size) != (observation.sha256, observation.size):
            yield f"changed: {observation.file} (not what {folder}/{RECORD_FILE} says of it)"


def _untold(run: RunInfo, records: Mapping[tuple[str, str], CheckRecord]) -> Iterator[str]:
    told = {(one.id, check.check): check for one in run.requirements for check in one.checks}
    for key, result in told.items():
        yield from _of_result("/".join(key), result, records.get(key), run)
    for requirement, check in sorted(records.keys() - told.keys()):
        yield f"contradiction: {RUN_FILE} lacks {requirement}/{check}, of which there is a record"


def _of_result(
    name: str, result: CheckResult, record: CheckRecord | None, run: RunInfo
) -> Iterator[str]:
    """A result that is better than its record; a worse one is learned after the record's end."""
    if result.outcome not in _GOOD or (record and record.outcome == result.outcome):
        return
    if record is None or record.outcome == "not run":
        if not run.problems:
            yield f"missing: the record of {name}"
        return
    yield f"contradiction: {RUN_FILE} says {result.outcome} of {name}, its record {record.outcome}"
