"""`aicr-pytest report`: the reports of an earlier run, made again."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_line

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "report",
        help="write the reports of an earlier run again",
        description="Make index.html, junit-report.xml, ctrf.json, summary.md and manifest.json "
        "from the records of an earlier run, also of one that was killed; of the same version they "
        "are the same to the byte. A folder in which anything else was changed since is refused. "
        "Asks no cluster.",
    )
    added.add_argument("directory", metavar="DIR", type=Path, help="the run's evidence directory")
    added.set_defaults(command=report)


def report(parsed: argparse.Namespace) -> int:
    """Write the reports of an earlier run again."""
    from aicr_pytest.reports.writing import rebuild
    from aicr_pytest.run.conclusion import judge_records

    problems = rebuild(parsed.directory, judge_records)
    for problem in problems:
        say_line(f"ERROR: {problem}", sys.stderr)
    say_line(str(parsed.directory / "index.html"))
    return 1 if problems else 0
