"""Inference traffic through the Gateway API: split by weight, routed by header, streamed."""

from typing import Any

import pytest

from aicr_pytest.checks import Gateways, GatewayTrial, Platform, Solutions, Steps

pytestmark = pytest.mark.requirement("ai_inference")

one_gateway = Steps[GatewayTrial]("gateways")
"""What one gateway has to pass, in this order."""


@pytest.fixture(scope="module")
def gateways(aicr_solution: Solutions[Any], aicr_platform: Platform) -> Gateways:
    """The platform's gateways, with two backends of ours behind them; one has to pass it all."""
    return Gateways(aicr_solution, aicr_platform, one_gateway)


@pytest.mark.aicr_check(
    basis="text", creates="2 backends, a client and an HTTPRoute; a Gateway if none fits", seconds=6
)
@one_gateway.passes
def test_gateway_is_programmed_and_its_address_answers(gateway: GatewayTrial) -> None:
    """A Gateway of the platform's class is Programmed, and its address leads to a backend."""
    answered = gateway.reach()

    told = f"a request is answered by {answered}"
    assert (answered.status, answered.backend) == (200, "first"), told


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
@one_gateway.passes
def test_requests_are_split_by_weight(gateway: GatewayTrial) -> None:
    """Of 1,000 requests 80 % reach one backend and 20 % the other, each within 5 points."""
    split = gateway.split()

    assert split.percent == pytest.approx({"first": 80, "second": 20}, abs=5), split.because()
    assert split.unanswered <= 1, split.because()


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
@one_gateway.passes
def test_changed_weights_take_effect(gateway: GatewayTrial) -> None:
    """After the weights of a route are changed, requests are split by the new ones: 30 to 70 %."""
    split = gateway.split_by_new_weights()

    assert split.percent == pytest.approx({"first": 30, "second": 70}, abs=5), split.because()
    assert split.unanswered <= 1, split.because()


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with a header match", seconds=2)
@one_gateway.passes
def test_requests_are_routed_by_a_model_header(gateway: GatewayTrial) -> None:
    """A request whose header names a model reaches its backend, any other the default one."""
    routed = gateway.by_header()

    assert routed.reached == {
        "x-gateway-model-name: second-model": {"second"},
        "x-gateway-model-name: another-model": {"first"},
        "no header": {"first"},
    }, routed.because()
    assert routed.unanswered <= 1, routed.because()


@pytest.mark.aicr_check(basis="hardening", creates="an HTTPRoute without a backend", seconds=2)
def test_route_to_a_missing_backend_is_reported_and_answers_no_200(gateways: Gateways) -> None:
    """A route to a Service that does not exist says so, and no request to it is answered 200."""
    missing = gateways.in_use.missing_backend()

    assert 200 not in missing.statuses, missing.because()


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=5)
def test_streamed_answer_arrives_event_by_event(gateways: Gateways) -> None:
    """Server-sent events arrive one by one, as they were sent."""
    stream = gateways.in_use.stream()

    assert (stream.opening, stream.events) == ("status 200", 8), stream.because()
    assert stream.pieces > 4, stream.because()  # two may be read at once
    assert stream.seconds >= 0.5 * 7 * 0.25, stream.because()  # half of the pauses between them


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=2)
def test_body_of_some_megabytes_passes(gateways: Gateways) -> None:
    """A body of 4 MiB passes unchanged, to the backend and back."""
    bodies = gateways.in_use.bodies()

    assert (bodies.there.status, bodies.there.same) == (200, True), bodies.because()
    assert (bodies.back.status, bodies.back.same) == (200, True), bodies.because()
