"""What ended runs have left is found and removed; what only looks like it is not."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster import leftovers
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import DEVICE_CLASS, NAMESPACE, Object
from aicr_pytest.cluster.leases import Leases, Share
from aicr_pytest.cluster.life import Life
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import AccessDenied, ApiUnreachable
from tests.unit.cluster.ended_runs import HOME, A, B, deletions, leave, obj, remove
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import owner, written_by

pytestmark = pytest.mark.usefixtures("discovery")


# -- what is ours ------------------------------------------------------------------------------


def test_leftovers_are_found_by_run_in_the_order_of_their_removal(
    cluster: Cluster, fake: FakeApi, killed: Cluster, as_run: Any
) -> None:
    leave(fake, as_run(B))

    of_a = leftovers.leftovers(cluster, A)
    of_all = leftovers.leftovers(cluster, None)

    assert [(left.kind.name, left.name) for left in of_a] == [
        ("Lease", "aicr-pytest-node-0-a"),
        ("Namespace", HOME[A]),
        ("Sprocket", f"aicr-{A}"),
        ("DeviceClass", f"aicr-{A}-deviceclass"),
    ]
    assert not [left for left in of_a if left.others]
    assert {left.run for left in of_all} == {A, B}
    assert len(of_all) == 8


def test_cleaning_removes_one_run_and_leaves_the_other(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster, as_run: Any
) -> None:
    leave(fake, as_run(B))

    assert remove(cluster, waiter, A) == []

    assert leftovers.leftovers(cluster, A) == []
    assert len(leftovers.leftovers(cluster, B)) == 4
    home = ["pods/gpu", f"namespaces/{HOME[A]}"]
    assert deletions(fake)[:3] == ["leases/aicr-pytest-node-0-a", *home]


def test_custom_resources_go_before_the_pods_that_their_operator_would_make_anew(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    fleet = killed.create(obj("PodsPerNode", "ours", HOME[A], api="example.com/v1"))
    part = written_by("fleet-operator", {"metadata": {"name": "owned"}})
    part["metadata"]["ownerReferences"] = [owner("PodsPerNode", fleet, "example.com/v1")]
    fake.put(f"/apis/example.com/v1/namespaces/{HOME[A]}/parts", part)

    assert remove(cluster, waiter, A) == []

    assert deletions(fake)[1:4] == ["fleets/ours", "pods/gpu", f"namespaces/{HOME[A]}"]


def test_cleaning_passes_over_what_stays_and_says_so(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    fake.gone_after["pods"] = None

    still = remove(cluster, waiter, A)

    assert [left.name for left in still] == [HOME[A]]
    assert "no Pod left: not within" in still[0].problem
    assert f"aicr-pytest clean --run {A}" in still[0].problem
    assert [left.name for left in leftovers.leftovers(cluster, A)] == [HOME[A]]


def test_finalizers_are_told_and_kept(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    path = f"/api/v1/namespaces/{HOME[A]}"
    fake.change(path, lambda it: it["metadata"].update(finalizers=["example.com/hold"]))

    (still,) = remove(cluster, waiter, A)

    assert "finalizers: example.com/hold" in str(still)
    assert fake.objects[path]["metadata"]["finalizers"] == ["example.com/hold"]
    assert fake.asked("PATCH", "") == fake.asked("PUT", "") == []


def test_what_has_become_somebody_elses_meanwhile_is_not_removed(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    found = leftovers.leftovers(cluster, A)
    path = f"/apis/example.com/v1/sprockets/aicr-{A}"
    fake.change(path, lambda it: it["metadata"].update(labels={}))

    leftovers.clean(cluster, found, waiter, lambda _: None)

    assert path in fake.objects


def test_kinds_that_may_not_be_listed_are_passed_over_but_not_the_basic_ones(
    cluster: Cluster, fake: FakeApi, killed: Cluster
) -> None:
    message = 'x is forbidden: User "me" cannot list resource "x" in API group ""'
    fake.refuse("GET", "/sprockets", 403, reason="Forbidden", message=message)
    fake.refuse("GET", f"/{HOME[A]}/secrets", 403, reason="Forbidden", message=message)

    left = leftovers.leftovers(cluster, A)
    assert len(left) == 3
    assert [one.unseen for one in left if one.kind == NAMESPACE] == [("Secret",)]

    fake.refuse("GET", "/api/v1/pods", 403, reason="Forbidden", message=message)
    with pytest.raises(AccessDenied):
        leftovers.leftovers(cluster, A)


def test_kinds_that_may_not_be_listed_do_not_keep_a_namespace(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    message = 'x is forbidden: User "me" cannot list resource "x" in API group ""'
    fake.refuse("GET", "/leases/", 403, reason="Forbidden", message=message, times=9)
    for kinds in ("podgroups", "workloads", "cronjobs", "secrets", "resourceclaims"):
        path = f"/namespaces/{HOME[A]}/{kinds}"
        fake.refuse("GET", path, 403, reason="Forbidden", message=message, times=9)

    assert remove(cluster, waiter, A) == []
    assert f"/api/v1/namespaces/{HOME[A]}" not in fake.objects


def test_server_without_aggregated_discovery_is_searched_by_the_table(
    cluster: Cluster, fake: FakeApi, killed: Cluster
) -> None:
    fake.texts["/api"] = '{"kind": "APIVersions", "versions": ["v1"]}'

    found = {left.kind for left in leftovers.leftovers(cluster, A)}

    assert NAMESPACE in found
    assert DEVICE_CLASS in found


@pytest.mark.parametrize(
    "said",
    [
        "[]",
        "null",
        '{"kind": "APIGroupDiscoveryList", "items": 5}',
        '{"kind": "APIGroupDiscoveryList", "items": [5]}',
        '{"kind": "APIGroupDiscoveryList", "items": [{}]}',
        '{"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": 5}]}',
    ],
)
def test_discovery_of_another_shape_is_an_error_of_ours(
    cluster: Cluster, fake: FakeApi, said: str
) -> None:
    fake.texts["/api"] = said

    with pytest.raises(ApiUnreachable, match="GET /api: the answer"):
        leftovers.search(cluster, None)


@pytest.mark.parametrize(
    "wrong", [{"resource": 7}, {"responseKind": {}}, {"responseKind": {"kind": []}}, {"scope": 0}]
)
def test_kind_of_another_shape_is_an_error_of_ours(
    cluster: Cluster, fake: FakeApi, wrong: Object
) -> None:
    right = {"resource": "x", "responseKind": {"kind": "X"}, "scope": "Cluster", "verbs": ["list"]}
    resources = [{**right, "verbs": ["list", "delete"], **wrong}]
    versions = [{"version": "v1", "resources": resources}]
    groups = [{"metadata": {"name": "x"}, "versions": versions}]
    fake.texts["/apis"] = json.dumps({"kind": "APIGroupDiscoveryList", "items": groups})

    with pytest.raises(ApiUnreachable, match="GET /apis: the answer lists no kinds"):
        leftovers.search(cluster, None)


# -- runs that go on ---------------------------------------------------------------------------


def test_run_is_alive_while_its_process_renews_its_lease_and_not_after_its_end(
    cluster: Cluster, killed: Cluster
) -> None:
    life = Life(killed, worker="gw0")
    life.begin()

    alive = leftovers.search(cluster, None).alive
    life.end()

    assert set(alive) == {A}
    assert f"Lease default/aicr-pytest-run-{A}-gw0 was renewed 0 s ago" in str(alive[A])
    assert leftovers.search(cluster, None).alive == {}


def test_run_that_holds_accelerators_is_alive(cluster: Cluster, killed: Cluster) -> None:
    shares = [[Share(node="node-1", total=1, wanted=1)]]

    with Leases(killed, Waiter(killed), holder=A).take(shares):
        assert set(leftovers.search(cluster, None).alive) == {A}
    assert leftovers.search(cluster, None).alive == {}
