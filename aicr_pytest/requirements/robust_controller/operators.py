"""The installed operators, of which one has to pass everything."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aicr_pytest.errors import AicrError
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator
from aicr_pytest.requirements.robust_controller.trial import Trial
from aicr_pytest.requirements.solutions import Solutions
from aicr_pytest.requirements.steps import Claim
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform


class Operators(Trials[Trial]):
    """The operators on trial; resources of one that fails stay until the end, for its evidence."""

    def __init__(
        self,
        solutions: Solutions[Operator],
        platform: "Platform",
        steps: "Iterable[Claim[Trial]]",
    ) -> None:
        super().__init__(solutions, lambda candidate: Trial(candidate, platform), tuple(steps))

    def close(self) -> None:
        """Remove what was made, before the workspace goes, unless the user wants to keep it.

        Raises:
            ExceptionGroup: what could not be removed, of all operators.
        """
        problems: list[Exception] = []
        for resource in (left for trial in self.subjects for left in trial.left()):
            try:
                resource.discard()
            except AicrError as error:
                problems.append(error)
        if problems:
            raise ExceptionGroup("Custom resources could not be removed", problems)
