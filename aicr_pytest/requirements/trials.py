"""The steps of one requirement, on the first installed solution that passes them all.

Each check is one step. A step that a solution does not pass is tried with the next one, from the
first step on: a platform meets the requirement with one solution that passes everything, never with
a different one for each check, whatever the order in which the checks are run.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from aicr_pytest.errors import AicrError, DoesNotApply
from aicr_pytest.requirements.solutions import Candidate, S, Solutions, deciding_failure

T = TypeVar("T")
Step = Callable[[T], None]
"""A claim: raises AssertionError where it is not true, and an AicrError where nobody can say."""


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
        self._in_use = self._trials[0]
        self._reached = 0  # how many steps are judged by now, in their order
        self._passed: list[Step[T]] = []
        self._failed: dict[Step[T], Exception] = {}

    @property
    def subjects(self) -> list[T]:
        """What was begun, one per solution."""
        return [trial.subject for trial in self._trials]

    @property
    def in_use(self) -> T:
        """Of the solution that has passed so far; of the first one where none has."""
        return self._in_use.subject

    def prove(self, step: Step[T]) -> None:
        """Return once one solution has passed a step and all others.

        All others are those asked for so far, and those before them: whatever is asked for first,
        the solution that is left at the end has passed everything.

        Raises:
            AssertionError, AicrError: as the step does, where no solution passes.
            DoesNotApply: the first solution passes it, and none can pass everything any more.
        """
        __tracebackhide__ = True
        self._solutions.record_tried()
        if step not in self._failed:
            failure = self._failure(step)
            if failure is None:
                return
            self._failed[step] = failure
        raise self._failed[step]

    def _failure(self, step: Step[T]) -> Exception | None:
        """Why no solution passes a step and all others; None where one does."""
        self._reached = max(self._reached, self._steps.index(step) + 1)
        judged = self._steps[: self._reached]
        standing = [trial for trial in self._trials if not trial.is_lost]
        failures: list[Exception] = []
        for trial in standing:
            failure = trial.failure(step, judged, self._passed)
            self._solutions.note(trial.name, failure)
            if failure is None:
                self._in_use = trial
                self._passed.append(step)
                return None
            failures.append(failure)
            if len(standing) > 1:
                self._leave(trial.subject)
        self._in_use = first = self._trials[0]
        return deciding_failure(failures) if failures else first.failure_alone(step, judged)


class _Trial(Generic[T]):
    """One solution and what came of each step."""

    def __init__(self, name: str, subject: T) -> None:
        self.name = name
        self.subject = subject
        self._came: dict[Step[T], AssertionError | AicrError | None] = {}

    @property
    def is_lost(self) -> bool:
        """Whether it has failed a step, and so cannot pass everything any more."""
        return any(map(_fails, self._came.values()))

    def failure(
        self, step: Step[T], judged: Sequence[Step[T]], passed: Sequence[Step[T]]
    ) -> AssertionError | AicrError | None:
        """Why it does not pass a step and all that are judged; of several, the step's own.

        Args:
            passed: steps that a solution was said to pass: that they do not apply is not enough.
        """
        self._run_all(judged)
        for one in (step, *judged):
            error = self._came[one]
            if _fails(error) or (error is not None and (one == step or one in passed)):
                return error
        return None

    def failure_alone(self, step: Step[T], judged: Sequence[Step[T]]) -> AssertionError | AicrError:
        """What is said of a step where nothing can pass everything any more."""
        self._run_all(judged)
        lost = next(error for error in self._came.values() if _fails(error))
        told = f"{self.name} passes this, and not everything, nor does another solution: {lost}"
        return self._came[step] or DoesNotApply(told)

    def _run_all(self, steps: Sequence[Step[T]]) -> None:
        for step in steps:
            if step not in self._came:
                self._came[step] = self._run(step)

    def _run(self, step: Step[T]) -> AssertionError | AicrError | None:
        __tracebackhide__ = True
        try:
            step(self.subject)
        except (AssertionError, AicrError) as error:
            return error
        return None


def _fails(error: AssertionError | AicrError | None) -> bool:
    return error is not None and not isinstance(error, DoesNotApply)
