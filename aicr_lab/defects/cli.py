"""``python -m aicr_lab defect``: list, inject, heal."""

import argparse
from collections.abc import Sequence

from aicr_lab.defects.active import active, inject, list_defects, revert
from aicr_lab.defects.catalogue import defect_named
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab


def main(lab: Lab, argv: Sequence[str]) -> int:
    """Run a command on a lab; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m aicr_lab defect")
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    # The outer command takes it too, but sees nothing behind the name of a defect.
    common.add_argument("--name", default=lab.name, help="which lab (default: %(default)s)")
    parents = [common]
    listing = commands.add_parser(
        "list", parents=parents, help="which defects there are; * marks the active ones"
    )
    listing.add_argument("requirement", nargs="?", default="", help="only those of a requirement")
    injecting = commands.add_parser("inject", parents=parents, help="break the lab")
    injecting.add_argument("id")
    healing = commands.add_parser(
        "heal", parents=parents, help="mend the lab; without an id: everything"
    )
    healing.add_argument("id", nargs="?")
    healing.add_argument("--all", action="store_true", help="all active defects")
    options = parser.parse_args(argv)
    lab = Lab(options.name)
    if options.command == "list":
        return _list(lab, options.requirement)
    if not lab.running:
        raise LabError(f"lab {lab.name!r} is not running", hint="python -m aicr_lab up")
    return _inject(lab, options.id) if options.command == "inject" else _revert(lab, options.id)


def _list(lab: Lab, requirement: str) -> int:
    there = {defect.id for defect in active(lab)}
    for defect in list_defects(requirement):
        mark = "*" if defect.id in there else " "
        area = defect.requirement or "(any)"
        print(f"{mark} {defect.id:32} {area:26} {defect.expects:15} {defect.sentence}")
    return 0


def _inject(lab: Lab, name: str) -> int:
    defect = defect_named(name)
    inject(lab, defect)
    print(f"{defect.sentence}\nexpected verdict: {defect.expects}")
    print(f"kubeconfig: {defect.kubeconfig(lab)}")
    return 0


def _revert(lab: Lab, name: str | None) -> int:
    chosen = [defect_named(name)] if name else active(lab)
    revert(lab, chosen)
    print(f"healed: {', '.join(defect.id for defect in chosen) or 'nothing was broken'}")
    return 0
