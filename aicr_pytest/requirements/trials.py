"""The steps of one requirement, on the first installed solution that passes them all.

Each check is one step. A step that a solution does not pass is tried with the next one, from the
first step on: a platform meets the requirement with one solution that passes everything, never with
a different one for each check.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from aicr_pytest.errors import AicrError
from aicr_pytest.requirements.solutions import Candidate, S, Solutions, deciding_failure

T = TypeVar("T")
Step = Callable[[T], list[str]]
"""What is wrong, as sentences; it may raise where nobody can say."""
Judged = Callable[[T], list[str] | None]
"""A step, or a check that asserts its claim itself."""


class Steps(Generic[T]):
    """The checks of a module that one solution has to pass, all of them, in their order.

    A check that is decorated with ``next`` is handed one solution's trial, and asserts its claim
    there; the fixture of that name gives ``Trials``, which ask the next solution where it fails.
    """

    def __init__(self) -> None:
        self.all: list[Judged[T]] = []
        """The checks' own functions, in the order in which they stand in the module."""

    def next(self, check: Callable[[T], None]) -> Callable[..., None]:
        """Add a check: pytest gets a function of the same name, docstring and fixture."""
        (fixture,) = inspect.signature(check).parameters

        @functools.wraps(check)
        def test(**fixtures: "Trials[T]") -> None:
            __tracebackhide__ = True
            fixtures[fixture].prove(check)

        self.all.append(check)
        return test


class Trials(Generic[T]):
    """Runs each step at most once per solution.

    Args:
        begin: makes what the steps work on; nothing is done yet.
        steps: in their order; each may build on those before it.
        leave: called when the next solution is going to be tried.
    """

    def __init__(
        self,
        solutions: Solutions[S],
        begin: Callable[[Candidate[S]], T],
        steps: Sequence[Judged[T]],
        *,
        leave: Callable[[T], None] = lambda _: None,
    ) -> None:
        self._solutions = solutions
        self._steps = list(steps)
        self._leave = leave
        self._trials = [
            _Trial(candidate.solution.name, begin(candidate)) for candidate in solutions.candidates
        ]
        self._open = list(self._trials)

    @property
    def subjects(self) -> list[T]:
        """What was begun, one per solution."""
        return [trial.subject for trial in self._trials]

    @property
    def in_use(self) -> T:
        """Of the solution that has passed so far; of the first one where none has."""
        return self._open[0].subject

    def faults(self, step: Step[T]) -> list[str]:
        """What is wrong in a step; empty with the first solution that passes it and all before it.

        Raises:
            AicrError: as the step does, where no solution passes.
        """
        try:
            self.prove(step)
        except _Faults as faults:
            return faults.sentences
        return []

    def prove(self, step: Judged[T]) -> None:
        """Find the first solution that passes a step and all before it.

        Raises:
            AssertionError, AicrError: as the step does, where no solution passes.
        """
        __tracebackhide__ = True
        self._solutions.tell()
        upto = self._steps[: self._steps.index(step) + 1]
        failures: list[AssertionError | AicrError] = []
        for trial in list(self._open):
            # One that passed so far is judged by this step; another has to pass all before it, too.
            failure = trial.failure(upto if failures else upto[-1:], before=upto)
            self._solutions.note(trial.name, failure)
            if failure is None:
                self._open = self._open[self._open.index(trial) :]
                return
            failures.append(failure)
            if len(self._open) > 1:
                self._leave(trial.subject)
        self._open = self._trials[:1]
        raise deciding_failure(failures)


class _Faults(AssertionError):
    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class _Trial(Generic[T]):
    """One solution and what came of each step."""

    def __init__(self, name: str, subject: T) -> None:
        self.name = name
        self.subject = subject
        self._came: dict[Judged[T], AssertionError | AicrError | None] = {}

    def failure(
        self, judged: Sequence[Judged[T]], *, before: Sequence[Judged[T]]
    ) -> AssertionError | AicrError | None:
        """The first failure of the judged steps; those before them are run, too."""
        for step in before:
            if step not in self._came:
                self._came[step] = self._run(step)
        came = [error for step in judged if (error := self._came[step]) is not None]
        return came[0] if came else None

    def _run(self, step: Judged[T]) -> AssertionError | AicrError | None:
        try:
            found = step(self.subject)
        except (AssertionError, AicrError) as error:
            return error
        return _Faults(found) if found else None
