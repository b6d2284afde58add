"""What an exporter shows of a busy accelerator and of an idle one, sample by sample."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.load import BUSY, IDLE
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.accelerator_metrics.readings import (
    Exposed,
    share,
    shown,
    why_unmatched,
)
from aicr_pytest.requirements.recorder import Recorder

if TYPE_CHECKING:
    from aicr_pytest.evidence.clock import Clock
    from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters

_UTILIZATION, _TOOL, _IDLE, _MEMORY = (
    "busy accelerator, exporter",
    "busy accelerator, vendor's tool",
    "idle accelerator, exporter",
    "memory of the busy accelerator",
)
_UNITS = {_UTILIZATION: "%", _TOOL: "%", _IDLE: "%", _MEMORY: "MiB"}


class ReadingRecorder(Recorder[float | None]):
    """Records what one node's exporter shows while one of its accelerators is loaded."""

    def __init__(
        self, *, exporters: "Exporters", node: str, identity: str, idle: str, clock: "Clock"
    ) -> None:
        super().__init__(
            f"Readings on {node} while {identity} is loaded", _UNITS, None, clock=clock
        )
        self._exporters = exporters
        self.node = node
        self.identity = identity
        self._idle = idle
        self.value: float | None = None
        """Share of full load of the busy accelerator in the last sample; None: it is not shown."""
        self.memory: float | None = None
        """Memory in use in the last sample; None where it is not shown."""
        self.memory_peak = 0.0
        """The most in use since the load began: a workload between two steps may hold none."""
        self.idle_peak = 0.0
        self.idle_seen = False
        self.samples = 0
        """How often the exporter was asked."""
        self._first: Mapping[str, float] = {}
        self._shares: Mapping[str, float] = {}

    def sample(self) -> float | None:
        """See the share of full load that is shown of the busy accelerator; None where none is."""
        profile = self._exporters.profile
        exposed = self._exporters.exposed_now(self.node)
        self.samples += 1
        self._shares = share(profile, profile.utilization, exposed)
        self._first = self._first or self._shares
        self.memory = self._memory(exposed)
        self.memory_peak = max(self.memory_peak, self.memory or 0.0)
        idle = self._shares.get(self._idle)
        self.idle_seen = self.idle_seen or idle is not None
        self.idle_peak = max(self.idle_peak, idle or 0.0)
        self.value = value = self._shares.get(self.identity)
        if why := why_unmatched(profile, self.identity, self._shares):
            raise ProbeFailed(f"{self.node}: {why}: {', '.join(sorted(self._shares))}")
        self.note(
            **{_UTILIZATION: _percent(value), _IDLE: _percent(idle), _MEMORY: self.memory},
        )
        return value

    def _memory(self, exposed: list[Exposed]) -> float | None:
        profile = self._exporters.profile
        _, samples = shown(profile, profile.memory, exposed).get(self.identity, (None, ()))
        return max((sample.value for sample in samples), default=None)

    def mark_load(self, text: str, tool: float) -> None:
        """Mark that the load was switched, and what the vendor's tool shows then."""
        self.mark(text)
        self.note(**{_TOOL: _percent(tool)})

    def shown(self) -> str:
        """What was last shown of the busy accelerator."""
        return "no value of it" if self.value is None else f"{self.value:.0%}"

    def others(self) -> str:
        """Other accelerators that became busy meanwhile, to say whose readings moved."""
        moved = [
            f"{identity} at {value:.0%}"
            for identity, value in sorted(self._shares.items())
            if identity != self.identity and value >= BUSY and self._first.get(identity, 0) <= IDLE
        ]
        return f"; instead it shows {', '.join(moved)}" if moved else ""


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)
