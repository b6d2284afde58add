"""Metrics of AI services: a new workload is found, and what it counts is what was sent to it."""

import pytest

from aicr_pytest.checks import Platform, Services, ServiceTrial, Steps, services

pytestmark = pytest.mark.requirement("ai_service_metrics")

one_way = Steps[ServiceTrial]("ways")
"""What has to be seen of the service by one of the platform's ways, in this order."""


@pytest.fixture(scope="module")
def ways(request: pytest.FixtureRequest, aicr_platform: Platform) -> Services:
    """A service that nobody knew before, made known by the platform's way; or the user's own."""
    return services(aicr_platform, lambda: request.getfixturevalue("aicr_solution"), one_way)


@pytest.mark.aicr_check(basis="text", creates="a pod, a Service and a monitor", seconds=12)
@one_way.passes
def test_workload_that_nobody_knew_is_discovered_and_collected(service: ServiceTrial) -> None:
    """A new workload's metrics are in the monitoring system, by one of the platform's ways."""
    collected = service.collected()

    assert collected.samples > 0, "no series of the service has a sample"


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=6)
@one_way.passes
def test_every_request_is_counted_once(service: ServiceTrial) -> None:
    """After exactly N requests each series of the request counter has gained N."""
    counted = service.counted()

    assert set(counted.gained.values()) == {counted.sent}, counted.because()


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=1)
@one_way.passes
def test_latency_histogram_has_an_observation_per_request(service: ServiceTrial) -> None:
    """The latency histogram has N observations, in buckets."""
    observed = service.observed()

    assert set(observed.counts.values()) == {observed.sent}, observed.because()
    assert set(observed.last_buckets.values()) == {observed.sent}, observed.because()


@pytest.mark.aicr_check(basis="plan", creates="a pod, a Service and a monitor", seconds=1)
@one_way.passes
def test_queue_depth_is_shown_while_requests_wait(service: ServiceTrial) -> None:
    """The queue gauge shows the requests that wait, and none once they are answered."""
    queue = service.queue()

    assert (queue.peak, queue.left) == (queue.held, 0), queue.because()
    assert queue.faults == (), queue.because()


@pytest.mark.aicr_check(basis="hardening", creates="a pod, a Service and a monitor", seconds=4)
def test_target_goes_with_its_workload(ways: Services) -> None:
    """Once the workload is deleted the monitoring system has no target of it any more."""
    remaining = ways.in_use.remaining()

    assert remaining.targets == (), remaining.because()
