"""Whether a node has room for a few pods of ours."""

from typing import Any

import pytest

from aicr_pytest.accelerators.room import has_room
from aicr_pytest.cluster import quantities


def node(**allocatable: str) -> Any:
    return {"metadata": {"name": "n0"}, "status": {"allocatable": allocatable}}


def pod(*requests: dict[str, str], on: str = "n0", phase: str = "Running") -> Any:
    containers = [{"name": "c", "resources": {"requests": one}} for one in requests]
    spec = {"nodeName": on, "containers": containers}
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("allocatable", "has"),
    [
        ({"cpu": "200m"}, True),
        ({"cpu": "199m"}, False),
        ({"memory": "512Mi"}, True),
        ({"memory": "511Mi"}, False),
        ({"pods": "4"}, True),
        ({"pods": "3"}, False),
        ({"memory": "1Gi", "pods": "3"}, False),
        ({}, True),
    ],
)
def test_room_is_what_a_few_pods_of_ours_request(allocatable: dict[str, str], has: bool) -> None:
    assert has_room(node(**allocatable), []) is has


@pytest.mark.parametrize(
    ("filler", "has"),
    [
        (pod({"cpu": "300m"}, {"cpu": "300m"}), True),
        (pod({"cpu": "400m"}, {"cpu": "401m"}), False),
        (pod({"cpu": "1"}, on="n1"), True),
        (pod({"cpu": "1"}, phase="Succeeded"), True),
        (pod({"cpu": "1"}, phase="Failed"), True),
        (pod({"cpu": "1"}, phase="Pending"), False),
        (pod({"memory": "1Ti"}), True),
        (pod({"cpu": "many"}), True),
        ({"spec": {"nodeName": "n0", "containers": [{"name": "c"}]}}, True),
        ({"spec": {"nodeName": "n0"}}, True),
        ({"spec": {}}, True),
    ],
)
def test_room_is_what_those_that_run_there_leave(filler: Any, has: bool) -> None:
    assert has_room(node(cpu="1"), [filler]) is has


def test_every_pod_that_runs_there_takes_a_slot() -> None:
    assert has_room(node(pods="6"), [pod(), pod()])
    assert not has_room(node(pods="6"), [pod(), pod(), {"spec": {"nodeName": "n0"}}])
    assert has_room({"metadata": {"name": "n0"}}, [pod()]), "nothing is told"


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("2", 2),
        ("100m", 0.1),
        ("1.5Ki", 1536),
        ("2k", 2000),
        ("1e3", 1000),
        ("", None),
        ("x", None),
    ],
)
def test_quantity_is_a_number(quantity: str, number: float | None) -> None:
    assert quantities.number(quantity) == number
