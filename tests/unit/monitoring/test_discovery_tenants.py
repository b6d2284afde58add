"""What a tenant labels does not become the platform's: neither a Prometheus nor an exporter."""

import json
import pathlib
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import POD
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import Inconclusive, ProbeFailed, WaitTimeout
from aicr_pytest.monitoring.discovery import find_prometheus
from aicr_pytest.requirements.accelerator_metrics.exporters import platforms_own
from aicr_pytest.requirements.ai_service_metrics.solutions.annotations import Annotations
from aicr_pytest.requirements.ai_service_metrics.solutions.prometheus_operator import Monitors
from aicr_pytest.settings import Reference, Settings
from tests.unit.cluster.conftest import QUICK, RUN
from tests.unit.cluster.fake_api import FakeApi

FINE = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}})
HONOURS = json.dumps(
    {
        "status": "success",
        "data": {"yaml": "__meta_kubernetes_pod_annotation_prometheus_io_scrape"},
    }
)
API = "/apis/monitoring.coreos.com/v1"


class Site:
    """A cluster with Services and Prometheus objects of whom it may be."""

    def __init__(self, fake: FakeApi, folder: pathlib.Path) -> None:
        self.fake = fake
        self.cluster = Cluster.connect(
            kubeconfig=fake.kubeconfig(folder), run_id=RUN, patience=QUICK
        )

    def service(
        self, namespace: str, name: str = "prometheus", *, answer: str = FINE, **labels: str
    ) -> None:
        metadata = {
            "name": name,
            "labels": {"app.kubernetes.io/name": "prometheus"} | labels,
        }
        spec = {"ports": [{"name": "web", "port": 9090}]}
        path = f"/api/v1/namespaces/{namespace}/services"
        self.fake.put(path, {"metadata": metadata, "spec": spec})
        self.answers(namespace, name, answer)

    def answers(self, namespace: str, name: str, answer: str) -> None:
        base = f"/api/v1/namespaces/{namespace}/services/http:{name}:web/proxy"
        if answer:
            self.fake.texts[f"{base}/api/v1/query"] = answer
            self.fake.texts[f"{base}/api/v1/status/config"] = HONOURS

    def operated(self, namespace: str, *, answer: str = FINE) -> None:
        self.fake.resources[API] = [
            {"kind": "Prometheus", "name": "prometheuses", "namespaced": True}
        ]
        spec: dict[str, Any] = {
            "serviceMonitorSelector": {},
            "serviceMonitorNamespaceSelector": {},
        }
        self.fake.put(
            f"{API}/namespaces/{namespace}/prometheuses",
            {"metadata": {"name": "k8s"}, "spec": spec},
        )
        self.answers(namespace, "prometheus-operated", answer)

    def found(self, settings: Settings | None = None, **more: Any) -> str:
        waiter = Waiter(self.cluster, deadlines=Deadlines(monitoring_answers=0.3))
        wish = settings or Settings()
        return str(find_prometheus(self.cluster, waiter, wish, lambda: None, **more))  # type: ignore[arg-type,return-value]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Any:
    with FakeApi() as fake:
        yield Site(fake, tmp_path)


def test_one_labelled_service_is_the_platforms(site: Site) -> None:
    site.service("monitoring")

    assert "monitoring/prometheus" in site.found()


def test_two_services_of_one_namespace_are_of_the_same_hands(site: Site) -> None:
    site.service("monitoring", "prometheus-headless")
    site.service("monitoring", "prometheus-server")

    assert "monitoring/prometheus-" in site.found()


def test_services_of_two_namespaces_are_ambiguous_until_one_is_named(site: Site) -> None:
    site.service("aaa-tenant")
    site.service("monitoring")

    with pytest.raises(ProbeFailed, match=r"aaa-tenant/.*monitoring/(.*\n).*--aicr-prometheus-ser"):
        site.found()
    named = Settings(prometheus_service=Reference(namespace="monitoring", name="prometheus"))
    assert "monitoring/prometheus" in site.found(named)


@pytest.mark.parametrize("status", [503, 403, 500])
def test_platforms_prometheus_that_does_not_answer_does_not_yield_to_a_tenants(
    site: Site, status: int
) -> None:
    site.service("aaa-tenant")
    site.service("monitoring", answer="")
    site.fake.refuse("GET", "/monitoring/services/.*proxy", status, times=1000)

    with pytest.raises(ProbeFailed, match="there are several"):
        site.found()


def test_another_product_under_the_label_is_no_rival(site: Site) -> None:
    site.service("aaa-tenant", answer="<html>shop</html>")
    site.service("monitoring")

    assert "monitoring/prometheus" in site.found()


def test_prometheus_of_an_operator_goes_before_a_label(site: Site) -> None:
    site.service("aaa-tenant")
    site.operated("monitoring")

    assert "monitoring/prometheus-operated" in site.found()


def test_prometheus_of_an_operator_that_is_closed_does_not_yield_to_a_label(site: Site) -> None:
    site.service("aaa-tenant")
    site.operated("monitoring", answer="")
    site.fake.refuse("GET", "/monitoring/services/.*proxy", 401, times=1000, body=b"who are you")

    with pytest.raises(Inconclusive, match="not let in"):
        site.found()


def test_way_in_beside_the_operators_is_by_the_same_hands(site: Site) -> None:
    site.operated("monitoring", answer="")
    site.service("monitoring", "thanos", **{"app.kubernetes.io/name": "thanos-query"})

    assert "monitoring/thanos" in site.found()


def test_monitors_of_two_namespaces_prometheus_are_ambiguous_until_one_is_named(
    site: Site,
) -> None:
    site.operated("aaa-tenant")
    site.operated("monitoring")
    monitors = Monitors(name="service-monitor", kind="ServiceMonitor")
    named = Settings(prometheus_service=Reference(namespace="monitoring", name="prometheus"))
    chosen = Monitors(name="service-monitor", kind="ServiceMonitor", settings=named)
    found = chosen.found(site.cluster)

    with pytest.raises(ProbeFailed, match=r"aaa-tenant/.*monitoring/"):
        site.found(preferred=monitors.endpoint)
    assert found is not None
    assert found.where == "Prometheus monitoring/k8s"


def test_annotations_of_two_namespaces_prometheus_are_ambiguous(site: Site) -> None:
    site.service("aaa-tenant")
    site.service("monitoring")

    with pytest.raises(ProbeFailed, match="there are several"):
        site.found(preferred=Annotations().endpoint)
    assert "there are several" in str(Annotations().found(site.cluster))


def test_empty_service_alone_accuses_and_beside_another_does_not(site: Site) -> None:
    site.service("monitoring", answer="")
    nobody = b'{"kind": "Status", "message": "no endpoints available for service"}'
    site.fake.refuse("GET", "/monitoring/services/.*proxy", 503, times=10000, body=nobody)

    with pytest.raises(WaitTimeout):
        site.found()


# -- exporters --------------------------------------------------------------------------------


def pod(namespace: str, node: str = "gpu-1", owner: str = "", name: str = "dcgm") -> dict[str, Any]:
    owners = [{"kind": owner, "name": name, "controller": True}] if owner else []
    return {
        "apiVersion": POD.api_version,
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners},
        "spec": {"nodeName": node},
    }


DAEMON = pod("gpu-operator", owner="DaemonSet")


@pytest.mark.parametrize("owner", ["", "ReplicaSet", "StatefulSet", "Job"])
def test_labelled_pod_of_a_tenant_is_no_exporter_beside_the_platforms(owner: str) -> None:
    assert platforms_own([pod("aaa-tenant", owner=owner), DAEMON], {"gpu-1"}) == [DAEMON]


def test_daemon_of_a_tenant_elsewhere_is_no_exporter() -> None:
    tenants = pod("aaa-tenant", node="cpu-1", owner="DaemonSet")

    assert platforms_own([tenants, DAEMON], {"gpu-1"}) == [DAEMON]


def test_daemons_of_two_namespaces_are_ambiguous() -> None:
    tenants = pod("aaa-tenant", owner="DaemonSet")

    with pytest.raises(ProbeFailed, match=r"aaa-tenant/dcgm, gpu-operator/dcgm\."):
        platforms_own([tenants, DAEMON], {"gpu-1"})


def test_exporter_without_a_daemon_set_is_looked_at_where_it_is_the_only_one() -> None:
    alone = pod("monitoring", owner="ReplicaSet")

    assert platforms_own([alone], {"gpu-1"}) == [alone]
    assert platforms_own([DAEMON | {"spec": {}}], {"gpu-1"}) == [DAEMON | {"spec": {}}]
