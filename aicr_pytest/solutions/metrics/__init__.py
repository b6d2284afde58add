"""The ways in which a workload is made known to the platform's monitoring system."""

from aicr_pytest.solutions.metrics.annotations import Annotations
from aicr_pytest.solutions.metrics.managed import PodMonitoring
from aicr_pytest.solutions.metrics.operator import Monitors

SOLUTIONS = (
    Monitors(name="service-monitor", kind="ServiceMonitor"),
    Monitors(name="pod-monitor", kind="PodMonitor"),
    Annotations(),
    PodMonitoring(),
)
"""In the order in which they are tried."""
