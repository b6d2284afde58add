"""Sitting out an API server that gives no answer while something is taken down.

A check gives up after seconds, for nothing is lost by that. A teardown that gives up leaves pods
with accelerators behind, so it waits through a rollout of the control plane or a lost connection.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aicr_pytest.errors import ApiUnreachable, WaitTimeout

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter

PATIENCE = 90.0
"""Seconds that an API server may be silent; counted once, however much has to be taken down."""


class Outage:
    """What a run knows of an API server's silence; used from several threads.

    Args:
        hurried: set once nothing shall be sat out any more.
    """

    def __init__(self, hurried: threading.Event) -> None:
        self._hurried = hurried
        self._since: float | None = None

    def sit_out(self, what: str, action: Callable[[], None], waiter: "Waiter") -> None:
        """Do it, and again for as long as no answer comes; it has to bear repetition.

        Raises:
            ApiUnreachable: no answer in time, or no time is left.
            Exception: whatever else the action raises.
        """
        last: ApiUnreachable | None = None

        def attempt() -> bool:
            nonlocal last
            try:
                action()
            except ApiUnreachable as error:
                self._since = self._since or time.monotonic()
                last = error
                if self._hurried.is_set():
                    return True
                raise
            last, self._since = None, None
            return True

        try:
            attempt()
        except ApiUnreachable:
            self._wait(what, attempt, waiter)
        if last is not None:
            raise last

    def _wait(self, what: str, attempt: Callable[[], bool], waiter: "Waiter") -> None:
        silent = time.monotonic() - self._since if self._since else 0.0
        if silent >= PATIENCE:
            return
        # Whoever called raises what came last.
        with contextlib.suppress(WaitTimeout):
            waiter.poll(
                f"{what}: the API server answers again",
                attempt,
                until=bool,
                describe=lambda _: "it answers",
                every=2.0,
                timeout=PATIENCE - silent,
                tolerate=(ApiUnreachable,),
            )
