"""What the command prints: harmless to a terminal, and without credentials."""

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from aicr_pytest.evidence.door import Door


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text that somebody else's words are part of."""
    print(_door().text(text), file=stream or sys.stdout)


def say_line(text: str, stream: TextIO | None = None) -> None:
    """Print what must not look like several lines of ours."""
    print(_door().line(text), file=stream or sys.stdout)


def say_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(_door().value(value), indent=2))


def _door() -> "Door":
    # Here, since `run` needs neither.
    from aicr_pytest.evidence.door import Door
    from aicr_pytest.evidence.redaction.redact import Redactor

    return Door(Redactor())
