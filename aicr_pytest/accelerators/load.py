"""The switch of a pod that loads its accelerator, and the vendor's own tool as witness."""

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.errors import ProbeFailed, WaitTimeout

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod
    from aicr_pytest.cluster.waiting import Waiter

IDLE, BUSY = 0.1, 0.5
"""Shares of full load: at most the first is idle, at least the second is busy."""


def listed_loads(profile: Profile, lines: Sequence[str]) -> dict[str, float]:
    """Device → utilization as a share, as the vendor's tool prints both per line."""
    told = (re.fullmatch(profile.load_line, line) for line in lines)
    return {one["device"]: float(one["percent"]) / 100 for one in told if one}


SWITCH = "/load/on"
"""While this file is there, the pod of ``load`` manifests keeps its accelerator busy."""


class Load:
    """The switch of a pod made from a ``load`` manifest, and the vendor's tool as witness.

    Args:
        container: whose accelerator is looked at; containers of one pod have one switch.
    """

    def __init__(self, pod: "AcceleratorPod", waiter: "Waiter", container: str = "") -> None:
        self._pod = pod
        self._waiter = waiter
        self._container = container

    def on(self) -> None:
        """Switch it on and wait until the vendor's own tool sees the accelerator busy.

        Raises:
            ProbeFailed: it does not become busy, so that no metric can be expected to move.
        """
        self._switch(["touch", SWITCH], lambda load: load >= BUSY, state="busy")

    def off(self) -> None:
        """Switch it off and wait until the vendor's own tool sees the accelerator idle."""
        self._switch(["rm", "-f", SWITCH], lambda load: load <= IDLE, state="idle")

    def lasting(self) -> float:
        """What the vendor's tool shows while it is switched on.

        Raises:
            ProbeFailed: it has ended by itself; what has not followed it need not have.
        """
        shown = self.seen()
        if shown < BUSY:
            raise ProbeFailed(
                f"{self._pod}: its load has ended by itself ({shown:.0%} by "
                f"{self._pod.on.profile.tool}), so that no metric can be expected to follow."
            )
        return shown

    def let_go(self) -> None:
        """Switch it off; nothing is waited for."""
        self._pod.pod.run("rm", "-f", SWITCH, container=self._container)

    def seen(self) -> float:
        """The share of full load that the vendor's tool shows in the pod: the highest it lists."""
        profile = self._pod.on.profile
        tool = self._pod.view(self._container).tool or profile.tool
        ran = self._pod.pod.run(tool, *profile.load_arguments, container=self._container)
        loads = listed_loads(profile, ran.stdout.splitlines())
        if ran.exit_code not in (0, *profile.warning_exits) or not loads:
            said = (ran.stdout + ran.stderr).strip()[-200:]
            raise ProbeFailed(f"{self._pod}: {tool} cannot tell the utilization: {said}")
        return max(loads.values())

    def _switch(
        self, command: Sequence[str], reached: Callable[[float], bool], *, state: str
    ) -> None:
        ran = self._pod.pod.run(*command, container=self._container)
        if ran.exit_code:
            raise ProbeFailed(f"{self._pod}: the load cannot be switched: {ran.stderr.strip()}")
        try:
            self._waiter.poll(
                f"{self._pod}: {state} by {self._pod.on.profile.tool}",
                self.seen,
                until=reached,
                describe=lambda load: f"{load:.0%}",
                timeout=self._waiter.deadlines.workload_loads,
            )
        except WaitTimeout as error:
            log = self._pod.pod.logs(container=self._container, tail=5).strip()[-1000:]
            raise ProbeFailed(
                f"The workload does not make its accelerator {state}, so that no metric can be "
                f"expected to follow: {error}\n  The end of its log: {log or 'empty'}"
            ) from error


def since(started: float) -> str:
    """Seconds since then, by the monotonic clock, as evidence has them."""
    return f"{time.monotonic() - started:.1f}"
