"""Something that is done at most once, whoever asks for it, and however it ended."""

from collections.abc import Callable
from typing import Generic, TypeVar

from aicr_pytest.errors import AicrError

T = TypeVar("T")


class Once(Generic[T]):
    """Runs a function once: later calls return its result, or raise its error again.

    Args:
        do: the function.
        final: errors that stay, so that nobody waits as long again; after others, of what may be
            over by then, the next call runs the function again.
        passing: those of them that do not stay either.
    """

    def __init__(
        self,
        do: Callable[[], T],
        *,
        final: tuple[type[Exception], ...] = (AicrError,),
        passing: tuple[type[Exception], ...] = (),
    ) -> None:
        self._do = do
        self._final = final
        self._passing = passing
        self._result: list[T] = []
        self.error: Exception | None = None
        """What it raised; None where it did not, or was not asked for yet."""

    def __call__(self) -> T:
        """Return the result.

        Raises:
            Exception: as the function did the first time.
        """
        if self.error is not None:
            raise self.error
        if not self._result:
            try:
                self._result.append(self._do())
            except self._final as error:
                if not isinstance(error, self._passing):
                    self.error = error
                raise
        return self._result[0]
