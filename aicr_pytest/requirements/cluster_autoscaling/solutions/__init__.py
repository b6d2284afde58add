"""Autoscalers, in the order in which they are tried."""

from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import Autoscaler
from aicr_pytest.requirements.cluster_autoscaling.solutions.cluster_autoscaler import (
    ClusterAutoscaler,
)
from aicr_pytest.requirements.cluster_autoscaling.solutions.karpenter import Karpenter

SOLUTIONS: tuple[Autoscaler, ...] = (Karpenter(), ClusterAutoscaler())
