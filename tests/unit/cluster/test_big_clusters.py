"""What is asked of a cluster does not grow with what else is on it."""

from typing import Any

import pytest

from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import POD
from tests.unit.accelerators.objects import node
from tests.unit.cluster.fake_api import FakeApi

ROOMY = {"cpu": "8", "memory": "32Gi", "pods": "110", "nvidia.com/gpu": "8"}


def put_pod(fake: FakeApi, name: str, gpus: int, **where: str) -> None:
    """A pod that takes accelerators: of ``nodeName``, or promised of ``nominatedNodeName``."""
    container = {
        "name": "main",
        "image": "registry.example/app:1",
        "env": [{"name": "LONG", "value": "x" * 1000}],
        "resources": {"limits": {"nvidia.com/gpu": str(gpus)}},
    }
    promised = {key: value for key, value in where.items() if key != "nodeName"}
    pod: dict[str, Any] = {
        "metadata": {"name": name, "labels": {"app": "x"}, "annotations": {"long": "x" * 1000}},
        "spec": {"containers": [container]},
        "status": {"phase": "Pending" if promised else "Running", **promised},
    }
    if "nodeName" in where:
        pod["spec"]["nodeName"] = where["nodeName"]
    fake.put("/api/v1/namespaces/prod/pods", pod)


@pytest.fixture
def many(cluster: Cluster, fake: FakeApi) -> Accelerators:
    for number in range(30):
        fake.put("/api/v1/nodes", node(f"n{number:02}", allocatable=ROOMY))
        put_pod(fake, f"on-{number:02}", 1, nodeName=f"n{number:02}")
    put_pod(fake, "promised", 4, nominatedNodeName="n00")
    return Accelerators(cluster)


def test_nodes_are_asked_again_alone_and_what_is_promised_of_them_counts(
    many: Accelerators, fake: FakeApi
) -> None:
    stock = {found.name: found for found in many.stock}
    assert (stock["n00"].free, stock["n01"].free) == (3, 7)
    put_pod(fake, "newcomer", 2, nodeName="n00")
    fake.requests.clear()

    now = {found.name: found.free for found in many.now([stock["n00"], stock["n01"]])}

    assert now == {"n00": 1, "n01": 7}
    assert fake.asked("GET", "/nodes") == ["/api/v1/nodes/n00", "/api/v1/nodes/n01"]
    pods = fake.asked("GET", "/pods")
    assert len(pods) == 3
    assert all("fieldSelector=spec.nodeName" in request for request in pods)
    assert {found.free for found in many.now(many.stock)} == {1, 7}, "all of many nodes at once"


def test_node_that_is_gone_is_not_among_those_of_now(many: Accelerators, fake: FakeApi) -> None:
    gone, there = many.stock[:2]
    fake.remove(f"/api/v1/nodes/{gone.name}")

    assert [found.name for found in many.now([gone, there])] == [there.name]


def test_pods_of_a_whole_cluster_are_kept_in_part_and_chosen_ones_whole(
    many: Accelerators, cluster: Cluster
) -> None:
    everywhere = {pod["metadata"]["name"]: pod for pod in cluster.list(POD)}
    (chosen,) = cluster.list(POD, fields="metadata.name=on-07")
    in_namespace = cluster.list(POD, "prod")

    assert len(everywhere) == 31
    kept = everywhere["on-07"]
    assert kept["spec"] == {
        "nodeName": "n07",
        "containers": [
            {
                "name": "main",
                "image": "registry.example/app:1",
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
            }
        ],
    }
    assert kept["metadata"] == {"name": "on-07", "namespace": "prod"}
    assert (kept["kind"], kept["apiVersion"]) == ("Pod", "v1")
    for whole in (chosen, *in_namespace):
        assert "annotations" in whole["metadata"]
        assert "env" in whole["spec"]["containers"][0]
