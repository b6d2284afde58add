"""The pods behind a service that the user names, by its EndpointSlices."""

import re
from typing import Any

import pytest

from aicr_pytest.requirements.ai_service_metrics.user_service import Backend, at_address, backends


def endpoint(pod: str, *, ready: bool | None = True) -> dict[str, Any]:
    return {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": ready},
        "targetRef": {"kind": "Pod", "name": pod},
    }


def test_ready_pods_with_the_number_of_the_port_that_was_chosen() -> None:
    slices: list[dict[str, Any]] = [
        {
            "ports": [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}],
            "endpoints": [
                endpoint("b"),
                endpoint("not-ready", ready=False),
                endpoint("a", ready=None),
                {"addresses": ["10.0.0.9"]},
            ],
        },
        {"ports": None, "endpoints": None},
    ]

    assert backends(slices, "http") == [
        Backend(pod="a", port=8080, address="10.0.0.1"),
        Backend(pod="b", port=8080, address="10.0.0.1"),
    ]


def test_port_without_a_name() -> None:
    slices = [{"ports": [{"port": 80}], "endpoints": [endpoint("a")]}]

    assert [one.port for one in backends(slices, "")] == [80]


@pytest.mark.parametrize(
    ("address", "instance"),
    [("10.0.0.1", "10.0.0.1:8000"), ("fd00::1", "[fd00::1]:8000"), ("fd00::1", "[fd00::1]")],
)
def test_series_of_an_address_are_told_by_their_instance(address: str, instance: str) -> None:
    pattern = at_address(address).removeprefix('instance=~"').removesuffix('"').replace(r"\\", "\\")

    assert re.fullmatch(pattern, instance)
    assert not re.fullmatch(pattern, instance.replace("1", "2"))
    assert not re.fullmatch(pattern, instance.replace(".", "x").replace("[", ""))
