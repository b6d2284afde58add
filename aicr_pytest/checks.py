"""What a check is written with: the types that the fixtures give, and the errors that it may raise.

The suite itself uses nothing else of this package.
"""

from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.leases import Window
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import DoesNotApply, Inconclusive, SolutionAbsent
from aicr_pytest.evidence.check import CheckEvidence
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial
from aicr_pytest.requirements.accelerator_metrics.trial import Metrics
from aicr_pytest.requirements.ai_inference.trial import Gateways, GatewayTrial
from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Collector
from aicr_pytest.requirements.ai_service_metrics.trial import Services, ServiceTrial, services
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import Autoscaler
from aicr_pytest.requirements.cluster_autoscaling.trial import ScalingTrial, scaling_trials
from aicr_pytest.requirements.dra_support.api_objects import dra_api, exercise
from aicr_pytest.requirements.dra_support.device_selectors import (
    choosing,
    chosen_device,
    nobodys_device,
)
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import GangScheduler
from aicr_pytest.requirements.gang_scheduling.trial import GangTrial, gang_trials
from aicr_pytest.requirements.platform import Platform
from aicr_pytest.requirements.pod_autoscaling.observed import Replicas
from aicr_pytest.requirements.pod_autoscaling.trial import AutoscalingTrial
from aicr_pytest.requirements.robust_controller.operators import Operators
from aicr_pytest.requirements.robust_controller.trial import Trial as OperatorTrial
from aicr_pytest.requirements.secure_accelerator_access.admin_access import offer_claim
from aicr_pytest.requirements.solutions import Candidate, Found, Solution, Solutions
from aicr_pytest.requirements.steps import Steps
from aicr_pytest.requirements.trials import Trials
from aicr_pytest.settings import Settings
from aicr_pytest.workloads.actors import Actors
from aicr_pytest.workloads.pods_per_node import PodsPerNode
from aicr_pytest.workloads.reservations import Exclusive
from aicr_pytest.workloads.workspaces import Workspaces

Collectors = Solutions[Collector]
"""The installed ways to collect a workload's metrics."""

__all__ = [
    "AcceleratorNode",
    "Accelerators",
    "Actors",
    "Autoscaler",
    "AutoscalingTrial",
    "Candidate",
    "CheckEvidence",
    "Cluster",
    "Collectors",
    "Device",
    "DoesNotApply",
    "Exclusive",
    "Found",
    "GangScheduler",
    "GangTrial",
    "GatewayTrial",
    "Gateways",
    "Inconclusive",
    "LoadTrial",
    "Metrics",
    "OperatorTrial",
    "Operators",
    "Platform",
    "PodsPerNode",
    "Profile",
    "Replicas",
    "ScalingTrial",
    "ServiceTrial",
    "Services",
    "Settings",
    "Solution",
    "SolutionAbsent",
    "Solutions",
    "Steps",
    "Trials",
    "Waiter",
    "Window",
    "Workspaces",
    "choosing",
    "chosen_device",
    "dra_api",
    "exercise",
    "gang_trials",
    "nobodys_device",
    "offer_claim",
    "scaling_trials",
    "services",
]
