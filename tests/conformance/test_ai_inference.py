"""Inference traffic through the Gateway API: split by weight, routed by header, streamed."""

from typing import Any

import pytest

from aicr_pytest.checks import Gateways, GatewayTrial, Platform, Solutions

pytestmark = pytest.mark.requirement("ai_inference")


@pytest.fixture(scope="module")
def gateways(aicr_solution: Solutions[Any], aicr_platform: Platform) -> Gateways:
    """The platform's gateways, with two backends of ours behind them; one has to pass it all."""
    return Gateways(aicr_solution, aicr_platform)


@pytest.mark.aicr_check(
    basis="text", creates="2 backends, a client and an HTTPRoute; a Gateway if none fits", seconds=6
)
def test_gateway_is_programmed_and_its_address_answers(gateways: Gateways) -> None:
    """A Gateway of the platform's class is Programmed, and its address leads to a backend."""
    assert gateways.faults(GatewayTrial.reach) == []


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
def test_requests_are_split_by_weight(gateways: Gateways) -> None:
    """Of 1,000 requests 80 % reach one backend and 20 % the other, each within 5 points."""
    assert gateways.faults(GatewayTrial.split) == []


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
def test_changed_weights_take_effect(gateways: Gateways) -> None:
    """After the weights of a route are changed, requests are split by the new ones: 30 to 70 %."""
    assert gateways.faults(GatewayTrial.changed) == []


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with a header match", seconds=2)
def test_requests_are_routed_by_a_model_header(gateways: Gateways) -> None:
    """A request whose header names a model reaches its backend, any other the default one."""
    assert gateways.faults(GatewayTrial.by_header) == []


@pytest.mark.aicr_check(basis="hardening", creates="an HTTPRoute without a backend", seconds=2)
def test_route_to_a_missing_backend_is_reported_and_answers_no_200(gateways: Gateways) -> None:
    """A route to a Service that does not exist says so, and no request to it is answered 200."""
    assert gateways.finding(GatewayTrial.missing_backend) == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=5)
def test_streamed_answer_arrives_event_by_event(gateways: Gateways) -> None:
    """Server-sent events arrive one by one, as they were sent."""
    assert gateways.finding(GatewayTrial.stream) == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=2)
def test_body_of_some_megabytes_passes(gateways: Gateways) -> None:
    """A body of 4 MiB passes unchanged, to the backend and back."""
    assert gateways.finding(GatewayTrial.bodies) == []
