"""Writing all reports of a directory; ``aicr-pytest report DIR`` does it again later."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence import checksums
from aicr_pytest.evidence.checksums import MANIFEST_FILE, write_manifest
from aicr_pytest.evidence.consistency import changed_observations
from aicr_pytest.evidence.files import write_atomically
from aicr_pytest.evidence.json_fields import to_bytes
from aicr_pytest.evidence.names import DERIVED, check_folder
from aicr_pytest.evidence.record import CheckRecord, read_records
from aicr_pytest.evidence.run import RUN_FILE, RunInfo, read_run
from aicr_pytest.evidence.totals import completed
from aicr_pytest.reports import ctrf, dossier, junit, markdown
from aicr_pytest.reports.view import RunView, read_view

Judge = Callable[[RunInfo, Sequence[CheckRecord]], RunInfo]
"""Completes a run whose verdicts were never computed; aicr_pytest.run.verdicts has one."""

_REPORTS: dict[str, Callable[[RunView], bytes]] = {
    "index.html": lambda view: dossier.render(view).encode("utf-8"),
    "junit-report.xml": junit.render,
    ctrf.CTRF_FILE: ctrf.render,
    "summary.md": lambda view: markdown.render(view).encode("utf-8"),
}

_MOST_NAMED = 5
"""Files that are named when a directory is refused."""
_DIFFERENCES = ("missing", "not listed", "changed")
_UNKNOWN = (
    "the checksums of this run were missing when its reports were made again: what was changed"
    " before that nobody can tell"
)


def write_reports(directory: Path) -> list[str]:
    """Write index.html, junit-report.xml, ctrf.json, summary.md and last manifest.json.

    Called again after pytest-html has written report.html, it puts that into the manifest.

    Returns:
        One line for each that could not be written; a full disk must not end the session.

    Raises:
        SettingsError: the directory holds no run, or one that cannot be read.
    """
    directory = directory.absolute()
    view = read_view(directory)
    problems = []
    for name, render in _REPORTS.items():
        try:
            write_atomically(directory / name, render(view))
        except OSError as error:
            problems.append(f"{name} could not be written: {error.strerror or error}")
    try:
        write_manifest(directory)
    except OSError as error:
        problems.append(f"manifest.json could not be written: {error.strerror or error}")
    return problems


def rebuild(directory: Path, judge: Judge | None = None) -> list[str]:
    """Make the reports again from the records.

    Args:
        directory: of an earlier run.
        judge: computes the verdicts of a run that was killed before it could; without it such a
            run is reported without verdicts.

    Returns:
        As ``write_reports``.

    Raises:
        SettingsError: the directory holds no run, one that cannot be read, or one that is not as
            it was written: a new manifest would vouch for what somebody has changed.
    """
    directory = directory.absolute()
    run = read_run(directory)
    records = read_records(directory)
    _refuse_changed(directory, records)
    known = run
    if run.exit_status is not None and not (directory / MANIFEST_FILE).exists():
        known = dataclasses.replace(run, problems=tuple(dict.fromkeys((*run.problems, _UNKNOWN))))
    if judge is not None and not run.requirements:
        known = completed(judge(known, records), directory)
    if known != run:
        try:
            write_atomically(directory / RUN_FILE, to_bytes(known.to_json()))
        except OSError as error:
            return [f"{RUN_FILE} could not be written: {error.strerror or error}"]
    return write_reports(directory)


def differing(directory: Path) -> list[str]:
    """Names of our reports that are not what this program makes of the records, or are missing.

    Raises:
        SettingsError: the directory holds no run, or one that cannot be read.
    """
    view = read_view(directory)
    return [name for name, render in _REPORTS.items() if _content(directory / name) != render(view)]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _refuse_changed(directory: Path, records: Sequence[CheckRecord]) -> None:
    found = {entry.path: entry for entry in checksums.entries(directory)}
    lines = [
        line
        for record in records
        for line in changed_observations(
            check_folder(record.requirement, record.check), record, found
        )
    ]
    if (directory / MANIFEST_FILE).exists():
        said = checksums.verify(directory, found.values())
        remade = {f"{what}: {name}" for what in _DIFFERENCES for name in DERIVED}
        lines = [*(line for line in said if line not in remade), *lines]
    if lines:
        more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
        raise SettingsError(
            f"{directory}: is not as its run wrote it: {'; '.join(lines[:_MOST_NAMED])}{more}."
            " Nothing was written: new reports and checksums would vouch for that."
            " Put back what was there; `aicr-pytest verify` says what differs."
        )
