"""Samples of something, taken again and again, and the timeline that they make."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from aicr_pytest.errors import WaitTimeout
from aicr_pytest.evidence.clock import Clock, utc_now
from aicr_pytest.evidence.timeline import Timeline

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter

S = TypeVar("S")


class Recorder(ABC, Generic[S]):
    """Records what ``sample`` sees; each requirement says what that is.

    Args:
        title: of the timeline.
        units: of its series.
        nothing: what stands for the last sample before there is one.
    """

    def __init__(
        self, title: str, units: Mapping[str, str], nothing: S, *, clock: Clock = utc_now
    ) -> None:
        self.timeline = Timeline(title, units)
        self.last = nothing
        """The newest sample."""
        self._clock = clock

    @abstractmethod
    def sample(self) -> S:
        """Take one sample and note it."""

    def note(self, **values: float | None) -> None:
        """Note values of some series, as they are now."""
        self.timeline.sample(self._clock(), **values)

    def mark(self, text: str) -> None:
        """Mark something that happened, e.g. an action of ours."""
        self.timeline.mark(self._clock(), text)

    def until(
        self,
        waiter: "Waiter",
        what: str,
        reached: Callable[[S], bool],
        timeout: float,
        *,
        describe: Callable[[S], str] = str,
        tolerate: tuple[type[Exception], ...] = (),
    ) -> tuple[S, str]:
        """Take samples until one of them shows what is awaited.

        Args:
            tolerate: errors of ``sample`` that mean "not yet".

        Returns:
            The last sample, which decides, and why it does not show it; empty where it does.
        """

        def look() -> S:
            self.last = self.sample()
            return self.last

        try:
            waiter.poll(
                what, look, until=reached, describe=describe, timeout=timeout, tolerate=tolerate
            )
        except WaitTimeout as error:
            return self.last, str(error)
        return self.last, ""
