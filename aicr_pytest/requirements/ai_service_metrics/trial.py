"""Whose requests are counted: those to our sample service, by one of the platform's ways to collect
metrics, or those to a service that the user names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aicr_pytest.requirements.ai_service_metrics.sample_service import SampleTrial
from aicr_pytest.requirements.ai_service_metrics.user_service import UserService
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Collector
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.solutions import Solutions


class ServiceChecks(Protocol):
    """What the checks ask; sentences where something is wrong, empty where nothing is."""

    def uncollected(self) -> list[str]:
        """Whether the service is found and scraped."""

    def miscounted(self) -> list[str]:
        """Whether each request is counted."""

    def misobserved(self) -> list[str]:
        """Whether each request's latency is observed."""

    def misqueued(self) -> list[str]:
        """Whether requests that wait are shown."""

    def lingering(self) -> list[str]:
        """Whether the target goes with the service."""


class SampleService:
    """The sample service by the first way that passes everything."""

    def __init__(self, solutions: "Solutions[Collector]", platform: "Platform") -> None:
        self._trials = Trials(
            solutions,
            lambda candidate: SampleTrial(candidate.solution, platform),
            (
                SampleTrial.uncollected,
                SampleTrial.miscounted,
                SampleTrial.misobserved,
                SampleTrial.misqueued,
            ),
        )

    def uncollected(self) -> list[str]:
        """Why it is found and scraped by no way."""
        return self._trials.faults(SampleTrial.uncollected)

    def miscounted(self) -> list[str]:
        """Series of the request counter that did not gain exactly as many as were sent."""
        return self._trials.faults(SampleTrial.miscounted)

    def misobserved(self) -> list[str]:
        """Faults of the latency histogram."""
        return self._trials.faults(SampleTrial.misobserved)

    def misqueued(self) -> list[str]:
        """Where the queue gauge did not show the requests that waited."""
        return self._trials.faults(SampleTrial.misqueued)

    def lingering(self) -> list[str]:
        """Targets that stay after the service is gone; a finding, which throws no way out."""
        return self._trials.in_use.lingering()


def service_checks(
    platform: "Platform", solutions: "Callable[[], Solutions[Collector]]"
) -> ServiceChecks:
    """The user's service; else the sample, to be made known by the platform's way.

    Args:
        solutions: asked for only where the sample is looked at.
    """
    if named := platform.settings.service:
        return UserService(named, platform)
    return SampleService(solutions(), platform)
