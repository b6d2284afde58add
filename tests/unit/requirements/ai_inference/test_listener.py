"""Which listeners take routes of ours, and what is said of those that do not."""

from typing import Any

import pytest

from aicr_pytest.cluster.label_selectors import selects
from aicr_pytest.requirements.ai_inference.listener import (
    Listener,
    address,
    denials,
    listeners,
    route_line,
)

OURS: dict[str, Any] = {"metadata": {"name": "aicr-x", "labels": {"team": "ai"}}}


def gateway(**listener: Any) -> dict[str, Any]:
    """A Gateway with one listener."""
    whole = {"name": "http", "protocol": "HTTP", "port": 80, **listener}
    return {
        "metadata": {"name": "edge", "namespace": "infra"},
        "spec": {"gatewayClassName": "contour", "listeners": [whole]},
    }


def from_(source: str, **more: Any) -> dict[str, Any]:
    """Which namespaces a listener takes routes of."""
    return {"namespaces": {"from": source, **more}}


def test_listener_for_all_namespaces_is_an_entrance() -> None:
    assert listeners(gateway(allowedRoutes=from_("All")), OURS) == [
        Listener(
            namespace="infra",
            gateway="edge",
            gateway_class="contour",
            listener="http",
            port=80,
            host="aicr-x.test",
        )
    ]


@pytest.mark.parametrize(
    ("listener", "why"),
    [
        ({}, "it takes routes of its own namespace only"),
        ({"allowedRoutes": from_("Same")}, "it takes routes of its own namespace only"),
        ({"protocol": "TCP", "allowedRoutes": from_("All")}, "its protocol is TCP"),
        (
            {
                "protocol": "HTTPS",
                "tls": {"frontendValidation": {}},
                "allowedRoutes": from_("All"),
            },
            "it wants certificates of its clients",
        ),
        (
            {"allowedRoutes": {**from_("All"), "kinds": [{"kind": "TLSRoute"}]}},
            "it takes no HTTPRoute",
        ),
        (
            {"allowedRoutes": from_("Selector", selector={"matchLabels": {"team": "web"}})},
            "its selector does not choose our namespace",
        ),
    ],
)
def test_listener_that_takes_no_routes_of_ours_says_why(listener: Any, why: str) -> None:
    assert listeners(gateway(**listener), OURS) == []
    assert denials([gateway(**listener)], OURS) == [f"infra/edge, listener http: {why}"]


def test_listener_with_tls_is_an_entrance_after_those_without() -> None:
    both = gateway(name="secure", protocol="HTTPS", port=443, allowedRoutes=from_("All"))
    both["spec"]["listeners"].append({**both["spec"]["listeners"][0], "protocol": "HTTP"})

    assert [found.tls for found in listeners(both, OURS)] == [False, True]
    (secure,) = listeners(gateway(protocol="HTTPS", allowedRoutes=from_("All")), OURS)
    assert "TLS, certificate not verified" in str(secure)


def test_selector_that_chooses_our_namespace_is_an_entrance() -> None:
    chosen = from_("Selector", selector={"matchLabels": {"team": "ai"}})

    assert len(listeners(gateway(allowedRoutes=chosen), OURS)) == 1


@pytest.mark.parametrize(
    ("pattern", "host"),
    [("", "aicr-x.test"), ("*.example.com", "aicr-x.example.com"), ("ai.example.com",) * 2],
)
def test_host_fits_the_listener_and_is_nobody_elses_where_it_may(pattern: str, host: str) -> None:
    (found,) = listeners(gateway(hostname=pattern, allowedRoutes=from_("All")), OURS)

    assert found.host == host


def test_address_may_be_a_host_name_and_may_be_missing() -> None:
    assert address({}) == ""
    assert (
        address({"status": {"addresses": [{"type": "Hostname", "value": "lb.test"}]}}) == "lb.test"
    )


def test_route_line_tells_stale_conditions_from_present_ones() -> None:
    (listener,) = listeners(gateway(allowedRoutes=from_("All")), OURS)
    said = [{"type": "Accepted", "status": "True", "observedGeneration": 1}]
    route = {
        "metadata": {"name": "route", "namespace": "aicr-x", "generation": 2},
        "status": {
            "parents": [
                {"parentRef": {"name": "edge", "namespace": "infra"}, "conditions": said},
                {"parentRef": {"name": "other", "namespace": "infra"}, "conditions": []},
            ]
        },
    }

    assert route_line(route, listener) == (
        "HTTPRoute aicr-x/route: Accepted=True for generation 1 of 2"
    )
    route["status"] = {}
    assert route_line(route, listener) == "HTTPRoute aicr-x/route: no condition"


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        ({"key": "team", "operator": "In", "values": ["ai"]}, True),
        ({"key": "team", "operator": "NotIn", "values": ["ai"]}, False),
        ({"key": "team", "operator": "Exists"}, True),
        ({"key": "zone", "operator": "DoesNotExist"}, True),
    ],
)
def test_selector_expressions_are_those_of_kubernetes(rule: dict[str, Any], chosen: bool) -> None:
    assert selects({"matchExpressions": [rule]}, {"team": "ai"}) is chosen
