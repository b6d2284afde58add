"""How much of a node a pod takes, as the scheduler reckons it."""

from typing import Any

import pytest

from aicr_pytest.cluster.pod_requests import node_of, requested

GPU = "nvidia.com/gpu"


def asking(name: str, count: str, **other: str) -> dict[str, Any]:
    return {"name": name, "resources": {"limits": {GPU: count}}, **other}


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ({"containers": [asking("a", "1"), asking("b", "2")]}, 3),
        ({"containers": [asking("a", "1")], "initContainers": [asking("i", "4")]}, 4),
        ({"containers": [asking("a", "5")], "initContainers": [asking("i", "4")]}, 5),
        (
            {
                "containers": [asking("a", "1")],
                "initContainers": [asking("s", "1", restartPolicy="Always")],
            },
            2,
        ),
        (
            {
                "containers": [asking("a", "1")],
                "initContainers": [
                    asking("s", "1", restartPolicy="Always"),
                    asking("i", "3"),
                    asking("t", "1", restartPolicy="Always"),
                ],
            },
            4,
        ),
        (
            {
                "containers": [asking("a", "1")],
                "initContainers": [
                    asking("i", "3"),
                    asking("s", "1", restartPolicy="Always"),
                ],
            },
            3,
        ),
        ({"containers": [asking("a", "1")], "resources": {"requests": {GPU: "7"}}}, 7),
        ({"containers": [asking("a", "1k")], "overhead": {GPU: "2"}}, 1002),
        ({"containers": [{"name": "a", "resources": None}], "initContainers": None}, 0),
        ({"containers": [asking("a", "many")]}, 0),
    ],
)
def test_what_a_pod_asks_is_what_the_scheduler_takes_for_it(spec: Any, asked: int) -> None:
    assert requested({"spec": spec}, GPU) == asked


def test_a_request_goes_before_the_limit() -> None:
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "4"}}

    assert requested({"spec": {"containers": [{"resources": resources}]}}, "cpu") == 0.1


@pytest.mark.parametrize(
    ("spec", "status", "node"),
    [
        ({"nodeName": "n0"}, {"phase": "Running"}, "n0"),
        ({}, {"phase": "Pending", "nominatedNodeName": "n1"}, "n1"),
        ({"nodeName": "n0"}, {"phase": "Pending", "nominatedNodeName": "n1"}, "n0"),
        ({"nodeName": "n0"}, {"phase": "Succeeded"}, ""),
        ({"nodeName": "n0"}, {"phase": "Failed"}, ""),
        ({}, None, ""),
    ],
)
def test_room_is_taken_where_a_pod_runs_or_is_promised_to(
    spec: Any, status: Any, node: str
) -> None:
    assert node_of({"spec": spec, "status": status}) == node
