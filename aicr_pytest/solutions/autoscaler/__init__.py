"""Autoscalers, in the order in which they are tried."""

from aicr_pytest.solutions.autoscaler.autoscaler import Autoscaler
from aicr_pytest.solutions.autoscaler.cluster_autoscaler import ClusterAutoscaler
from aicr_pytest.solutions.autoscaler.karpenter import Karpenter

SOLUTIONS: tuple[Autoscaler, ...] = (Karpenter(), ClusterAutoscaler())
