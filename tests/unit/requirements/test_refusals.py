"""Looking for a solution without one of the rights that it takes: never "there is none"."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.access import Rule, needs_from_journal
from aicr_pytest.cluster.access_review import needs
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.errors import AccessDenied, SolutionAbsent
from aicr_pytest.requirements.registry import AREAS, discover
from aicr_pytest.requirements.solutions import Found, NotLetIn
from tests.unit.cluster.authorizer import Authorizer
from tests.unit.cluster.fake_api import FakeApi

SERVED = {
    "karpenter.sh/v1": {"NodePool": "nodepools", "NodeClaim": "nodeclaims"},
    "monitoring.coreos.com/v1": {"Prometheus": "prometheuses", "ServiceMonitor": "servicemonitors"},
}
PROXY = "/api/v1/namespaces/monitoring/services/http:prometheus:http/proxy"
HONOURED = "__meta_kubernetes_pod_annotation_prometheus_io_scrape"


@pytest.fixture
def empty() -> Iterator[FakeApi]:
    """A platform that serves the kinds of some products, and has none of them."""
    with FakeApi() as api:
        api.texts["/apis"] = json.dumps({"kind": "APIGroupList", "groups": []})
        for api_version, kinds in SERVED.items():
            api.resources[f"/apis/{api_version}"] = [
                {"name": plural, "kind": kind, "namespaced": True} for kind, plural in kinds.items()
            ]
        yield api


@pytest.mark.parametrize("area", AREAS)
def test_refused_look_is_not_a_look_at_nothing(area: str, empty: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(SolutionAbsent):
        look(area, empty, tmp_path)

    rights = rights_used(empty)
    assert rights
    assert [right for right in rights if not told(area, empty, tmp_path, right)] == []


def test_prometheus_that_we_may_not_ask_is_not_none(empty: FakeApi, tmp_path: Path) -> None:
    labels = {"app.kubernetes.io/name": "prometheus"}
    service = {"metadata": {"name": "prometheus", "labels": labels}}
    ports = {"ports": [{"name": "http", "port": 9090}]}
    empty.put("/api/v1/namespaces/monitoring/services", service | {"spec": ports})
    config = {"status": "success", "data": {"yaml": f"source_labels: [{HONOURED}]"}}
    empty.texts[f"{PROXY}/api/v1/status/config"] = json.dumps(config)

    look("metrics", empty, tmp_path)

    rights = rights_used(empty)
    assert "services/proxy" in {right.full_resource for right in rights}
    assert [right for right in rights if not told("metrics", empty, tmp_path, right)] == []


def test_where_another_is_found_nobody_asks_for_the_closed_one() -> None:
    def refuse(cluster: object) -> None:
        raise NotLetIn(AccessDenied("GET /x: me may not get services/proxy", hint="Ask for it."))

    closed: Any = SimpleNamespace(name="closed", looked_for="its API", found=refuse)
    there: Any = SimpleNamespace(
        name="there", looked_for="its API", found=lambda _: Found(where="x")
    )
    cluster: Any = None

    assert [one.solution for one in discover("gang", cluster, {}, known=[closed, there])] == [there]
    with pytest.raises(AccessDenied, match=r"get services/proxy\n  Ask for it\.$"):
        discover("gang", cluster, {}, known=[closed])


def look(area: str, api: FakeApi, directory: Path) -> None:
    """Look for the solutions of an area, with a client that knows nothing yet."""
    cluster = Cluster.connect(kubeconfig=api.kubeconfig(directory), run_id="run-1")
    discover(area, cluster, {})


def rights_used(api: FakeApi) -> list[Rule]:
    rules = needs_from_journal((method, target) for method, target, _ in api.requests)
    return sorted(rule for rule in rules if rule.resource)


def told(area: str, api: FakeApi, directory: Path, right: Rule) -> bool:
    """Whether without a right nothing is said but that it is missing."""
    (need,) = needs([right], feature=area, why="")
    Authorizer(without=need).guard(api)
    try:
        look(area, api, directory)
    except AccessDenied as refused:
        return f"may not {right.verb} {right.full_resource} " in str(refused)
    except SolutionAbsent:
        pass
    return False
