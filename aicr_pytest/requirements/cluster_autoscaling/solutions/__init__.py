"""Autoscalers, in the order in which they are tried."""

from typing import TYPE_CHECKING

from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import Autoscaler
from aicr_pytest.requirements.cluster_autoscaling.solutions.cluster_autoscaler import (
    ClusterAutoscaler,
)
from aicr_pytest.requirements.cluster_autoscaling.solutions.karpenter import Karpenter

if TYPE_CHECKING:
    from aicr_pytest.settings import Settings


def solutions_for(settings: "Settings | None") -> tuple[Autoscaler, ...]:
    """Every autoscaler; Cluster Autoscaler unseen, too, where the user names it."""
    pinned = settings.solutions.get("autoscaler") if settings else None
    return Karpenter(), ClusterAutoscaler(is_named=pinned == ClusterAutoscaler.name)


SOLUTIONS = solutions_for(None)
"""The same where the user has named nothing."""
