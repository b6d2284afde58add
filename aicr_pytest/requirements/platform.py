"""What a check is handed: the platform under test, and what it may use of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.monitoring.discovery import Monitoring
    from aicr_pytest.settings import Settings
    from aicr_pytest.workloads.reservations import Exclusive
    from aicr_pytest.workloads.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The platform as one test module sees it (fixture ``aicr_platform``)."""

    cluster: "Cluster"
    """Its API server."""
    accelerators: "Accelerators"
    """Its accelerators, and the nodes that are looked at."""
    monitoring: "Monitoring"
    """Its monitoring system."""
    workspaces: "Workspaces"
    """The module's namespaces, and what is deployed there."""
    reservations: "Exclusive"
    """Accelerators for this module alone, among all checks of ours."""
    waiter: "Waiter"
    """Waits with named deadlines."""
    settings: "Settings"
    """What the user wants."""

    @property
    def evidence(self) -> "CheckEvidence":
        """Where the observations of the check that runs go."""
        return self.workspaces.evidence
