"""Keeps pytest from taking the folder of one of our options' values for the project's root.

pytest looks for its rootdir and its configuration before it knows the options of plugins, and so
takes ``--aicr-kubeconfig /etc/gpu.yaml`` for a switch and a path: the project's configuration in
the current directory would not be read, and its cache would be written into ``/etc``. Written as
one word, ``--aicr-kubeconfig=/etc/gpu.yaml``, the value misleads nobody.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aicr_pytest.config.options import Option


def joined(arguments: Sequence[str], options: "Sequence[Option]") -> list[str]:
    """The arguments with our options and their values in one word."""
    valued = {option.flag for option in options if not option.is_switch}
    words: list[str] = []
    for word in arguments:
        if words and words[-1] in valued:
            words[-1] = f"{words[-1]}={word}"
        else:
            words.append(word)
    return words


def hand_on_joined(config: pytest.Config, options: "Sequence[Option]") -> None:
    """Let xdist's workers, which parse the arguments once more, see them in one word.

    The controller has made the evidence directory by then, which would mislead every worker.
    """
    given = config.invocation_params
    config.invocation_params = type(given)(
        args=joined([str(word) for word in given.args], options),
        plugins=given.plugins,
        dir=given.dir,
    )


def restart_if_misled(config: pytest.Config, options: "Sequence[Option]") -> None:
    """Start pytest once more, with our options in one word, where a value has misled it.

    Raises:
        UsageError: it was not started from a command line, so that somebody else has to do it.
    """
    given = [str(word) for word in config.invocation_params.args]
    better = joined(given, options)
    changed = [word for word in better if word not in given]
    misleading = [word for word in changed if _is_path(word.partition("=")[2])]
    if not misleading or not _is_misled(config):
        return
    own_words = len(sys.orig_argv) - len(given)
    if sys.orig_argv[own_words:] != given or own_words < 2:
        word = misleading[0]
        raise pytest.UsageError(
            f"pytest takes the folder of {word.replace('=', ' ', 1)} for the project's root.\n"
            f"  Write it as one word: {word}"
        )
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:own_words], *better])


def _is_path(value: str) -> bool:
    return os.path.exists(value)  # noqa: PTH110 - Path's own raises where the value is too long


def _is_misled(config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    if config.inipath is None:
        return config.rootpath != here
    return not here.is_relative_to(config.inipath.parent)
