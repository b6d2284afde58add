"""The installed operators, of which one has to pass everything."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.errors import AicrError
from aicr_pytest.solutions.frame import Solutions, deciding_failure
from aicr_pytest.solutions.operator.product import Operator
from aicr_pytest.solutions.operator.trial import Trial

if TYPE_CHECKING:
    from aicr_pytest.settings import Settings
    from aicr_pytest.workspaces import Workspaces

Look = Callable[[Trial], list[str]]
"""A look at one operator; gives what is wrong as sentences, and may raise where nobody can say."""


class Operators:
    """Tries the operators in their order, check by check.

    One that fails is out, and the next has to pass what was asked before as well: the requirement
    is met by one operator that passes everything, never by a different one for each check. Once
    none is left, hence a check has failed, the first answers for itself in the checks that follow.
    """

    def __init__(
        self, solutions: Solutions[Operator], workspaces: "Workspaces", settings: "Settings"
    ) -> None:
        self._solutions = solutions
        self._workspaces = workspaces
        may_disrupt = "disruption" in settings.allow
        self._trials = [
            Trial(candidate, workspaces, may_disrupt=may_disrupt)
            for candidate in solutions.candidates
        ]
        self._standing = list(self._trials)
        self._asked: list[Look] = []

    def faults(self, look: Look) -> list[str]:
        """What is wrong with the operators; empty where one passes this look and all before it.

        Raises:
            Inconclusive: none passes, and one could not be looked at.
        """
        self._solutions.tell()
        if not self._standing:
            return look(self._trials[0])
        self._asked.append(look)
        first, *others = self._standing
        failures: list[Exception] = []
        for trial, looks in [(first, [look]), *((other, self._asked) for other in others)]:
            failure = _failure(trial, looks)
            finding = "passes" if failure is None else f"{type(failure).__name__}: {failure}"
            self._workspaces.evidence.fact(f"tried {trial.operator.name}", finding)
            if failure is None:
                return []
            failures.append(failure)
            self._standing.remove(trial)
        told = deciding_failure(failures)
        if isinstance(told, _Faulty):
            return told.faults
        raise told

    def finding(self, look: Look) -> list[str]:
        """What is wrong with the operator that has passed so far, where it costs no verdict."""
        self._solutions.tell()
        return look((self._standing or self._trials)[0])

    def close(self) -> None:
        """Remove what was made, before the workspace goes."""
        for trial in self._trials:
            trial.close()


class _Faulty(AssertionError):
    """An operator at which something is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _failure(trial: Trial, looks: Sequence[Look]) -> Exception | None:
    try:
        faults = [fault for look in looks for fault in look(trial)]
    except AicrError as error:
        return error
    return _Faulty(faults) if faults else None
