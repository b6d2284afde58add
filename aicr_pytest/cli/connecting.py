"""What the commands share that look at a cluster: their options, the settings, the client."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say_line
from aicr_pytest.config.options import OPTIONS, Option
from aicr_pytest.config.resolving import resolve
from aicr_pytest.settings import Settings

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

TARGET = ("kubeconfig", "context", "lab", "lab_name")
"""Fields of the options that say which cluster is meant."""


def connect(settings: Settings, kind: "type[Cluster] | None" = None) -> "Cluster":
    """A client that says what it waits for.

    Args:
        kind: of client; None for the usual one.
    """
    from aicr_pytest.cli.awaiting import Awaiting
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.evidence.redaction.redact import Redactor
    from aicr_pytest.run.cluster_providers import running_kubeconfig

    kubeconfig = settings.kubeconfig
    if settings.lab:
        kubeconfig = str(running_kubeconfig("lab", settings.lab_name))
    return (kind or Cluster).connect(
        kubeconfig=kubeconfig,
        context=settings.context,
        run_id="none",
        observer=Awaiting(lambda line: say_line(line, sys.stderr)),
        clean=Redactor().text,
    )


def settings_of(parsed: argparse.Namespace) -> Settings:
    """The settings of a command line and the environment."""
    return resolve(
        command_line=vars(parsed),
        environment=os.environ,
        project={},
        invocation_dir=Path.cwd(),
        project_dir=Path.cwd(),
    )


def add_options(parser: argparse.ArgumentParser, fields: Sequence[str]) -> None:
    """Add those of our options that set these fields."""
    for option in OPTIONS:
        if option.field in fields:
            _add_option(parser, option)


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    text = option.help.replace("%", "%%")
    if option.is_switch:
        parser.add_argument(
            option.flag, dest=option.dest, action="store_true", default=None, help=text
        )
    else:
        parser.add_argument(
            option.flag,
            dest=option.dest,
            action="append" if option.several else "store",
            metavar=option.metavar,
            help=text,
        )
