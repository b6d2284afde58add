"""``python -m aicr_lab``: the lab on the command line."""

import argparse
import dataclasses
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aicr_lab import startup
from aicr_lab.addons import catalogue
from aicr_lab.addons.addon import Addon
from aicr_lab.errors import AicrLabError, LabError, last_lines
from aicr_lab.lab import Lab
from aicr_lab.machine.processes import LAB, ComponentStatus
from aicr_lab.options import (
    ALLOCATIONS,
    DEVICE_IDS,
    EMULATED,
    MIG_STRATEGIES,
    SHARING_FORM,
    VENDORS,
    LabOptions,
)

_DEFAULTS = LabOptions()
_FOLLOW_EVERY = 0.3
_ENVIRONMENT = """\
environment:
  AICR_LAB_HOME    where labs keep their state, a directory each; others' are left alone
  AICR_LAB_CACHE   where built programs are kept; a directory of the lab's own
  AICR_NO_INSTALL  1: install no packages and load no kernel module, say what is missing

A privileged pod of the lab is root on this machine; docs/lab.md says what is fenced, what is not.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. Errors of ours are one message on standard error."""
    arguments = _parser().parse_args(argv)
    run: Callable[[Lab, argparse.Namespace], int] = arguments.run
    try:
        return run(Lab(arguments.name), arguments)
    except AicrLabError as error:
        print(f"aicr_lab: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who read us has had enough; what is left in the buffer must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # ENOSPC and its like come from anywhere; the file name says more than a traceback.
        print(f"aicr_lab: {error.strerror}: {error.filename or ''}", file=sys.stderr)
        if error.errno == errno.ENOSPC:
            print("  free some space, or set AICR_LAB_HOME and AICR_LAB_CACHE", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aicr_lab",
        description="A real Kubernetes with simulated accelerators on this machine.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="default", help="which lab (default: %(default)s)")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(run=run)
        return added

    _add_up(command("up", _up, "bring it up; quick when it is there"))
    command("down", _down, "end it and remove everything that was its")
    status = command("status", _status, "how its components fare")
    status.add_argument("--json", action="store_true", help="for programs")
    logs = command("logs", _logs, "the log of a component")
    logs.add_argument("component", nargs="?", help="as status names it; without: which there are")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    command("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")
    execute = command("exec", _exec, "run a program in a node, or in the control plane's network")
    execute.add_argument("where", help="name of a node, or 'lab'")
    execute.add_argument("command", nargs=argparse.REMAINDER, help="the program and its arguments")
    image = command("image", _image, "build the image of the suite, of a checkout")
    image.add_argument("file", type=Path, help="the archive (an OCI layout) that is written")
    image.add_argument("--load", action="store_true", help="give it to the nodes of the lab, too")
    defect = command("defect", _defect, "break something on purpose: list, inject, heal")
    defect.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"add-ons; what one needs comes with it:\n{catalogue.table()}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--nodes", type=int, help=f"number of nodes ({_DEFAULTS.nodes})")
    add("--gpus", type=_counts, metavar="N[,N…]", help=f"accelerators per node ({_DEFAULTS.gpus})")
    add("--vendor", choices=VENDORS, help=f"whose, AMD's by stand-ins of ours ({VENDORS[0]})")
    add("--gpu-profile", help=f"which accelerators ({_DEFAULTS.gpu_profile})")
    add("--allocation", choices=ALLOCATIONS, help=f"how they are handed out ({ALLOCATIONS[0]})")
    add("--sharing", metavar="HOW", help=f"the device plugin shares them: {SHARING_FORM}")
    add(
        "--device-ids",
        choices=DEVICE_IDS,
        help=f"what it calls them for the runtime ({DEVICE_IDS[0]})",
    )
    add(
        "--feature-discovery",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="nodes have the labels of GPU feature discovery, or none (they have)",
    )
    add("--mig", type=int, metavar="N", help="so many of each node's are partitioned (0)")
    add("--mig-strategy", choices=MIG_STRATEGIES, help="how the device plugin counts these (mixed)")
    add("--emulate", choices=EMULATED, help="the control plane behaves as this Kubernetes")
    add(
        "--virtual-node",
        action="store_const",
        const=True,
        help="a node without a kubelet offers accelerators, too",
    )
    add("--port", type=int, help="port of the API server on 127.0.0.1 (any free one)")
    add(
        "--addons",
        metavar="NAMES",
        help="products beside Kubernetes: core (none), all, or some of those below",
    )
    add(
        "--fast",
        action="store_const",
        const=True,
        help="metrics and autoscaling look every second or two, not as seldom as by default",
    )
    add("--build-only", action="store_true", help="build what is missing, start nothing")


def _counts(text: str) -> int | tuple[int, ...]:
    """One number for all nodes, or one for each."""
    words = text.split(",")
    if not all(word.isdecimal() for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is no number, nor numbers with commas: 8,1")
    counts = tuple(map(int, words))
    return counts if len(counts) > 1 else counts[0]


def _say(text: str) -> None:
    print(f"{text}\n", end="", flush=True)  # in one piece: threads say things too


def _up(lab: Lab, arguments: argparse.Namespace) -> int:
    if arguments.addons is not None:
        arguments.addons = catalogue.parse(arguments.addons)
    if arguments.build_only:
        startup.build(arguments.addons or (), _say)
        return 0
    names = [field.name for field in dataclasses.fields(LabOptions)]
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    startup.up(lab, LabOptions(**given) if given else None, _say)
    return 0


def _down(lab: Lab, arguments: argparse.Namespace) -> int:
    lab.down(_say)
    return 0


def _status(lab: Lab, arguments: argparse.Namespace) -> int:
    components, lacking = lab.status(), _addons_lack(lab)
    healthy = lab.running and all(component.health == "ok" for component in components)
    if arguments.json:
        print(json.dumps(_status_object(lab, components, lacking), indent=1))
    else:
        print(status_text(lab.name, lab.running, components))
        if lacking:
            print(addons_text(lacking))
    return 0 if healthy and not any(lacking.values()) else 1


def _addons_lack(lab: Lab) -> dict[str, str]:
    """Add-on → what it lacks, empty where it is ready."""
    if not lab.running:
        return {}
    return {addon.name: _lacks(addon, lab) for addon in catalogue.chosen(lab.options.addons)}


def _lacks(addon: Addon, lab: Lab) -> str:
    try:
        return addon.missing(lab)
    except AicrLabError as error:
        return str(error)


def addons_text(lacking: Mapping[str, str]) -> str:
    """The add-ons as a table."""
    rows = [("ADD-ON", "HEALTH"), *((name, lack or "ok") for name, lack in lacking.items())]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {health}" for name, health in rows)


def _status_object(
    lab: Lab, components: Sequence[ComponentStatus], lacking: Mapping[str, str]
) -> dict[str, object]:
    listed = [
        {
            "name": each.name,
            "namespace": each.namespace,
            "pid": each.pid,
            "uptime": round(each.uptime, 1),
            "rss": each.rss,
            "health": each.health,
            "detail": each.detail,
            "log": str(each.log),
        }
        for each in components
    ]
    ready = [{"name": name, "missing": lack} for name, lack in lacking.items()]
    return {"name": lab.name, "running": lab.running, "components": listed, "addons": ready}


def status_text(name: str, running: bool, components: Sequence[ComponentStatus]) -> str:
    """The status as a table, with a line about the whole before it."""
    if not components:
        return f"lab {name!r} is not running"
    memory = sum(component.rss for component in components)
    head = f"lab {name!r} is {'up' if running else 'not completely up'}; {_megabytes(memory)}"
    rows = [("COMPONENT", "PID", "UPTIME", "RSS", "HEALTH")]
    rows += [
        (
            each.name,
            str(each.pid),
            _uptime(each.uptime),
            _megabytes(each.rss),
            f"{each.health}{': ' if each.detail else ''}{each.detail}",
        )
        for each in components
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([head, *lines])


def _logs(lab: Lab, arguments: argparse.Namespace) -> int:
    names = lab.processes.names()
    if arguments.component is None:
        print("\n".join(names))
        return 0
    process = lab.processes.process(arguments.component)
    if process is None:
        raise LabError(
            f"no component {arguments.component!r}", hint=f"there are: {', '.join(names) or 'none'}"
        )
    if not arguments.follow:
        sys.stdout.write(process.log.read_text(errors="replace") if process.log.exists() else "")
        return 0
    print(last_lines(process.log), flush=True)
    _follow(process.log)
    return 0


def _follow(log: Path) -> None:
    """Print what is added to a file until interrupted or until the file is gone."""
    with log.open(errors="replace") as file:
        file.seek(0, os.SEEK_END)
        while log.exists():
            if added := file.read():
                sys.stdout.write(added)
                sys.stdout.flush()
            time.sleep(_FOLLOW_EVERY)


def _kubeconfig(lab: Lab, arguments: argparse.Namespace) -> int:
    if not lab.running:
        raise LabError(f"lab {lab.name!r} is not running", hint="python -m aicr_lab up")
    print(lab.kubeconfig)
    return 0


def _exec(lab: Lab, arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError("exec wants a program to run", hint="exec node-0 -- ip address")
    if arguments.where == LAB:
        return lab.namespaces.replace_us(command)
    return lab.node(arguments.where).namespaces.replace_us(command)


def _image(lab: Lab, arguments: argparse.Namespace) -> int:
    from aicr_lab.build import oci, suite

    made = suite.image(Path.cwd())
    digest = oci.write_archive(arguments.file, [made])
    print(f"{made.name}@{digest[0]}")
    if arguments.load:
        lab.import_images(arguments.file)
    return 0


def _defect(lab: Lab, arguments: argparse.Namespace) -> int:
    from aicr_lab.defects import cli  # every defect there is, which no other command needs

    return cli.main(lab, arguments.arguments)


def _uptime(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m{rest:02}s" if hours else f"{minutes}m{rest:02}s"


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MB"
