"""`aicr-pytest completion`: what a shell needs to complete the command's words."""

import argparse
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands

_SHELLS = {
    "bash": "aicr-pytest completion bash > ~/.local/share/bash-completion/completions/aicr-pytest",
    "zsh": "aicr-pytest completion zsh > DIR/_aicr-pytest   # DIR: a folder of your $fpath",
    "fish": "aicr-pytest completion fish > ~/.config/fish/completions/aicr-pytest.fish",
}
"""Shell → how to install what is printed, so that every new shell knows it."""


def add(commands: "Commands", parser: argparse.ArgumentParser) -> None:
    """The words of the command.

    Args:
        parser: of all commands.
    """
    added = commands.add_parser(
        "completion",
        help="print what lets a shell complete commands and options",
        description="Print a completion script, made by shtab of what the commands take. "
        'Now: `eval "$(aicr-pytest completion bash)"`. For every new shell: '
        + "; ".join(f"{shell}: `{line}`" for shell, line in _SHELLS.items()),
    )
    added.add_argument("shell", choices=tuple(_SHELLS), help="which shell")
    added.set_defaults(command=functools.partial(completion, parser))


def completion(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    print(shtab.complete(parser, parsed.shell))
    return 0
