"""Our own errors as pytest shows them: the check's line and the message in full, nothing else.

They say what was seen and the way out; how the client came to raise them is for ``-vv``.
"""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ReprEntry, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from aicr_pytest.errors import AicrError, error_message, single_errors


def shorten(report: pytest.TestReport, item: pytest.Item, error: BaseException) -> None:
    """Leave the client's traceback out, unless the user wants to see it."""
    option = item.config.option
    wanted = item.config.get_verbosity() > 1 or option.fulltrace or option.tbstyle != "auto"
    if wanted or not all(isinstance(single, AicrError) for single in single_errors(error)):
        return
    report.longrepr = _shown(error_message(error), type(error).__name__, _place(item, error))


def _place(item: pytest.Item, error: BaseException) -> Any:
    """Where the check, or its fixture, was; else where the error was raised."""
    entries = list(pytest.ExceptionInfo.from_exception(error).traceback)
    own = [entry for entry in entries if Path(entry.path) == item.path]
    return (own or entries)[-1] if entries else None


def _shown(message: str, kind: str, place: Any) -> ReprExceptionInfo:
    path, number, source = "", 0, []
    if place is not None:
        path, number = str(place.path), place.lineno + 1
        lines = textwrap.dedent(str(place.statement)).splitlines()
        source = [f">       {line}" for line in lines]
    lines = [*source, *(f"E       {line}" for line in message.splitlines())]
    location = ReprFileLocation(path, number, kind)
    entry = ReprEntry(lines, None, None, location, "long")
    crash = ReprFileLocation(path, number, message)
    return ReprExceptionInfo(ReprTraceback([entry], None, "long"), crash)
