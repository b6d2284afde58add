"""The steps of one requirement, on the first installed solution that passes them all.

Each check is one step. A step that a solution does not pass is tried with the next one, from the
first step on: a platform meets the requirement with one solution that passes everything, never with
a different one for each check.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from aicr_pytest.errors import AicrError
from aicr_pytest.requirements.solutions import Candidate, S, Solutions, deciding_failure

T = TypeVar("T")
Step = Callable[[T], list[str] | None]
"""What is wrong, as sentences, or a claim: nothing, where it does not raise AssertionError. It may
raise where nobody can say."""


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
        steps: Sequence[Step[T]],
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

    def prove(self, claim: Callable[[T], None]) -> None:
        """Return once one solution has met a claim, and all before it.

        Raises:
            AssertionError, AicrError: as the claim does, where no solution meets it.
        """
        __tracebackhide__ = True
        self.faults(claim)

    def faults(self, step: Step[T]) -> list[str]:
        """What is wrong in a step; empty with the first solution that passes it and all before it.

        Raises:
            AicrError: as the step does, where no solution passes.
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
                return []
            failures.append(failure)
            if len(self._open) > 1:
                self._leave(trial.subject)
        self._open = self._trials[:1]
        told = deciding_failure(failures)
        if isinstance(told, _Faults):
            return told.sentences
        raise told


class _Faults(AssertionError):
    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class _Trial(Generic[T]):
    """One solution and what came of each step."""

    def __init__(self, name: str, subject: T) -> None:
        self.name = name
        self.subject = subject
        self._came: dict[Step[T], AssertionError | AicrError | None] = {}

    def failure(
        self, judged: Sequence[Step[T]], *, before: Sequence[Step[T]]
    ) -> AssertionError | AicrError | None:
        """The first failure of the judged steps; those before them are run, too."""
        for step in before:
            if step not in self._came:
                self._came[step] = self._run(step)
        came = [error for step in judged if (error := self._came[step]) is not None]
        return came[0] if came else None

    def _run(self, step: Step[T]) -> AssertionError | AicrError | None:
        __tracebackhide__ = True
        try:
            found = step(self.subject)
        except (AssertionError, AicrError) as error:
            return error
        return _Faults(found) if found else None
