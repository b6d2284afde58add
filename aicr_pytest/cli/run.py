"""`aicr-pytest run`: pytest with the suite, and a help that shows our options first."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cli import resume
from aicr_pytest.cli.connecting import add_option
from aicr_pytest.cli.saying import say
from aicr_pytest.config.options import GROUPS, OPTIONS
from aicr_pytest.config.rootdir import joined

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands

_EXAMPLES = """\
  aicr-pytest run                            everything, on the current kubeconfig context
  aicr-pytest run -m "dra or secure"         two requirements
  aicr-pytest run --evidence-dir out/        with evidence and reports
  aicr-pytest run --aicr-allow scale-out     what costs needs your word
  aicr-pytest run --resume out/              once more what nobody could look at
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
        description="Run the conformance suite: pytest with --aicr. It ends with 0 where what\n"
        "was run is met (hardening checks decide nothing), 1 where it is not, 2\n"
        "where it was interrupted, 4 for bad input.",
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
    group = added.add_argument_group("an earlier run")
    group.add_argument(
        "--resume",
        metavar="DIR",
        action="append",
        help="look again at each requirement that was Inconclusive in the run whose evidence is in "
        "DIR, or that it never came to, and make one dossier of both, as `aicr-pytest merge` does, "
        "beside the evidence of the new run; repeatable, for a run that was resumed before. Other "
        "options are given as then",
    )
    group.add_argument(
        "--failed",
        action="store_true",
        help="with --resume: the requirements that were Not Implemented, after the platform was "
        "mended: of a check that both have looked at the new run counts, and the dossier says so",
    )
    group = added.add_argument_group("of pytest, among many more")
    for flags, metavar, text in _OF_PYTEST:
        if metavar:
            group.add_argument(*flags, metavar=metavar, help=text)
        else:
            group.add_argument(*flags, action="store_true", help=text)


def run(arguments: Sequence[str]) -> int:
    """Run the suite: pytest with --aicr.

    Raises:
        SettingsError: there is nothing to be resumed where that was asked for.
    """
    resumed, words = resume.words_of(arguments)
    if resumed is None:
        return _pytest(words)
    chosen = resume.requirements_of(resumed)
    if not chosen:
        what = "Not Implemented" if resumed.failed else "Inconclusive"
        say(f"Nothing to resume: no requirement was {what}.")
        return 0
    say(f"again: {', '.join(chosen)}")
    seen = resume.Seen()
    features = [f"--aicr-feature={name}" for name in chosen]
    status = _pytest(["--evidence", *features, *words], seen)
    return resume.join(resumed, seen.directory, status)


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    import pytest

    words = ["--aicr-lab" if word == "--lab" else word for word in arguments]
    # Where entry points are not loaded, the plugin has to be named; twice it must not be loaded.
    alone = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    early = ["-p", "aicr_pytest.plugin"] if alone else []
    told = [*early, "--aicr", *joined(words, OPTIONS)]
    return int(pytest.main(told, plugins=[*plugins]) if plugins else pytest.main(told))
