"""The pytest hooks that let nothing of our checks out but through the door.

A plugin of its own beside ``hooks``, registered after it: so its wrapper of makereport sees what
all the others have made. Tests that are none of ours keep their reports as they are.
"""

import copy
import linecache
import logging
import warnings
from collections.abc import Generator, Iterator, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

import aicr_pytest
from aicr_pytest.config.marks import is_check
from aicr_pytest.locations import in_suite
from aicr_pytest.run import pytest_reports

if TYPE_CHECKING:
    from aicr_pytest.evidence.door import Door
    from aicr_pytest.run.session import Run

_PACKAGE = str(Path(aicr_pytest.__file__).resolve().parent)

_SHOWN_OF_THE_ENVIRONMENT = frozenset({"Python", "Platform", "Packages", "Plugins"})
"""What pytest-metadata may tell; it adds every variable of eight CI systems, addresses included."""


class Doorkeeper:
    """Cleans what pytest has made of our checks, before anybody shows or writes it."""

    def __init__(self, config: pytest.Config, run: "Run", *, asked: bool) -> None:
        self._config = config
        self._run = run
        self._asked = asked
        self._checks: set[str] = set()
        self._in_a_check = False

    @property
    def _door(self) -> "Door":
        return self._run.door

    # -- reports -------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Know what the live log is told by."""
        self._in_a_check = is_check(item)
        if self._in_a_check:
            self._checks.add(item.nodeid)
        try:
            return (yield)
        finally:
            self._in_a_check = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Clean the report of a check, and of a test in which something of ours failed."""
        report = yield
        if is_check(item) or (call.excinfo and came_through_us(call.excinfo.value)):
            self._checks.add(item.nodeid)
            pytest_reports.clean_report(report, self._door)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Clean it again: other plugins may have added to it meanwhile."""
        if report.nodeid in self._checks:  # in a controller there are none
            pytest_reports.clean_report(report, self._door)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Clean the report of a module of checks that cannot be collected."""
        report = yield
        if (report.longrepr or report.sections) and _names_us(collector.path):
            pytest_reports.clean_report(report, self._door)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Clean an error that ends the session; whose it is, nobody knows."""
        pytest_reports.clean_repr(excrepr, self._door)

    @pytest.hookimpl(trylast=True)  # pytest's reporter has made its own of it then
    def pytest_keyboard_interrupt(self) -> None:
        """Clean what the terminal says about the end, e.g. the reason of ``pytest.exit``."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        pytest_reports.clean_repr(getattr(reporter, "_keyboardinterrupt_memo", None), self._door)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, nodeid: str
    ) -> None:
        """Clean a warning that came up in a check, or in a module of checks."""
        path = Path(warning_message.filename)
        if nodeid in self._checks or (not nodeid and _names_us(path)):
            line = warning_message.line
            if line is None:
                line = linecache.getline(warning_message.filename, warning_message.lineno)
            pytest_reports.clean_warning(warning_message, line.rstrip("\r\n"), self._door)

    # -- logs that are shown or written while they come -----------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Begin before pytest shows anything."""
        self._shorten_environment()
        self.watch_logs()

    def watch_logs(self) -> None:
        """Stand before the live log and the log file."""
        logger = self._config.pluginmanager.get_plugin("logging-plugin")
        for name in ("log_cli_handler", "log_file_handler"):
            if (handler := getattr(logger, name, None)) is not None:
                handler.setFormatter(_CleanFormatter(handler.formatter, self))

    def clean_record(self, record: logging.LogRecord) -> logging.LogRecord:
        """What a check, or a library below it, has logged."""
        if not self._in_a_check:
            return record
        clean = copy.copy(record)
        clean.msg, clean.args = self._door.text(record.getMessage()), ()
        if record.exc_info:
            told = logging.Formatter().formatException(record.exc_info)
            clean.exc_info, clean.exc_text = None, self._door.text(told)
        return clean

    # -- what pytest-metadata collects -----------------------------------------------------------

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_testnodedown(self) -> None:
        """Workers hand over what they have collected themselves."""
        self._shorten_environment()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Before pytest-html writes it."""
        self._shorten_environment()
        return (yield)

    def _shorten_environment(self) -> None:
        if not self._asked:
            return
        metadata = _metadata(self._config)
        asked = {name for name, _ in getattr(self._config.option, "metadata", None) or ()}
        for name in list(metadata):
            if name not in _SHOWN_OF_THE_ENVIRONMENT | asked:
                del metadata[name]
            else:
                metadata[name] = self._door.value(metadata[name])


class _CleanFormatter(logging.Formatter):
    """A formatter of pytest's that is given clean records."""

    def __init__(self, inner: logging.Formatter | None, keeper: Doorkeeper) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()
        self._keeper = keeper

    def format(self, record: logging.LogRecord) -> str:
        """As pytest would write it."""
        return self._inner.format(self._keeper.clean_record(record))


_WRAPPERS = ("/hooks.py", "/doorkeeper.py", "/signals.py")
"""Modules whose hooks wrap every test: in a traceback they say nothing."""


def came_through_us(error: BaseException) -> bool:
    """Whether our code had a part in an error: a fixture of ours may end in any test."""
    if isinstance(error, BaseExceptionGroup) and any(map(came_through_us, error.exceptions)):
        return True
    return _passes_us(error.__traceback__)


def _passes_us(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith(_PACKAGE) and not name.endswith(_WRAPPERS):
            return True
        traceback = traceback.tb_next
    return False


def _names_us(path: Path) -> bool:
    """Whether a module holds checks, as far as its text tells: its import may have failed."""
    try:
        return in_suite(path) or b"aicr" in path.read_bytes()
    except (OSError, ValueError):
        return False


def _metadata(config: pytest.Config) -> MutableMapping[str, Any]:
    """pytest-metadata's table; empty where it is not installed."""
    try:
        from pytest_metadata.plugin import metadata_key
    except ImportError:
        return {}
    found: MutableMapping[str, Any] = config.stash.get(metadata_key, {})
    return found
