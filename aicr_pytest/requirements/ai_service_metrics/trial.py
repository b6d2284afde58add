"""Whose requests are counted: those to our sample service, by one of the platform's ways to collect
metrics, or those to a service that the user names."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from aicr_pytest.requirements.ai_service_metrics.sample_service import SampleTrial
from aicr_pytest.requirements.ai_service_metrics.user_service import UserService
from aicr_pytest.requirements.steps import Claim
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.ai_service_metrics.observed import (
        Collected,
        Counted,
        Observed,
        Queue,
        Remaining,
    )
    from aicr_pytest.requirements.ai_service_metrics.solutions.collector import Collector
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.solutions import Solutions


class ServiceTrial(Protocol):
    """A service that gets requests, and what the monitoring system shows of it."""

    def collected(self) -> "Collected":
        """The service as it was found and scraped."""

    def counted(self) -> "Counted":
        """What the request counter gained."""

    def observed(self) -> "Observed":
        """What the latency histogram gained."""

    def queue(self) -> "Queue":
        """What the queue gauge showed."""

    def remaining(self) -> "Remaining":
        """The targets that stay after the service is gone."""


class Services(Protocol):
    """The services of which one has to pass everything."""

    @property
    def in_use(self) -> ServiceTrial:
        """The one that has passed so far."""

    def prove(self, claim: Claim[ServiceTrial]) -> None:
        """Return once one of them has met a claim, and all before it."""


class UsersService:
    """The one service that the user names."""

    def __init__(self, service: ServiceTrial) -> None:
        self.in_use = service
        """The service."""

    def prove(self, claim: Claim[ServiceTrial]) -> None:
        """Hold a claim against it."""
        __tracebackhide__ = True
        claim(self.in_use)


def services(
    platform: "Platform",
    solutions: "Callable[[], Solutions[Collector]]",
    steps: Iterable[Claim[ServiceTrial]],
) -> Services:
    """The user's service; else the sample, by the first of the platform's ways that passes.

    Args:
        solutions: asked for only where the sample is looked at.
    """
    if named := platform.settings.service:
        return UsersService(UserService(named, platform))
    return Trials(
        solutions(), lambda candidate: SampleTrial(candidate.solution, platform), tuple(steps)
    )
