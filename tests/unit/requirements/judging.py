"""How a check of the suite judges what is handed to it, without a cluster."""

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from aicr_pytest.errors import error_message


def judged(check: Callable[..., None], **seen: Any) -> str:
    """What a check says of a trial whose looks give these observations; empty where it passes."""
    trial = SimpleNamespace(**{name: lambda one=one: one for name, one in seen.items()})
    claim = inspect.unwrap(check)
    given = SimpleNamespace(in_use=trial) if claim is check else trial
    return words_of(lambda: claim(given))


def words_of(check: Callable[[], None]) -> str:
    """What a check says, as its record has it; empty where it passes."""
    try:
        check()
    except AssertionError as error:
        return error_message(error) or "failed without a word"
    return ""
