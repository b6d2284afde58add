"""Reports of other plugins that cannot be written, on a full disk: told, and nobody's end."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_pytest.run.session import Run

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
