"""Requests as observations name them."""

from aicr_pytest.cluster.kinds import requests_for


def test_a_kind_that_only_the_server_knows_stands_by_its_name() -> None:
    metadata = {"name": "a", "namespace": "b"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata,
    }

    assert requests_for("PATCH", [pod, monitor]) == (
        "PATCH /api/v1/namespaces/b/pods/a, PATCH monitoring.coreos.com/v1 ServiceMonitor b/a"
    )
