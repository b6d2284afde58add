"""The hooks by which pytest-html's report.html names the run and says that it is simulated.

Registered only where pytest-html writes a report.
"""

import datetime
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.reports import pytest_html_bridge as bridge
from aicr_pytest.run.conclusion import conclude, run_info
from aicr_pytest.run.session import Run


class HtmlReport:
    """Fills in what pytest-html asks its plugins for."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the run."""
        simulated = " (SIMULATED)" if self._run.simulated else ""
        report.title = f"aicr-pytest, run {self._run.run_id}{simulated}"

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
        if requirement:
            cells[:] = map(bridge.escaped_cell, cells)
        cells.insert(1, bridge.row_cell(str(requirement)))
