"""What a check is written with: the types that the fixtures give, and the errors that it may raise.

The suite itself uses nothing else of this package.
"""

from aicr_pytest.accelerators.finder import Accelerators
from aicr_pytest.accelerators.fleet import Fleet
from aicr_pytest.accelerators.inventory import AcceleratorNode, Device
from aicr_pytest.accelerators.loading import LoadStory
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.selection import choosing, chosen_device, nobodys_device
from aicr_pytest.autoscaling import AutoscalingTrial
from aicr_pytest.cast import Cast
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import DoesNotApply, Inconclusive, SolutionAbsent
from aicr_pytest.evidence.check import CheckEvidence
from aicr_pytest.exclusive import Exclusive
from aicr_pytest.metrics import Metrics
from aicr_pytest.service_metrics import ServiceChecks
from aicr_pytest.settings import Settings
from aicr_pytest.solutions.autoscaler.autoscaler import Autoscaler
from aicr_pytest.solutions.autoscaler.trial import Ground as ScalingGround
from aicr_pytest.solutions.autoscaler.trial import ScalingTrial, scaling_trials
from aicr_pytest.solutions.frame import Candidate, Found, Solution, Solutions
from aicr_pytest.solutions.gang.gang import GangScheduler
from aicr_pytest.solutions.gang.stage import Stage as GangStage
from aicr_pytest.solutions.gang.trial import GangTrial, gang_trials
from aicr_pytest.solutions.gateway.trial import Gateways, GatewayTrial
from aicr_pytest.solutions.metrics.collector import Collector
from aicr_pytest.solutions.operator.operators import Operators
from aicr_pytest.solutions.operator.trial import Trial as OperatorTrial
from aicr_pytest.solutions.trials import Trials
from aicr_pytest.workspaces import Workspaces

Collectors = Solutions[Collector]
"""The installed ways to collect a workload's metrics."""

__all__ = [
    "AcceleratorNode",
    "Accelerators",
    "Autoscaler",
    "AutoscalingTrial",
    "Candidate",
    "Cast",
    "CheckEvidence",
    "Cluster",
    "Collectors",
    "Device",
    "DoesNotApply",
    "Exclusive",
    "Fleet",
    "Found",
    "GangScheduler",
    "GangStage",
    "GangTrial",
    "GatewayTrial",
    "Gateways",
    "Inconclusive",
    "LoadStory",
    "Metrics",
    "OperatorTrial",
    "Operators",
    "Profile",
    "ScalingGround",
    "ScalingTrial",
    "ServiceChecks",
    "Settings",
    "Solution",
    "SolutionAbsent",
    "Solutions",
    "Trials",
    "Waiter",
    "Workspaces",
    "choosing",
    "chosen_device",
    "gang_trials",
    "nobodys_device",
    "scaling_trials",
]
