"""`aicr-pytest run`: pytest with the suite, and a help that shows our options first."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cli.connecting import add_option
from aicr_pytest.config.options import GROUPS, OPTIONS
from aicr_pytest.config.rootdir import joined

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands

_EXAMPLES = """\
  aicr-pytest run                            everything, on the current kubeconfig context
  aicr-pytest run -m "dra or secure"         two requirements
  aicr-pytest run --evidence-dir out/        with evidence and reports
  aicr-pytest run --aicr-allow scale-out     what costs needs your word
  aicr-pytest run --lab                      on a lab of this machine

Every option of ours is also an environment variable (--aicr-keep: AICR_KEEP) and a line of the
project's pytest configuration (aicr_keep). `pytest --help` shows what else pytest takes.
"""

_OF_PYTEST: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("-m",),
        "EXPRESSION",
        (
            "select by marks: features (dra, secure, gang …), requirement ids, must, should; "
            "`aicr-pytest list` shows all"
        ),
    ),
    (("-k",), "EXPRESSION", "select by parts of names"),
    (("-n", "--numprocesses"), "NUMBER", "workers, where pytest-xdist is installed"),
    (("-x", "--exitfirst"), "", "end with the first check that does not pass"),
    (("--lf", "--last-failed"), "", "only what did not pass the last time, by pytest's cache"),
    (("--co", "--collect-only"), "", "show what would run; asks no cluster"),
    (("-v", "--verbose"), "", "one line per check"),
    (("-q", "--quiet"), "", "less"),
    (("--junitxml",), "FILE", "pytest's own JUnit file; evidence has one of ours"),
)
"""Those of pytest's options that a conformance run wants most."""


def add(commands: "Commands") -> None:
    """The words of the command; they are pytest's to parse, and stand here to be shown."""
    added = commands.add_parser(
        "run",
        help="run the suite; takes every option of pytest, e.g. `aicr-pytest run -m dra`",
        usage="aicr-pytest run [options of ours and of pytest] [node id …]",
        description="Run the conformance suite: pytest with --aicr. It ends with 0 where every\n"
        "MUST that was selected whole is met, 1 where one is not, 2 where it was\n"
        "interrupted, 4 for bad input.",
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("node_ids", metavar="node id", nargs="*", help="as a run prints them")
    for name, title in GROUPS.items():
        group = added.add_argument_group(title)
        if name == "target":
            group.add_argument("--lab", action="store_true", help="the same as --aicr-lab")
        for option in OPTIONS:
            if option.group == name:
                add_option(group, option)
    group = added.add_argument_group("of pytest, among many more")
    for flags, metavar, text in _OF_PYTEST:
        if metavar:
            group.add_argument(*flags, metavar=metavar, help=text)
        else:
            group.add_argument(*flags, action="store_true", help=text)


def run(arguments: Sequence[str]) -> int:
    """Run the suite: pytest with --aicr."""
    import pytest

    words = ["--aicr-lab" if word == "--lab" else word for word in arguments]
    # Where entry points are not loaded, the plugin has to be named; twice it must not be loaded.
    alone = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    early = ["-p", "aicr_pytest.plugin"] if alone else []
    return int(pytest.main([*early, "--aicr", *joined(words, OPTIONS)]))
