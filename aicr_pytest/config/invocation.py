"""Whether a run asks for checks of aicr-pytest, and whether the suite is put on its list."""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from aicr_pytest.config.marks import selecting_marks
from aicr_pytest.config.options import SUITE_ENV, SUITE_INI, SuiteMode

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_ASKING = ("aicr_evidence", "aicr_evidence_dir", "aicr_lab", "aicr_provision", "aicr_feature")
"""Options that ask for checks when given on the command line; in the environment or a project's
file they say how a run goes, not whether."""


class Asking(NamedTuple):
    """What a command line asks for."""

    asked: bool
    """Whether checks of aicr-pytest are expected in this run."""
    arguments: tuple[str, ...] | None = None
    """Replaces pytest's arguments, so that the suite is collected; None leaves them alone."""


class CommandLine(NamedTuple):
    """The part of a command line that decides it."""

    ordered: bool
    """``--aicr`` or its environment twin."""
    mode: SuiteMode
    """The project's ``aicr_suite``."""
    options: Collection[str]
    """Destinations of options that were given."""
    mark_expression: str
    """Of ``-m``."""
    arguments: tuple[str, ...]
    """Paths and node ids that pytest will collect."""
    named_paths: bool
    """Whether the user named them, or pytest chose them."""
    directory: "Path"
    """What relative paths start from."""


def decide(line: CommandLine) -> Asking:
    """What is asked for."""
    own_path = line.named_paths and _names_the_suite(line)
    by_option = any(option in line.options for option in _ASKING)
    if line.ordered:
        kept = line.arguments if line.named_paths else ()
        return Asking(asked=True, arguments=None if own_path else (*kept, _suite()))
    if line.mode == "always" and not line.named_paths:
        return Asking(asked=True, arguments=(*line.arguments, _suite()))
    if line.mode == "asked":
        words = _words(line.mark_expression)
        by_mark = bool(words) and not selecting_marks().isdisjoint(words)
        wanted = by_option or by_mark
        if wanted and not line.named_paths:
            return Asking(asked=True, arguments=(_suite(),))
        return Asking(asked=wanted or own_path)
    return Asking(asked=by_option or line.mode == "checks" or own_path)


def read_command_line(config: "pytest.Config", environment: Mapping[str, str]) -> CommandLine:
    """What a pytest run was started with."""
    ini = config.getini(SUITE_INI)
    mode = cast(SuiteMode, ini if isinstance(ini, str) else "always" if ini else "never")
    options = {name for name, value in vars(config.option).items() if value not in (None, [])}
    ordered = _switch(environment.get(SUITE_ENV, ""))
    return CommandLine(
        ordered=bool(config.getoption(SUITE_INI)) or ordered,
        mode=mode,
        options=options,
        mark_expression=config.getoption("markexpr", ""),
        arguments=tuple(config.args),
        named_paths=config.args_source is config.ArgsSource.ARGS,
        directory=config.invocation_params.dir,
    )


def _suite() -> str:
    from aicr_pytest.locations import suite_dir

    return str(suite_dir())


def _names_the_suite(line: CommandLine) -> bool:
    from aicr_pytest.locations import in_suite

    return any(in_suite(line.directory / arg.partition("::")[0]) for arg in line.arguments)


def _switch(text: str) -> bool:
    if not text:
        return False
    from aicr_pytest.config.parsers import switch

    try:
        return switch(text)
    except ValueError as error:
        raise ValueError(f"{SUITE_ENV} (environment): {text!r} is not valid; {error}.") from None


def _words(expression: str) -> set[str]:
    return set(re.findall(r"\w+", expression)) - {"and", "or", "not"}
