"""`aicr-pytest report`: the reports of an earlier run, made again."""

import argparse
import contextlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_line
from aicr_pytest.errors import SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands
    from aicr_pytest.evidence.run import RunInfo


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "report",
        help="write the reports of an earlier run again",
        description="Make index.html, junit-report.xml, ctrf.json, summary.md and manifest.json "
        "from the records of an earlier run, also of one that was killed; of the same version they "
        "are the same to the byte. A folder in which anything else was changed since is refused. "
        "Without DIR: show the runs whose evidence lies in this directory or in aicr-evidence/, as "
        "of a run that has lost its terminal. Asks no cluster.",
    )
    added.add_argument(
        "directory", metavar="DIR", type=Path, nargs="?", help="the run's evidence directory"
    )
    added.set_defaults(command=report)


def runs_here() -> "dict[Path, RunInfo]":
    """Evidence directory → its run, of those in the current directory, the oldest first."""
    from aicr_pytest.evidence.run import RUN_FILE, read_run
    from aicr_pytest.run.session import DEFAULT_EVIDENCE

    found: dict[Path, RunInfo] = {}
    for pattern in (f"*/{RUN_FILE}", f"{DEFAULT_EVIDENCE}/*/{RUN_FILE}"):
        for file in Path().glob(pattern):
            with contextlib.suppress(SettingsError):  # somebody else's file of this name
                found[file.parent] = read_run(file.parent)
    return dict(sorted(found.items(), key=lambda item: item[1].started_at))


def report(parsed: argparse.Namespace) -> int:
    """Write the reports of an earlier run again; or show which runs there are."""
    if parsed.directory is None:
        return _show()
    from aicr_pytest.reports.writing import rebuild
    from aicr_pytest.run.conclusion import judge_records

    problems = rebuild(parsed.directory, judge_records)
    for problem in problems:
        say_line(f"ERROR: {problem}", sys.stderr)
    say_line(str(parsed.directory / "index.html"))
    return 1 if problems else 0


def _show() -> int:
    runs = runs_here()
    if not runs:
        raise SettingsError(f"No evidence of a run lies in {Path.cwd()}; name its directory.")
    for directory, run in runs.items():
        say_line(f"{directory}: run {run.run_id}, started {run.started_at}: {_state(run)}")
    return 0


def _state(run: "RunInfo") -> str:
    if run.exit_status is None and not run.requirements:
        return "goes on, or was killed before it gave verdicts"
    counts = Counter(one.verdict for one in run.requirements)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    stays = f"; something stays on the cluster: {run.clean_command}" if run.left_behind else ""
    ended = "interrupted; " if run.interrupted else ""
    return f"{ended}{told or 'no verdict'}{stays}"
