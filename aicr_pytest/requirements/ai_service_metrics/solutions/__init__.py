"""The ways in which a workload is made known to the platform's monitoring system."""

from typing import TYPE_CHECKING

from aicr_pytest.requirements.ai_service_metrics.solutions.annotations import Annotations
from aicr_pytest.requirements.ai_service_metrics.solutions.gke import PodMonitoring
from aicr_pytest.requirements.ai_service_metrics.solutions.prometheus_operator import Monitors

if TYPE_CHECKING:
    from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Collector
    from aicr_pytest.settings import Settings


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
