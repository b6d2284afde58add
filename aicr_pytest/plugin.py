"""The pytest hooks of aicr-pytest that every run loads: options and own marks, and nothing more.

What a run does that asks for checks is in ``hooks``, which is imported only then. Nothing heavy is
imported here: a missing package must not stop anybody's pytest from starting.
"""

import os
import sys
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.config import invocation, marks, options
from aicr_pytest.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from aicr_pytest.run.hooks import RunHooks

HOOKS = "aicr-run"
"""Name of the plugin that a run gets which asks for checks."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register options and their ini twins."""
    options.add_options(parser)
    if (config := pluginmanager.get_plugin("pytestconfig")) is not None:
        _keep_the_root(config)


def _keep_the_root(config: pytest.Config) -> None:
    if any(
        str(word).startswith(("--aicr", "--evidence")) for word in config.invocation_params.args
    ):
        from aicr_pytest.config import rootdir

        rootdir.restart_if_misled(config, options.OPTIONS)


@pytest.hookimpl(tryfirst=True)  # before pytest-html reads where its report goes
def pytest_configure(config: pytest.Config) -> None:
    """Register marks; in a run that asks for checks also everything else."""
    marks.register_own(config)
    config.pluginmanager.import_plugin("aicr_pytest.fixtures")
    try:
        asked = invocation.decide(invocation.read_command_line(config, os.environ))
    except SettingsError as error:
        raise _usage_error(error) from None
    if not asked.asked:
        _refuse_bad_options(config)
        return
    if asked.arguments is not None:
        config.args = list(asked.arguments)
    _activate(config, expects_checks=True)


def pytest_ignore_collect(collection_path: "Path", config: pytest.Config) -> bool | None:
    """Leave the suite out where only a folder above it was named: ``pytest .`` in a checkout."""
    if collection_path.name != "conformance" or config.pluginmanager.has_plugin(HOOKS):
        return None
    from aicr_pytest.locations import suite_dir

    return True if collection_path == suite_dir() else None


@pytest.hookimpl(tryfirst=True)  # the marks are added before pytest selects by them
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take note of third-party checks in a run that did not ask for any."""
    if config.pluginmanager.has_plugin(HOOKS) or not any(map(marks.is_check, items)):
        return
    if hasattr(config, "workerinput"):
        # An error here would be told as a worker's crash: each check says it instead.
        config.pluginmanager.register(_NotAskedFor(), "aicr-not-asked-for")
        return
    _activate(config, expects_checks=False).pytest_collection_modifyitems(items)


class _NotAskedFor:
    """Refuses checks in a worker whose controller knows of none."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Say how to ask for them."""
        if marks.is_check(item):
            raise SettingsError(
                "Under pytest-xdist, checks of aicr-pytest have to be asked for.\n"
                "  Set aicr_suite = checks in the project's pytest configuration."
            )


def _activate(config: pytest.Config, *, expects_checks: bool) -> "RunHooks":
    from aicr_pytest.config import rootdir
    from aicr_pytest.run.doorkeeper import Doorkeeper
    from aicr_pytest.run.hooks import RunHooks
    from aicr_pytest.run.session import run_key

    _refuse_what_hides_failures(config)
    marks.register_selecting(config)
    rootdir.hand_on_joined(config, options.OPTIONS)
    _keep_modules_together(config)
    try:
        hooks = RunHooks.of(config, expects_checks=expects_checks)
    except SettingsError as error:
        raise _usage_error(error) from None
    config.pluginmanager.register(hooks, HOOKS)
    keeper = Doorkeeper(config, config.stash[run_key], asked=expects_checks)
    config.pluginmanager.register(keeper, "aicr-door")  # after the hooks: its wrappers are outside
    if not expects_checks:
        keeper.watch_logs()  # the session has started already
    return hooks


def _refuse_what_hides_failures(config: pytest.Config) -> None:
    if sys.flags.optimize and config.getoption("assertmode", "plain") == "plain":
        raise pytest.UsageError(
            "--assert=plain and Python's -O (PYTHONOPTIMIZE) together take the assertions out of "
            "every check, so that all would pass.\n  Leave one of them out."
        )
    if getattr(config.option, "dist", "no") == "each" and not hasattr(config, "workerinput"):
        raise pytest.UsageError(
            "--dist each runs every check in every worker, and they would take each other's "
            "accelerators.\n  Use --dist loadfile, which gives each module to one worker."
        )


def _keep_modules_together(config: pytest.Config) -> None:
    """Let pytest-xdist give a module to one worker: it has one workspace and holds accelerators.

    ``-n`` alone means ``--dist load``; with pytest 9.2 and xdist 3.8 ``loadgroup`` does the same.
    """
    if getattr(config.option, "dist", "no") in ("load", "loadgroup", "worksteal"):
        config.option.dist = "loadfile"


def _refuse_bad_options(config: pytest.Config) -> None:
    """Say what is wrong with an option although nothing is going to use it."""
    given = vars(config.option)
    if all(given.get(option.dest) in (None, []) for option in options.OPTIONS):
        return
    from aicr_pytest.config.resolving import resolve

    try:
        resolve(
            command_line=given,
            environment={},
            project={},
            invocation_dir=config.invocation_params.dir,
            project_dir=config.rootpath,
        )
    except SettingsError as error:
        raise _usage_error(error) from None


def _usage_error(error: SettingsError) -> pytest.UsageError:
    """What a setting is refused with; its value may be a URL with a password."""
    from aicr_pytest.evidence.door import Door
    from aicr_pytest.evidence.redaction.redact import Redactor

    return pytest.UsageError(Door(Redactor()).text(str(error)))
