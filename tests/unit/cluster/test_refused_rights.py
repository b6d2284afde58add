"""Each right of docs/rbac.yaml missing in turn: what needs it is refused, and told by its name."""

import re
from collections.abc import Iterator

import pytest

from aicr_pytest.cluster.access_review import Need, review
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.cluster.pod_http import ask_pod
from aicr_pytest.errors import AccessDenied
from aicr_pytest.requirements.rights import all_needs
from tests.unit.cluster.authorizer import Authorizer
from tests.unit.cluster.fake_api import FakeApi

RIGHTS = list({str(need): need for need in all_needs()}.values())


def kind_of(need: Need) -> Kind:
    """A kind with this resource; of a name that the client has to ask for."""
    resource = "metrics" if need.resource == "*" else need.resource
    return Kind(need.group, "v1", resource.title(), resource, need.namespaced)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeApi]:
    """One server for all rights, which serves every kind of the table."""
    with FakeApi() as api:
        for kind in map(kind_of, RIGHTS):
            path = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
            served = {"name": kind.plural, "kind": kind.name, "namespaced": kind.namespaced}
            api.resources.setdefault(path, []).append(served)
        yield api


@pytest.fixture(scope="module")
def cluster(fake: FakeApi, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The client of them all."""
    kubeconfig = fake.kubeconfig(tmp_path_factory.mktemp("rights"))
    return Cluster.connect(kubeconfig=kubeconfig, run_id="run-1")


def use(cluster: Cluster, need: Need) -> None:
    """The request of the suite's client that needs a right."""
    kind = kind_of(need)
    namespace = "ns" if need.namespaced else None
    thing = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": "x"} | ({"namespace": namespace} if namespace else {}),
    }
    match need.subresource or need.verb:
        case "exec":
            cluster.exec("x", "ns", ["true"])
        case "ephemeralcontainers":
            cluster.patch(kind, "x", namespace, {}, subresource="ephemeralcontainers")
        case "portforward":
            ask_pod(cluster, "x", "ns", 80, "/metrics")
        case "proxy" | "log":
            cluster.raw("GET", kind.path(namespace, "x", need.subresource))
        case "get":
            cluster.get(kind, "x", namespace)
        case "list":
            cluster.list(kind, namespace)
        case "watch":
            list(cluster.watch(kind, namespace, timeout=0.5))
        case "create":
            cluster.create(thing)
        case "patch":
            cluster.apply(thing)
        case "delete":
            cluster.delete(kind, "x", namespace)


@pytest.mark.parametrize("need", RIGHTS, ids=str)
def test_what_needs_a_right_is_refused_and_names_it(
    cluster: Cluster, fake: FakeApi, need: Need
) -> None:
    authorizer = Authorizer(without=need).guard(fake)

    with pytest.raises(AccessDenied) as refused:
        use(cluster, need)

    kind = kind_of(need)
    resource = f"{kind.plural}/{need.subresource}" if need.subresource else kind.plural
    assert re.search(rf"{need.verb}\S* {re.escape(resource)}", str(refused.value))
    assert len(authorizer.refused) == 1, "it is not tried again, nor by another way"
    assert fake.objects == {}
    assert review(cluster, [need]) == [need], "preflight tells it beforehand"
