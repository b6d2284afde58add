"""Writing all reports of a directory; ``aicr-pytest report DIR`` does it again later."""

from collections.abc import Callable, Sequence
from pathlib import Path

from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.evidence.files import write_atomically
from aicr_pytest.evidence.json_fields import to_bytes
from aicr_pytest.evidence.record import CheckRecord, read_records
from aicr_pytest.evidence.run import RUN_FILE, RunInfo, read_run
from aicr_pytest.reports import dossier, junit, markdown
from aicr_pytest.reports.view import RunView, read_view

Judge = Callable[[RunInfo, Sequence[CheckRecord]], RunInfo]
"""Completes a run whose verdicts were never computed; aicr_pytest.run.verdicts has one."""

_REPORTS: dict[str, Callable[[RunView], bytes]] = {
    "index.html": lambda view: dossier.render(view).encode("utf-8"),
    "junit-report.xml": junit.render,
    "summary.md": lambda view: markdown.render(view).encode("utf-8"),
}


def write_reports(directory: Path) -> list[str]:
    """Write index.html, junit-report.xml, summary.md and last manifest.json.

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
        SettingsError: the directory holds no run, or one that cannot be read.
    """
    directory = directory.absolute()
    run = read_run(directory)
    if judge is not None and not run.requirements:
        judged = judge(run, read_records(directory))
        try:
            write_atomically(directory / RUN_FILE, to_bytes(judged.to_json()))
        except OSError as error:
            return [f"{RUN_FILE} could not be written: {error.strerror or error}"]
    return write_reports(directory)
