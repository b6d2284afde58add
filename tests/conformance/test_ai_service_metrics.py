"""Metrics of AI services: a new workload is found, and what it counts is what was sent to it."""

import pytest

from aicr_pytest.checks import Platform, ServiceChecks, service_checks

pytestmark = pytest.mark.requirement("ai_service_metrics")


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, aicr_platform: Platform) -> ServiceChecks:
    """A service that nobody knew before, made known by the platform's way; or the user's own."""
    return service_checks(aicr_platform, solutions=lambda: request.getfixturevalue("aicr_solution"))


@pytest.mark.aicr_check(basis="text", creates="a pod, a Service and a monitor", seconds=12)
def test_workload_that_nobody_knew_is_discovered_and_collected(service: ServiceChecks) -> None:
    """A new workload's metrics are in the monitoring system, by one of the platform's ways."""
    assert service.uncollected() == []


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=6)
def test_every_request_is_counted_once(service: ServiceChecks) -> None:
    """After exactly N requests each series of the request counter has gained N."""
    assert service.miscounted() == []


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=1)
def test_latency_histogram_has_an_observation_per_request(service: ServiceChecks) -> None:
    """The latency histogram has N observations, in buckets."""
    assert service.misobserved() == []


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=1)
def test_queue_depth_is_shown_while_requests_wait(service: ServiceChecks) -> None:
    """The queue gauge shows the requests that wait, and none once they are answered."""
    assert service.misqueued() == []


@pytest.mark.aicr_check(basis="hardening", creates="a pod, a Service and a monitor", seconds=4)
def test_target_goes_with_its_workload(service: ServiceChecks) -> None:
    """Once the workload is deleted the monitoring system has no target of it any more."""
    assert service.lingering() == []
