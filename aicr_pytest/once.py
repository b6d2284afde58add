"""Something that is done at most once, whoever asks for it, and however it ended."""

from collections.abc import Callable
from typing import Generic, TypeVar

from aicr_pytest.errors import AicrError

T = TypeVar("T")


class Once(Generic[T]):
    """Gives the result of a deed to everybody; its error, too, so that nothing is tried twice."""

    def __init__(self, do: Callable[[], T]) -> None:
        self._do = do
        self._result: list[T] = []
        self._error: AicrError | None = None

    def __call__(self) -> T:
        """What came of it.

        Raises:
            AicrError: as the deed did the first time.
        """
        if self._error is not None:
            raise self._error
        if not self._result:
            try:
                self._result.append(self._do())
            except AicrError as error:
                self._error = error
                raise
        return self._result[0]
