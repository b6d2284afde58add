"""The pytest hooks of aicr-pytest that every run loads: options and own marks, and nothing more.

What a run does that asks for checks is in ``run``, which is imported only then. Nothing heavy is
imported here: a missing package must not stop anybody's pytest from starting. Every run pays for
what stands here and in ``fixtures``, so what only some need stands elsewhere.
"""

import os
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.config import invocation, marks, options

if TYPE_CHECKING:
    from pathlib import Path

HOOKS = "aicr-run"
"""Name of the plugin that a run gets which asks for checks."""
_OLDEST = (9, 2)
"""Version of pytest; an older one knows no such types of settings in a project's file."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register options and their ini twins.

    Raises:
        UsageError: this pytest is too old, as only pip's warning has said until now.
    """
    if pytest.version_tuple < _OLDEST:
        raise pytest.UsageError(
            f"aicr-pytest needs pytest 9.2 or newer, and this is pytest {pytest.__version__}.\n"
            "  Install one: pip install 'pytest>=9.2,<10'; or leave the plugin out: -p no:aicr"
        )
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
    except ValueError as error:
        from aicr_pytest.run import activation

        raise activation.usage_error(error) from None
    if not asked.asked:
        if options.given(vars(config.option)):
            from aicr_pytest.run import activation

            activation.refuse_bad_options(config)
        return
    from aicr_pytest.run import activation

    if asked.arguments is not None:
        config.args = list(asked.arguments)
    activation.activate(config, HOOKS, expects_checks=True, suite_is_spare=asked.is_spare)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """``-n auto`` of a run of the suite: a worker per requirement, whatever the processors."""
    try:
        asked = invocation.decide(invocation.read_command_line(config, os.environ))
    except ValueError:
        return None  # told when the run is configured
    if not asked.asked or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    from aicr_pytest.run import parallel

    return len(parallel.modules(config, arguments=asked.arguments)) or None


def pytest_ignore_collect(collection_path: "Path", config: pytest.Config) -> bool | None:
    """Leave the suite out where only a folder above it was named: ``pytest .`` in a checkout."""
    if collection_path.name != "conformance" or config.pluginmanager.has_plugin(HOOKS):
        return None
    from aicr_pytest.locations import suite_dir

    return True if collection_path == suite_dir() else None


@pytest.hookimpl(tryfirst=True)  # the marks are added before pytest selects by them
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take note of third-party checks in a run that did not ask for any."""
    if config.pluginmanager.has_plugin(HOOKS) or not marks.hold_checks(items):
        return
    if hasattr(config, "workerinput"):
        # An error here would be told as a worker's crash: each check says it instead.
        config.pluginmanager.register(_NotAskedFor(), "aicr-not-asked-for")
        return
    from aicr_pytest.run import activation

    activation.activate(config, HOOKS, expects_checks=False).pytest_collection_modifyitems(items)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say how the suite is run where nothing was, and a mark or an option of ours was given."""
    nothing = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
    if nothing and not config.pluginmanager.has_plugin(HOOKS):
        from aicr_pytest.run import hints

        for line in hints.of_nothing_run(config, asked=False):
            terminalreporter.write_line(line)


class _NotAskedFor:
    """Refuses checks in a worker whose controller knows of none."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Say how to ask for them."""
        if marks.is_check(item):
            from aicr_pytest.errors import SettingsError

            raise SettingsError(
                "Under pytest-xdist, checks of aicr-pytest have to be asked for.\n"
                "  Set aicr_suite = checks in the project's pytest configuration."
            )
