"""Exporters: found by their labels, by the user's word, or only seen."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors import nvidia
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import SolutionAbsent, UnknownSolution
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters
from tests.unit.requirements.served_cluster import ServedCluster, pod

MANAGED = "gke-managed-system/dcgm-exporter-x7k"
"""With the label ``app.kubernetes.io/name=gke-managed-dcgm-exporter`` alone."""


def exporters(*pods: dict[str, Any], namespace: str | None = None) -> Exporters:
    cluster: Any = ServedCluster(Pod=pods)
    node = SimpleNamespace(name="node-0", ready=True, hindrance="", profile=nvidia.PROFILE)
    stock: Any = SimpleNamespace(stock=[node])
    return Exporters(cluster, Waiter(cluster, 0.001), stock, lambda: None, namespace)  # type: ignore[arg-type,return-value] # no evidence is kept


def test_no_pod_that_could_measure_is_absent() -> None:
    with pytest.raises(SolutionAbsent, match="no pod of dcgm-exporter in any namespace") as told:
        exporters(pod("gpu/nvidia-device-plugin-1")).endpoints()
    assert not isinstance(told.value, UnknownSolution)


@pytest.mark.parametrize(
    "running",
    [
        pod(MANAGED),
        pod("gpu/nvidia-gpu-exporter-1"),
        pod("gpu/agent-1", "registry.example/utkuozdemir/nvidia_gpu_exporter:1"),
        pod("datadog/datadog-agent-1"),
    ],
    ids=lambda one: str(one["metadata"]["name"]),
)
def test_exporter_with_other_labels_is_unknown(running: dict[str, Any]) -> None:
    with pytest.raises(UnknownSolution, match="--aicr-exporter NAMESPACE") as told:
        exporters(running).endpoints()
    assert running["metadata"]["name"] in str(told.value)


def test_exporter_is_known_by_its_name_where_the_user_says_where() -> None:
    running = pod(MANAGED)
    running["spec"]["nodeName"] = "node-0"

    found = exporters(running, pod("gke-managed-system/other-1"), namespace="gke-managed-system")

    assert [str(endpoint) for endpoint in found.endpoints()] == [MANAGED]
