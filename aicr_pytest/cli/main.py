"""The command `aicr-pytest`; what is not here has a module of its own beside it."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from aicr_pytest import __version__
from aicr_pytest.cli import (
    completion,
    diff,
    images,
    in_cluster,
    merge,
    pack,
    rbac,
    report,
    run,
    submit,
    validate,
    verify,
)
from aicr_pytest.cli.connecting import TARGET, add_options, connect, settings_of
from aicr_pytest.cli.saying import say, say_json, say_line
from aicr_pytest.config.options import OPTIONS
from aicr_pytest.errors import AicrError, SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands
    from aicr_pytest.cluster.leftovers import Findings, Leftover

USAGE_ERROR = 4
"""pytest's number for bad input; the commands keep to it."""

_MOST_SPARED = 20
"""Objects that only look like ours which are told each by itself."""

_PREFLIGHT = tuple(
    option.field
    for option in OPTIONS
    if option.group in ("target", "selection", "pods", "platform")
    or option.field in ("allow", "timeout_scale")
    if option.field not in ("provision", "strict")
)
"""Fields of the options that decide what a run would find."""


class _Parser(argparse.ArgumentParser):
    """Ends with pytest's number where the command line is wrong."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"ERROR: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["run"] and not {"-h", "--help"} & {*words}:
            return run.run(words[1:])  # what is after it is pytest's
        parsed = _parser().parse_args(words)
        return int(parsed.command(parsed))
    except AicrError as error:
        say(f"ERROR: {error}", sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def list_checks(parsed: argparse.Namespace) -> int:
    """Show requirements and checks; asks no cluster."""
    from aicr_pytest.cli.listing import as_json, as_table, collect

    plan = collect()
    if parsed.json:
        say_json(as_json(plan))
    else:
        say(as_table(plan))
    return 0


def preflight(parsed: argparse.Namespace) -> int:
    """Look at the cluster without creating anything."""
    from aicr_pytest.cli.preflight import examine

    report = examine(
        settings_of(parsed), say=lambda line: say(line, sys.stderr), pulling=parsed.pull
    )
    if parsed.json:
        say_json(report.as_json())
    else:
        for line in report.as_lines():
            say_line(line)
    return 0 if report.is_ready else 1


def clean(parsed: argparse.Namespace) -> int:
    """Remove what ended runs have left on the cluster."""
    from aicr_pytest.cluster import leftovers
    from aicr_pytest.cluster.waiting import Waiter

    if parsed.presume_dead and not parsed.run:
        raise SettingsError("--presume-dead speaks of one run: name it with --run ID.")
    cluster = connect(settings_of(parsed))
    found = leftovers.search(cluster, parsed.run)
    _show(found)
    chosen = [left for left in found.left if left.run not in found.alive or parsed.presume_dead]
    doubtful = [spared for spared in found.spared if parsed.run and spared.remedy]
    if parsed.dry_run or not (parsed.run or parsed.all):
        if found.left:
            say("Nothing was removed. Remove one run with --run ID, or all with --all.")
        return 0
    if parsed.run in found.alive and not parsed.presume_dead:
        raise SettingsError(
            f"Nothing was removed: {found.alive[parsed.run]}.\n"
            "  Wait for that, or say that you know better: --presume-dead"
        )
    if not chosen:
        return 1 if doubtful else 0
    if parsed.all and not parsed.yes:
        _ask(chosen)
    remaining = leftovers.clean(cluster, chosen, Waiter(cluster), say_line)
    for left in remaining:
        say_line(f"STILL THERE: {left}: {left.problem}", sys.stderr)
    return 1 if remaining or doubtful else 0


def _show(found: "Findings") -> None:
    """What carries our labels, and what is going to become of it."""
    for left in found.left:
        say_line(str(left))
    for alive in sorted({left.run for left in found.left} & found.alive.keys()):
        say_line(str(found.alive[alive]))
    runs = {one.run for one in found.left}
    for directory, told in report.runs_here().items() if runs else ():
        if told.run_id in runs:
            say_line(f"{told.run_id}: its evidence is in {directory}")
    for spared in found.spared[:_MOST_SPARED]:
        say_line(str(spared))
    if more := len(found.spared[_MOST_SPARED:]):
        say(f"{more} more objects carry our labels, were made by no run, and are left alone.")
    if unseen := sorted({kind for left in found.left for kind in left.unseen}):
        say(f"What others have in these namespaces of {', '.join(unseen)} we may not see.")
    if not found.left:
        say("Nothing of ours is on the cluster.")


def _ask(chosen: "Sequence[Leftover]") -> None:
    """Ask whether all this may go.

    Raises:
        SettingsError: nobody is there to answer, or the answer is no.
    """
    runs = len({left.run for left in chosen})
    what = f"{len(chosen)} object{'s' * (len(chosen) > 1)} of {runs} run{'s' * (runs > 1)}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            f"Nothing was removed: --all would remove {what}, see above.\n"
            "  Nobody is there to be asked; where that is right: --all --yes, or --run ID"
        )
    try:
        answer = input(f"Remove {what}? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise SettingsError("Nothing was removed.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="aicr-pytest",
        description="Prove, with evidence, whether a Kubernetes platform is AI-conformant.",
        epilog="Start with `aicr-pytest preflight`: it creates nothing and says what a run needs. "
        "Options are also environment variables: --aicr-context is AICR_CONTEXT.",
    )
    parser.add_argument("--version", action="version", version=f"aicr-pytest {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run.add(commands)
    _add_list(commands)
    _add_preflight(commands)
    _add_clean(commands)
    for command in (images, rbac, in_cluster, report, verify, pack, diff, merge, submit, validate):
        command.add(commands)
    completion.add(commands, parser)
    return parser


def _add_list(commands: "Commands") -> None:
    added = commands.add_parser(
        "list",
        help="show requirements and checks; asks no cluster",
        description="Show every requirement with its level per Kubernetes version, and every check "
        "with its basis, what it creates and about how long it takes. Asks no cluster.",
    )
    added.add_argument("--json", action="store_true", help="for programs")
    added.set_defaults(command=list_checks)


def _add_preflight(commands: "Commands") -> None:
    added = commands.add_parser(
        "preflight",
        help="look at the cluster and say what would come of a run; creates nothing",
        description="Access reviews for every right that the suite needs, accelerators with "
        "mechanism and free capacity, images, what is opt-in, and for each requirement what would "
        "come of it now: `would run`, or the verdict that it would get without having been tried, "
        "and why. Creates nothing, unless --pull asks for it. The last line says READY or NOT "
        "READY: ready is a cluster of which a run would say something for every requirement that "
        "is not opt-in, be it Not Implemented. Ends with 0 where it is, else with 1.",
    )
    added.add_argument("--json", action="store_true", help="for programs")
    added.add_argument(
        "--pull",
        action="store_true",
        help="also see that the cluster gets every image: a namespace with a pod of each, on an "
        "accelerator node, taken down again",
    )
    add_options(added, _PREFLIGHT)
    added.set_defaults(command=preflight)


def _add_clean(commands: "Commands") -> None:
    added = commands.add_parser(
        "clean",
        help="show and remove what killed runs left on the cluster",
        description="Show what our runs have left; with --run or --all remove it, in an order "
        "that gives accelerators back. Ours is what has a name that a run gives, our labels, and "
        "was written by us, as managedFields tell. What others have labelled so stays, a namespace "
        "that holds something of theirs stays, and so does a run that still goes on.",
    )
    which = added.add_mutually_exclusive_group()
    which.add_argument(
        "--run",
        metavar="ID|DIR",
        type=_run_id,
        help="of one run only, or of that whose evidence this is",
    )
    which.add_argument("--all", action="store_true", help="of every run; asks before it removes")
    added.add_argument("--yes", action="store_true", help="with --all: do not ask")
    added.add_argument("--dry-run", action="store_true", help="show only")
    added.add_argument(
        "--presume-dead",
        action="store_true",
        help="with --run: remove it though a Lease says that it goes on",
    )
    add_options(added, TARGET)
    added.set_defaults(command=clean)


def _run_id(text: str) -> str:
    from aicr_pytest.cluster.names import is_run_id
    from aicr_pytest.evidence.run import RUN_FILE, read_run

    if is_run_id(text):
        return text
    if (Path(text) / RUN_FILE).is_file():
        try:
            return read_run(Path(text)).run_id
        except SettingsError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    raise argparse.ArgumentTypeError(
        f"{text!r} is no run; runs are like 20260102-030405-ab12, or name the evidence of one"
    )


if __name__ == "__main__":
    raise SystemExit(main())
