"""What somebody types next who asked for checks and got none."""

import shlex

import pytest

from aicr_pytest.config.marks import near_misses, selecting_marks, words_of
from aicr_pytest.config.options import given
from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.locations import suite_dir


def of_nothing_run(config: pytest.Config, *, asked: bool) -> list[str]:
    """The line to type, where nothing was collected or selected; none for who did not mean us.

    Args:
        asked: whether checks of ours were expected.
    """
    expression = config.getoption("markexpr", "") or ""
    misses = near_misses(expression, config.getini("markers"))
    ours = not words_of(expression).isdisjoint(selecting_marks())
    if not (asked or misses or ours or given(vars(config.option))):
        return []
    if misses:
        said = _misses(expression, misses)
    elif asked:
        said = (
            "no check was selected. `pytest --aicr` runs the suite; "
            "`aicr-pytest list` shows what there is."
        )
    else:
        words = [str(word) for word in config.invocation_params.args]
        said = f"no test was found here. The conformance suite: {_order(words)}"
    return [Door(Redactor()).line(f"aicr-pytest: {said}")]


def refuse_misspelt_marks(config: pytest.Config) -> None:
    """Refuse a mark that is nearly one of ours, before a cluster is asked.

    Somebody's own tests may carry marks that nobody registers: only where there is just the suite.

    Raises:
        UsageError: ``-m`` names one.
    """
    if any(argument.partition("::")[0] != str(suite_dir()) for argument in config.args):
        return
    expression = config.getoption("markexpr", "") or ""
    if misses := near_misses(expression, config.getini("markers")):
        raise pytest.UsageError(Door(Redactor()).line(_misses(expression, misses)))


def _misses(expression: str, misses: dict[str, str]) -> str:
    right = expression
    for wrong, near in misses.items():
        right = right.replace(wrong, near)
    names = ", ".join(misses)
    return f"-m: no check has the mark {names}. Did you mean -m {shlex.quote(right)}?"


def _order(words: list[str]) -> str:
    return shlex.join(["pytest", "--aicr", *words])
