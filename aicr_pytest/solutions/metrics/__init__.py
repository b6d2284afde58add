"""The ways in which a workload is made known to the platform's monitoring system."""

from typing import TYPE_CHECKING

from aicr_pytest.solutions.metrics.annotations import Annotations
from aicr_pytest.solutions.metrics.managed import PodMonitoring
from aicr_pytest.solutions.metrics.operator import Monitors

if TYPE_CHECKING:
    from aicr_pytest.settings import Settings
    from aicr_pytest.solutions.metrics.collector import Collector


def solutions_for(settings: "Settings | None") -> "tuple[Collector, ...]":
    """Every way, in the order in which they are tried, with what the user names."""
    return (
        Monitors(name="service-monitor", kind="ServiceMonitor", settings=settings),
        Monitors(name="pod-monitor", kind="PodMonitor", settings=settings),
        Annotations(settings=settings),
        PodMonitoring(),
    )


SOLUTIONS = solutions_for(None)
"""The same where the user has named nothing."""
