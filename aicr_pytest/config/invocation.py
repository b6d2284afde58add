"""Whether a run asks for checks of aicr-pytest, and whether the suite is put on its list."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from aicr_pytest.config.marks import selecting_marks, words_of
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
    is_spare: bool = False
    """Whether the suite among them is meant only where nothing else is collected."""


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
    by_option = any(option in line.options for option in _ASKING)
    found: tuple[str, ...] | None = None
    if line.named_paths and (line.ordered or line.mode == "asked" or by_option):
        found = tuple(_as_path(line, word) for word in line.arguments)
        found = None if found == line.arguments else found
        line = line._replace(arguments=found or line.arguments)
    own_path = line.named_paths and _names_the_suite(line)
    if line.ordered:
        kept = line.arguments if line.named_paths else ()
        return Asking(asked=True, arguments=found if own_path else (*kept, _suite()))
    if line.mode == "always" and not line.named_paths:
        return Asking(asked=True, arguments=(*line.arguments, _suite()))
    if line.mode == "asked":
        words = words_of(line.mark_expression)
        by_mark = bool(words) and not selecting_marks().isdisjoint(words)
        wanted = by_option or by_mark
        if wanted and not line.named_paths:
            return Asking(asked=True, arguments=(_suite(),))
        return Asking(asked=wanted or own_path, arguments=found)
    if by_option and line.mode == "never" and not line.named_paths:
        return Asking(asked=True, arguments=(*line.arguments, _suite()), is_spare=True)
    return Asking(asked=by_option or line.mode == "checks" or own_path, arguments=found)


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


def _as_path(line: CommandLine, word: str) -> str:
    """An argument; a node id of the suite, as pytest prints it outside of a checkout, as its path.

    Printed ids are relative to the suite's folder there, from wherever pytest was started.
    """
    path, colons, inside = word.partition("::")
    if _exists(line.directory / path):
        return word
    from aicr_pytest.locations import suite_dir

    file = suite_dir() / path.rpartition("/")[2]
    return f"{file}{colons}{inside}" if file.suffix == ".py" and _exists(file) else word


def _exists(path: "Path") -> bool:
    try:
        return path.exists()
    except OSError:  # too long a name
        return False


def _switch(text: str) -> bool:
    if not text:
        return False
    from aicr_pytest.config.parsers import switch

    try:
        return switch(text)
    except ValueError as error:
        raise ValueError(f"{SUITE_ENV} (environment): {text!r} is not valid; {error}.") from None
