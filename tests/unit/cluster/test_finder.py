"""Whose namespaces count as ours when accelerators are counted."""

from typing import Any

import pytest

from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.client import Cluster
from tests.unit.accelerators.objects import node
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import written_by

RUN = "20260102-101010-bbbb"
OURS = names.namespace_name(RUN, "test_gang_scheduling", "0a1b")


@pytest.mark.parametrize(
    ("manager", "namespace", "capacity"),
    [
        ("aicr-pytest", OURS, 8),
        ("kubectl-create", OURS, 6),
        ("aicr-pytest", "prod", 6),
        ("", "prod", 6),
    ],
)
def test_accelerators_that_a_tenant_with_copied_labels_holds_are_not_ours(
    cluster: Cluster,
    fake: FakeApi,
    manager: str,
    namespace: str,
    capacity: int,
) -> None:
    made: dict[str, Any] = {"metadata": {"name": namespace, "labels": labels.run_labels(RUN)}}
    fake.put("/api/v1/namespaces", written_by(manager, made) if manager else made)
    fake.put("/api/v1/nodes", node("node-0", allocatable={"nvidia.com/gpu": "8"}))
    container = {"name": "c", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    spec = {"nodeName": "node-0", "containers": [container]}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    fake.put(pods, {"metadata": {"name": "train"}, "spec": spec, "status": {"phase": "Running"}})

    (found,) = Accelerators(cluster).look()

    assert (found.total, found.free, found.capacity) == (8, 6, capacity)
