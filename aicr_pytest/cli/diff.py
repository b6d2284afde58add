"""`aicr-pytest diff`: what changed from one run to another."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_json, say_line

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "diff",
        help="say what changed from one run to another",
        description="Compare two runs, of one cluster or of two: verdicts, outcomes of checks, "
        "what the cluster was, versions, the suite, and times where they differ much. Ends with "
        "1 where a verdict got worse or is not given any more, else with 0.",
    )
    added.add_argument("old", metavar="OLD", type=Path, help="evidence directory to compare with")
    added.add_argument("new", metavar="NEW", type=Path, help="evidence directory to look at")
    added.add_argument("--json", action="store_true", help="for programs")
    added.set_defaults(command=diff)


def diff(parsed: argparse.Namespace) -> int:
    """Say what a run tells differently from an earlier one."""
    from aicr_pytest.evidence.run import read_judged_run
    from aicr_pytest.reports.comparison import compare

    compared = compare(read_judged_run(parsed.old), read_judged_run(parsed.new))
    if parsed.json:
        say_json(compared.as_json())
    else:
        for line in compared.as_lines():
            say_line(line)
    return 1 if compared.is_worse else 0
