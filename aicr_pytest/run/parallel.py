"""One worker per requirement, where nothing speaks against it: checks wait, they do not compute.

Without ``-n`` a run of the suite, and of nothing else, goes side by side. What is chosen is only
estimated here, for workers start before anything is collected: one too many gets nothing to do.
"""

import ast
import functools
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pytest

from aicr_pytest.config.marks import selecting_marks
from aicr_pytest.locations import in_suite, suite_dir
from aicr_pytest.requirements.catalogue import BY_ID

_NEEDS_ONE_PROCESS = {
    "usepdb": (True,),
    "trace": (True,),
    "capture": ("no", "tee-sys"),
    "setuponly": (True,),
    "setupshow": (True,),
    "stepwise": (True,),
    "looponfail": (True,),
}
"""pytest's options that are for somebody who looks on: destination → values."""
_FUNCTION = re.compile(r"^def (test_\w+)", re.MULTILINE)


def spread(config: pytest.Config, features: Collection[str]) -> None:
    """Give each requirement module a worker, unless the user has said how it shall be.

    Args:
        features: ids of the requirements that are looked at; empty: all.
    """
    option = config.option
    if not hasattr(option, "numprocesses"):  # no pytest-xdist
        return
    if option.numprocesses is not None or option.tx or _chose_distribution(config):
        return
    if _is_looked_on(config):
        return
    count = min(len(modules(config, features)), option.maxprocesses or len(BY_ID))
    if count > 1:
        option.numprocesses, option.tx, option.dist = count, ["popen"] * count, "loadfile"


def workers(config: pytest.Config) -> int:
    """How many processes run checks side by side."""
    return len(config.option.tx) if config.pluginmanager.has_plugin("dsession") else 1


def is_over_after_failures(config: pytest.Config) -> bool:
    """Whether xdist has interrupted itself for ``--maxfail``, where one process just ends."""
    dsession = config.pluginmanager.get_plugin("dsession")
    return bool(dsession and dsession.maxfail and dsession.countfailures >= dsession.maxfail)


def modules(
    config: pytest.Config,
    features: Collection[str] = (),
    *,
    arguments: Sequence[str] | None = None,
) -> list[Path]:
    """The suite's modules that may have something to run; none where others' tests run too.

    Args:
        features: as of ``spread``.
        arguments: paths and node ids; None: pytest's.
    """
    found: dict[Path, None] = {}
    for argument in config.args if arguments is None else arguments:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if not in_suite(path):
            return []
        found |= dict.fromkeys(sorted(path.glob("test_*.py")) if path == suite_dir() else [path])
    return [path for path in found if _is_chosen(path, config, features)]


def _chose_distribution(config: pytest.Config) -> bool:
    """Whether there is a word of the user's on it; its default cannot be told from ``no``."""
    if config.option.dist != "no" or config.option.distload:
        return True
    return any(str(word).startswith("--dist") for word in config.invocation_params.args)


def _is_looked_on(config: pytest.Config) -> bool:
    live = config.getoption("log_cli_level", None) or config.getini("log_cli")
    return bool(live) or any(
        getattr(config.option, name, None) in values for name, values in _NEEDS_ONE_PROCESS.items()
    )


def _is_chosen(path: Path, config: pytest.Config, features: Collection[str]) -> bool:
    """Whether the marks and names of a module let something of it be chosen, as far as is known."""
    requirement = BY_ID.get(path.stem.removeprefix("test_"))
    if requirement is None:
        return True
    if features and requirement.id not in features:
        return False
    own = {*requirement.marks, "conformance"}

    def carries(mark: str) -> bool:
        if mark not in own and mark not in selecting_marks() - {"must", "should"}:
            raise ValueError(mark)  # its level is not known yet, or it is a mark of the user's
        return mark in own

    functions = _FUNCTION.findall(path.read_text(encoding="utf-8"))
    return _may_hold(config.option.markexpr, carries) and any(
        _may_hold(config.option.keyword, functools.partial(_is_called, {name, path.name, *own}))
        for name in functions
    )


def _is_called(names: Collection[str], word: str) -> bool:
    return any(word.lower() in name.lower() for name in names)


def _may_hold(expression: str, is_true: Callable[[str], bool]) -> bool:
    """Whether an expression of ``-m`` or ``-k`` holds; also where that cannot be told.

    Args:
        is_true: of a name; raises ValueError where it does not know.
    """

    def value(node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=ast.And()):
                return all(map(value, node.values))
            case ast.BoolOp():
                return any(map(value, node.values))
            case ast.UnaryOp(op=ast.Not()):
                return not value(node.operand)
            case ast.Name():
                return is_true(node.id)
        raise ValueError(expression)

    try:
        return not expression.strip() or value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return True  # pytest has more words than these, and says itself what is none
