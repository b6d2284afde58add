"""Inference traffic through the Gateway API: split by weight, routed by header, streamed."""

from typing import Any

import pytest

from aicr_pytest.checks import GatewaySite, Settings, Solutions, Workspaces

pytestmark = pytest.mark.requirement("ai_inference")


@pytest.fixture(scope="module")
def site(
    aicr_solution: Solutions[Any], aicr_workspace: Workspaces, aicr_settings: Settings
) -> GatewaySite:
    """A Gateway of the platform with two backends of ours behind it."""
    return GatewaySite(aicr_solution, aicr_workspace, aicr_settings)


@pytest.mark.aicr_check(
    basis="text", creates="2 backends, a client and an HTTPRoute; a Gateway if none fits", seconds=6
)
def test_gateway_is_programmed_and_its_address_answers(site: GatewaySite) -> None:
    """A Gateway of the platform's class is Programmed, and its address leads to a backend."""
    answer = site.first_answer()

    assert (answer.status, answer.backend) == (200, "first")


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
def test_requests_are_split_by_weight(site: GatewaySite) -> None:
    """Of 1,000 requests 80 % reach one backend and 20 % the other, each within 5 points."""
    assert site.split_faults(first=80, second=20) == []


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with weights", seconds=3)
def test_changed_weights_take_effect(site: GatewaySite) -> None:
    """After the weights of a route are changed, requests are split by the new ones."""
    assert site.split_faults(first=30, second=70) == []


@pytest.mark.aicr_check(basis="text", creates="an HTTPRoute with a header match", seconds=2)
def test_requests_are_routed_by_a_model_header(site: GatewaySite) -> None:
    """A request whose header names a model reaches its backend, any other the default one."""
    assert site.header_faults() == []


@pytest.mark.aicr_check(basis="hardening", creates="an HTTPRoute without a backend", seconds=2)
def test_route_to_a_missing_backend_is_reported_and_answers_no_200(site: GatewaySite) -> None:
    """A route to a Service that does not exist says so, and no request to it is answered 200."""
    assert site.missing_backend_faults() == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=5)
def test_streamed_answer_arrives_event_by_event(site: GatewaySite) -> None:
    """Server-sent events arrive one by one, as they were sent."""
    assert site.stream_faults() == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=2)
def test_body_of_some_megabytes_passes(site: GatewaySite) -> None:
    """A body of 4 MiB passes unchanged, to the backend and back."""
    assert site.body_faults() == []
