"""The end of a session on the cluster: fixtures, workers, and what neither has taken down."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from aicr_pytest.errors import LeftBehind, error_message, single_errors
from aicr_pytest.run import leftovers
from aicr_pytest.run.session import Run
from aicr_pytest.run.signals import Signals
from aicr_pytest.threads import join_all

_MOST_TRIES = 20
"""How often fixtures are asked to end; each time at least one of them does."""


class Ending:
    """Takes down whatever is still up, and never raises.

    pytest ends fixtures of an interrupted run, and xdist its workers, in ``pytest_sessionfinish``
    beside all reports. Here they end first, so that reports know what came of it.
    """

    def __init__(
        self, run: Run, session: pytest.Session, say: Callable[[str], None], signals: Signals
    ) -> None:
        self._run = run
        self._session = session
        self._say = say
        self._signals = signals

    def take_down(self) -> list[str]:
        """End everything; one line for each problem. What stays is told to the run."""
        errors = [one for error in self._end_plugins() for one in single_errors(error)]
        problems = [error_message(e) for e in errors if not isinstance(e, LeftBehind)]
        if hasattr(self._session.config, "workerinput"):
            problems += self._run.store.finish()
            self._session.config.workeroutput["aicr"] = problems  # type: ignore[attr-defined]
            return problems
        unknown = [] if self._run.standing else [e for e in errors if isinstance(e, LeftBehind)]
        try:
            self._run.left_behind = [
                *map(error_message, unknown),
                *leftovers.remove(self._run, self._print, leaving=lambda: self._signals.leaving),
            ]
            self._run.kept = leftovers.kept(self._run)
        # Whatever it is, the reports are still to be written.
        except Exception as error:  # noqa: BLE001 - see above
            problems.append(f"what stays on the cluster is not known: {error_message(error)}")
        return problems

    def _print(self, line: str) -> None:
        with contextlib.suppress(OSError):  # a pipe that nobody reads keeps nothing from its end
            self._say(line)

    def _end_plugins(self) -> Iterator[BaseException]:
        plugins = self._session.config.pluginmanager
        runner, dsession = plugins.get_plugin("runner"), plugins.get_plugin("dsession")
        if runner is not None:
            yield from _all_errors(lambda: runner.pytest_sessionfinish(self._session))
        if dsession is not None:
            yield from _all_errors(dsession.pytest_sessionfinish)
        yield from _all_errors(lambda: join_all(self._run.removals))


def _all_errors(action: Callable[[], None]) -> Iterator[BaseException]:
    for _ in range(_MOST_TRIES):
        try:
            action()
        except KeyboardInterrupt:
            continue  # the user leaves; the rest has no patience any more
        except BaseException as error:  # noqa: BLE001 - told, with what stays
            yield error
        else:
            return
