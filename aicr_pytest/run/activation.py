"""Turns a pytest run into one of ours: settings, hooks, the door; or says what is wrong with it."""

import sys
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.accelerators.vendors import profiles
from aicr_pytest.config import marks, options, rootdir
from aicr_pytest.config.resolving import resolve
from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.requirements.registry import added_solutions
from aicr_pytest.run import hints
from aicr_pytest.run.doorkeeper import Doorkeeper
from aicr_pytest.run.hooks import RunHooks
from aicr_pytest.run.looking import looks_only
from aicr_pytest.run.parallel import spread
from aicr_pytest.run.session import run_key
from aicr_pytest.run.suite_apart import SuiteApart

if TYPE_CHECKING:
    from aicr_pytest.run.submitting import Submitting
    from aicr_pytest.run.upstream_suite import UpstreamSuite


def activate(
    config: pytest.Config, name: str, *, expects_checks: bool, suite_is_spare: bool = False
) -> RunHooks:
    """Give a run everything that checks need.

    Args:
        name: of the plugin that it gets.
        expects_checks: False where collection, which is over, has brought some unasked.
        suite_is_spare: whether the suite is meant only where nothing else is collected.

    Raises:
        UsageError: the user's settings are not valid.
    """
    _refuse_what_hides_failures(config)
    marks.register_selecting(config)
    hints.refuse_misspelt_marks(config)
    rootdir.hand_on_joined(config, options.OPTIONS)
    _keep_modules_together(config)
    try:
        profiles(), added_solutions()  # what is wrong with them is said before anything is asked
        hooks = RunHooks.of(config, expects_checks=expects_checks, suite_is_spare=suite_is_spare)
        submitting, upstream = _submitting(config), _upstream(config)
    except SettingsError as error:
        raise usage_error(error) from None
    if expects_checks and not (hasattr(config, "workerinput") or looks_only(config)):
        spread(config, config.stash[run_key].settings.features)
    config.pluginmanager.register(hooks, name)
    if (apart := SuiteApart.where_needed(config)) is not None:
        config.pluginmanager.register(apart, "aicr-suite-apart")  # it comes before the hooks
    if submitting is not None:
        config.pluginmanager.register(submitting, "aicr-submission")  # outside of the hooks, too
    if upstream is not None:
        config.pluginmanager.register(upstream, "aicr-upstream-suite")
    keeper = Doorkeeper(config, config.stash[run_key], asked=expects_checks)
    config.pluginmanager.register(keeper, "aicr-door")  # after the hooks: its wrappers are outside
    if not expects_checks:
        keeper.watch_logs()  # the session has started already
    return hooks


def _submitting(config: pytest.Config) -> "Submitting | None":
    """What writes the pull request at the end, where one is asked for.

    Raises:
        SettingsError: it could not be written whatever comes of the run.
    """
    run = config.stash[run_key]
    checkout = run.settings.cncf_submission
    if checkout is None or hasattr(config, "workerinput") or looks_only(config):
        return None
    from aicr_pytest.run.submitting import Submitting

    return Submitting(run, checkout, config)


def _upstream(config: pytest.Config) -> "UpstreamSuite | None":
    """What runs upstream's suite after the checks, where that is asked for.

    Raises:
        SettingsError: it could not be run.
    """
    run = config.stash[run_key]
    if not run.settings.upstream_suite or hasattr(config, "workerinput") or looks_only(config):
        return None
    from aicr_pytest.run.upstream_suite import UpstreamSuite

    return UpstreamSuite(run, config)


def refuse_bad_options(config: pytest.Config) -> None:
    """Say what is wrong with an option of the command line although nothing is going to use it.

    Raises:
        UsageError: one is not valid.
    """
    try:
        resolve(
            command_line=vars(config.option),
            environment={},
            project={},
            invocation_dir=config.invocation_params.dir,
            project_dir=config.rootpath,
        )
    except SettingsError as error:
        raise usage_error(error) from None


def usage_error(error: Exception) -> pytest.UsageError:
    """What a setting is refused with; its value may be a URL with a password."""
    return pytest.UsageError(Door(Redactor()).text(str(error)))


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
    # Modules go to workers in the order in which they are collected: what takes long first.
    config.option.loadscopereorder = False
