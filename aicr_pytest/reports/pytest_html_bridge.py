"""What pytest-html's ``report.html`` shows of our evidence.

The plugin calls this only where pytest-html is active. Its report keeps everything in memory and
inserts what it gets unescaped: so it gets a short escaped preview and a link to the file.
"""

import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import Observation
from aicr_pytest.evidence.run import RunInfo
from aicr_pytest.reports import formatting
from aicr_pytest.reports.view import content_path

_MOST_CHARACTERS = 4000
"""Of a preview; every one of them crosses to the controller and stays in memory to the end."""


def extras(
    observations: Iterable[Observation], *, directory: Path | None, report: Path
) -> list[dict[str, Any]]:
    """Extras for ``report.extras`` of pytest-html.

    Args:
        observations: those that are new since the last call.
        directory: of the evidence; ``None`` where nothing is written, and then only titles show.
        report: path of report.html, which links are relative to.
    """
    from pytest_html import extras as make  # not every run has pytest-html

    made: list[dict[str, Any]] = []
    for observation in observations:
        made.append(make.html(_details(observation, directory)))
        if directory is not None and observation.file:
            target = os.path.relpath(directory / observation.file, report.absolute().parent)
            name = printable(f"{Path(observation.file).name}")
            made.append(make.url(quote(Path(target).as_posix()), html.escape(name)))
    return made


def summary(run: RunInfo, *, directory: Path | None, report: Path) -> list[str]:
    """HTML for the head of report.html: the simulated banner and the way to the dossier."""
    lines = []
    if run.simulated:
        lines.append(f"<p><strong>SIMULATED</strong> {formatting.SIMULATED}</p>")
    for problem in (*run.problems, *(f"Left behind on the cluster: {o}" for o in run.left_behind)):
        lines.append(f"<p><strong>{_safe(problem)}</strong></p>")
    if directory is not None:
        target = os.path.relpath(directory / "index.html", report.absolute().parent)
        link = html.escape(quote(Path(target).as_posix()))
        lines.append(f'<p>By requirement, with all evidence: <a href="{link}">the dossier</a></p>')
    return lines


def header_cell() -> str:
    """The heading of the column with the requirement."""
    return '<th class="sortable" data-column-type="requirement">Requirement</th>'


def row_cell(requirement: str) -> str:
    """The cell with the requirement's id; empty for a test that is none of ours."""
    return f'<td class="col-requirement">{_safe(requirement)}</td>'


def escaped_cell(cell: str) -> str:
    """A cell of pytest-html's, which inserts ids as they are, parameters and all."""
    opening = '<td class="col-testId">'
    if not cell.startswith(opening):
        return cell
    return f"{opening}{_safe(cell.removeprefix(opening).removesuffix('</td>'))}</td>"


def _details(observation: Observation, directory: Path | None) -> str:
    path = content_path(directory, observation) if directory is not None else None
    facts = [observation.source, f"taken {observation.taken_at}"]
    if observation.exit_code is not None:
        facts.append(f"exit code {observation.exit_code}")
    if observation.by_hand:
        facts.append(f"the same by hand: {observation.by_hand}")
    told = f"<p>{_safe(' · '.join(facts))}</p>"
    if path is not None:
        told += f"<pre>{_safe(_head(path))}</pre>"
    return f"<details><summary>{_safe(observation.title)}</summary>{told}</details>"


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except OSError as error:
        return f"[cannot be read: {error.strerror}]"
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}\n[… the rest is in the file]"


def _safe(text: str) -> str:
    return html.escape(printable(text))
