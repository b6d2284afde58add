"""What we do about the reports of other plugins: pytest-html's names the run, none ends it."""

import contextlib
import datetime
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_pytest.closing import conclude, run_info
from aicr_pytest.reports import pytest_html_bridge as bridge
from aicr_pytest.session import Run

_WRITERS = {"pytest_html": "htmlpath", "_pytest.junitxml": "xmlpath"}
"""Packages that write reports, and the option that says where."""


class OthersReports:
    """Keeps a report that cannot be written, on a full disk, from ending the session.

    They are written in ``pytest_sessionfinish``, inside of the hook that shows the summary; an
    exception there would hide every verdict.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, trylast=True)  # the innermost wrapper
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Turn the error into a problem of the run, and remove what was begun of a report."""
        try:
            return (yield)
        except OSError as error:
            file = _report_of(error, session.config)
            name = file.name if file else "a report of another plugin"
            self._run.problems.append(f"{name} could not be written: {error.strerror or error}")
            if file is not None and file.is_file():
                with contextlib.suppress(OSError):
                    file.unlink()  # half of it would be there
            return None


def _report_of(error: OSError, config: pytest.Config) -> Path | None:
    """The file of whoever wrote when the error came; None where that is nobody whom we know."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__"))
        for writer, option in _WRITERS.items():
            if package.startswith(writer) and (path := config.getoption(option, None)):
                return Path(str(path))
    return None


class HtmlReport:
    """Fills in what pytest-html asks its plugins for; registered only where it writes a report."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: object) -> None:
        """Name the run."""
        simulated = " (SIMULATED)" if self._run.simulated else ""
        vars(report)["title"] = f"aicr-pytest, run {self._run.run_id}{simulated}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """The simulated banner, what is wrong with the evidence, and the way to the dossier."""
        conclusion = conclude(self._run, int(session.exitstatus))
        info = run_info(self._run, conclusion, datetime.datetime.now(datetime.UTC))
        report = Path(str(session.config.getoption("htmlpath")))
        prefix.extend(bridge.summary(info, directory=self._run.directory, report=report))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for the requirement."""
        cells.insert(1, bridge.header_cell())

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: object, cells: list[str]) -> None:
        """The requirement of each row; none for a module that could not be collected."""
        requirement = dict(getattr(report, "user_properties", ())).get("requirement", "")
        cells.insert(1, bridge.row_cell(str(requirement)))
