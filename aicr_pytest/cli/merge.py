"""`aicr-pytest merge`: one run of several."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_line
from aicr_pytest.errors import SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "merge",
        help="make one run of several of the same cluster",
        description="Join runs that looked at different requirements, or at different checks of "
        "one, or once more at the same. The order does not matter. Of a check that several have "
        "looked at, the worst outcome counts; what could not look counts only where nothing could. "
        "What they say differently is told, with dates. Runs of different clusters, Kubernetes "
        "versions or suites are refused, and so is a run that is not as it was written.",
    )
    added.add_argument("out", metavar="OUT", type=Path, help="a new directory")
    added.add_argument(
        "runs", metavar="DIR", type=Path, nargs="+", help="evidence directories of two runs or more"
    )
    added.add_argument(
        "--newest",
        action="store_true",
        help="of a check that several have looked at the newest counts: the platform was mended "
        "in between",
    )
    added.set_defaults(command=merge)


def merge(parsed: argparse.Namespace) -> int:
    """Write the run; ends with 1 where a MUST is not met or something is amiss."""
    from aicr_pytest.run import merging

    if len(parsed.runs) < 2:
        raise SettingsError(f"{parsed.runs[0]}: is one run; name two or more to merge.")
    run = merging.merge(parsed.out, parsed.runs, newest=parsed.newest, start=Path.cwd())
    for requirement in run.requirements:
        say_line(f"{requirement.id}  {requirement.level}  {requirement.verdict}")
    for conflict in run.conflicts:
        say_line(f"said differently: {conflict}")
    say_line(str(parsed.out / "index.html"))
    return run.exit_status or 0
