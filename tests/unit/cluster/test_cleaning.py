"""What ended runs have left is found and removed; what only looks like it is not."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster import labels, leftovers, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import DEVICE_CLASS, NAMESPACE, Object
from aicr_pytest.cluster.leases import Leases, Share
from aicr_pytest.cluster.life import Life
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import AccessDenied, ApiUnreachable
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import owner, written_by

A, B = "20260101-101010-aaaa", "20260102-101010-bbbb"
HOME = {run: names.namespace_name(run, "test_dra_support", "0a1b") for run in (A, B)}
DRA = "/apis/resource.k8s.io/v1"

SERVED = {
    "": {
        "namespaces": "Namespace",
        "nodes": "Node",
        "persistentvolumes": "PersistentVolume",
        "pods": "Pod/",
        "configmaps": "ConfigMap/",
        "services": "Service/",
        "secrets": "Secret/",
        "serviceaccounts": "ServiceAccount/",
        "persistentvolumeclaims": "PersistentVolumeClaim/",
    },
    "apps": {
        "deployments": "Deployment/",
        "replicasets": "ReplicaSet/",
        "statefulsets": "StatefulSet/",
    },
    "coordination.k8s.io": {"leases": "Lease/"},
    "networking.k8s.io": {"networkpolicies": "NetworkPolicy/"},
    "rbac.authorization.k8s.io": {"clusterroles": "ClusterRole", "rolebindings": "RoleBinding/"},
    "scheduling.k8s.io": {"priorityclasses": "PriorityClass"},
    "admissionregistration.k8s.io": {
        "validatingwebhookconfigurations": "ValidatingWebhookConfiguration"
    },
    "apiextensions.k8s.io": {"customresourcedefinitions": "CustomResourceDefinition"},
    "resource.k8s.io": {
        "resourceclaims": "ResourceClaim/",
        "deviceclasses": "DeviceClass",
    },
    "example.com": {"sprockets": "Sprocket", "fleets": "PodsPerNode/", "parts": "Part/"},
}
"""Group → resource → kind; with a slash where it is in namespaces."""


@pytest.fixture(autouse=True)
def discovery(fake: FakeApi) -> None:
    """The kinds that this server serves, as aggregated discovery tells them."""

    def group(name: str) -> Object:
        listed = [
            {
                "resource": plural,
                "responseKind": {"kind": kind.rstrip("/")},
                "scope": "Namespaced" if kind.endswith("/") else "Cluster",
                "verbs": ["create", "delete", "get", "list"],
            }
            for plural, kind in SERVED[name].items()
        ]
        versions = [{"version": "v1", "resources": listed}]
        return {"metadata": {"name": name} if name else {}, "versions": versions}

    for path, groups in {"/api": [""], "/apis": [name for name in SERVED if name]}.items():
        items = [group(name) for name in groups]
        fake.texts[path] = json.dumps({"kind": "APIGroupDiscoveryList", "items": items})
    fake.resources["/apis/example.com/v1"] = [
        {"name": plural, "kind": kind.rstrip("/"), "namespaced": kind.endswith("/")}
        for plural, kind in SERVED["example.com"].items()
    ]


@pytest.fixture
def as_run(fake: FakeApi, tmp_path: Any) -> Any:
    """Makes the client of a run."""

    def connect(run: str) -> Cluster:
        return Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=run)

    return connect


def obj(kind: str, name: str, namespace: str = "", api: str = "v1", **more: Any) -> Object:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **where}, **more}


def leave(fake: FakeApi, run: Cluster) -> None:
    """What a run killed in the middle leaves, with what every namespace has."""
    home, id_ = HOME[run.run_id], run.run_id
    run.create(obj("Namespace", home))
    run.create(obj("Pod", "gpu", home, spec={}))
    run.apply(obj("ConfigMap", "program", home))
    name = names.cluster_name(id_, "deviceclass")
    run.apply(obj("DeviceClass", name, api="resource.k8s.io/v1"))
    run.create(obj("Sprocket", names.cluster_name(id_), api="example.com/v1"))
    spec = {"leaseDurationSeconds": 30, "renewTime": "2026-01-02T03:04:05.000000Z"}
    lease = names.lease_name(f"node-0-{id_[-1]}")
    run.create(obj("Lease", lease, "default", api="coordination.k8s.io/v1", spec=spec))
    fake.change(
        f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{lease}",
        lambda it: it["metadata"]["managedFields"][0].update(time="2026-01-02T03:04:05Z"),
    )
    base = f"/api/v1/namespaces/{home}"
    fake.put(f"{base}/serviceaccounts", {"metadata": {"name": "default"}})
    fake.put(f"{base}/configmaps", {"metadata": {"name": "kube-root-ca.crt"}})


@pytest.fixture
def killed(fake: FakeApi, as_run: Any) -> Cluster:
    """The client of a run that was killed in the middle; it has left something."""
    run: Cluster = as_run(A)
    leave(fake, run)
    fake.requests.clear()
    return run


def deletions(fake: FakeApi) -> list[str]:
    return ["/".join(path.split("/")[-2:]) for path in fake.asked("DELETE", "")]


def remove(cluster: Cluster, waiter: Waiter, run: str | None = None) -> list[leftovers.Leftover]:
    found = leftovers.leftovers(cluster, run)
    return leftovers.clean(cluster, found, waiter, lambda _: None)


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


# -- what only looks like it -------------------------------------------------------------------

COPIES = [
    ("kubectl-create", "/api/v1/namespaces", "kube-system"),
    ("kubectl-label", "/api/v1/namespaces", "default"),
    ("kubectl-client-side-apply", "/api/v1/namespaces", "openshift-operators"),
    ("helm", "/api/v1/namespaces", "prod"),
    ("kubectl-create", "/api/v1/namespaces", HOME[B]),
    ("argocd-controller", "/api/v1/namespaces", "aicr-team"),
    ("aicr-pytest", "/api/v1/namespaces", "prod"),
    ("kubectl-create", "/api/v1/persistentvolumes", "data"),
    ("kube-controller-manager", "/api/v1/persistentvolumes", f"aicr-{B}-pv"),
    ("helm", "/api/v1/namespaces/prod/services", "web"),
    ("aicr-pytest", "/api/v1/namespaces/prod/services", f"aicr-{B}"),
    ("kubectl-create", "/api/v1/namespaces/prod/pods", f"aicr-{B}-gpu"),
    ("aicr-pytest", "/api/v1/namespaces/default/pods", "gpu"),
    ("argocd-controller", "/apis/apps/v1/namespaces/prod/deployments", "web"),
    ("kubectl-create", f"{DRA}/deviceclasses", "gpu.nvidia.com"),
    ("kubectl-create", f"{DRA}/deviceclasses", f"aicr-{B}-deviceclass"),
    ("aicr-pytest", f"{DRA}/deviceclasses", "gpu.example.com"),
    ("aicr-pytest", f"{DRA}/deviceclasses", f"aicr-{A}-another"),
    ("helm", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "aicr-pytest"),
    ("kubectl-create", "/apis/scheduling.k8s.io/v1/priorityclasses", "high"),
    (
        "kubectl-create",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "aicr-guard",
    ),
    (
        "kubectl-create",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "fleets.example.com",
    ),
    (
        "kubectl-create",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        "aicr-pytest-node-0-7",
    ),
    ("aicr-pytest", "/apis/coordination.k8s.io/v1/namespaces/prod/leases", "aicr-pytest-node-0-7"),
]
"""Who has made it with our labels, where, and its name."""


def tenants(fake: FakeApi, manager: str, collection: str, name: str, run: str = B) -> str:
    """Put a tenant's object there; its path."""
    made: Object = {"metadata": {"name": name, "labels": labels.run_labels(run)}}
    fake.put(collection, written_by(manager, made) if manager else made)
    return f"{collection}/{name}"


@pytest.mark.parametrize(("manager", "collection", "name"), COPIES)
def test_what_a_tenant_has_labelled_like_ours_stays_and_is_told(
    cluster: Cluster,
    waiter: Waiter,
    fake: FakeApi,
    killed: Cluster,
    manager: str,
    collection: str,
    name: str,
) -> None:
    path = tenants(fake, manager, collection, name)

    found = leftovers.search(cluster, None)
    still = leftovers.clean(cluster, found.left, waiter, lambda _: None)

    assert still == []
    assert path in fake.objects
    assert len(deletions(fake)) == 5
    assert B not in {left.run for left in found.left}
    if "/persistentvolumes" not in collection:
        assert any(f"{name} carries our labels and is left alone: " in str(s) for s in found.spared)


@pytest.mark.parametrize("run", ["a", "none", "20260231-101010-aaaa", "20260101-101010-AAAA", ""])
def test_what_no_run_is_called_has_left_nothing(cluster: Cluster, fake: FakeApi, run: str) -> None:
    tenants(fake, "aicr-pytest", "/api/v1/namespaces", f"aicr-{run[-8:].lower()}-dra-0a1b", run)

    assert leftovers.leftovers(cluster, None) == []


def test_without_managed_fields_nothing_is_removed_and_the_way_out_is_told(
    cluster: Cluster, fake: FakeApi, as_run: Any
) -> None:
    fake.notes_managers = False
    as_run(A).create(obj("Namespace", HOME[A]))

    found = leftovers.search(cluster, A)

    assert found.left == []
    (spared,) = found.spared
    assert str(spared) == (
        f"Namespace {HOME[A]} carries our labels and is left alone: it has no managedFields, so "
        "that nothing says who made it; if you know it to be a run's: "
        f"kubectl delete namespaces {HOME[A]}"
    )


# -- namespaces that hold what is not ours -----------------------------------------------------


def into(fake: FakeApi, resource: str, manager: str, name: str, **metadata: Any) -> Object:
    """Put something into the namespace that a killed run has left."""
    api, _, plural = resource.rpartition("/")
    collection = f"/{api or 'api/v1'}/namespaces/{HOME[A]}/{plural}"
    made: Object = {"metadata": {"name": name, **metadata}}
    return fake.put(collection, written_by(manager, made) if manager else made)


@pytest.mark.parametrize(
    ("resource", "manager", "name"),
    [
        ("pods", "kubectl-run", "mine"),
        ("pods", "", "mine"),
        ("pods", "some-operator", "mine"),
        ("configmaps", "kubectl-create", "settings"),
        ("configmaps", "kubectl-create", "istio-settings"),
        ("secrets", "helm", "sh.helm.release.v1.web.v1"),
        ("persistentvolumeclaims", "kubectl-create", "data"),
        ("persistentvolumeclaims", "kube-controller-manager", "data-db-0"),
        ("services", "argocd-controller", "web"),
        ("apis/apps/v1/statefulsets", "Terraform", "db"),
        ("apis/example.com/v1/fleets", "OpenAPI-Generator", "mine"),
        ("apis/networking.k8s.io/v1/networkpolicies", "kubectl-create", "mine"),
        ("apis/rbac.authorization.k8s.io/v1/rolebindings", "rancher", "only-here"),
    ],
)
def test_namespace_that_holds_what_is_not_ours_stays_and_says_what(
    cluster: Cluster,
    waiter: Waiter,
    fake: FakeApi,
    killed: Cluster,
    resource: str,
    manager: str,
    name: str,
) -> None:
    into(fake, resource, manager, name, labels=labels.run_labels("20260909-101010-cccc"))

    (home,) = [left for left in leftovers.leftovers(cluster, A) if left.kind == NAMESPACE]
    still = remove(cluster, waiter, A)

    assert f"{name} (" in str(home)
    assert "stays, for not all in it is ours" in str(home)
    assert [left.name for left in still] == [HOME[A]]
    assert any(path.endswith(f"/{name}") for path in fake.objects)
    assert f"/api/v1/namespaces/{HOME[A]}" in fake.objects
    assert "pods/gpu" in deletions(fake)  # it may hold an accelerator
    assert not [path for path in deletions(fake) if path.endswith(f"/{name}")]


def test_what_every_namespace_has_and_what_controllers_make_of_ours_is_no_reason(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, killed: Cluster
) -> None:
    ours = {"labels": labels.run_labels(A)}
    by = "kube-controller-manager"
    deployment = killed.apply(obj("Deployment", "web", HOME[A], api="apps/v1"))
    of_deployment = [owner("Deployment", deployment)]
    web = into(fake, "apis/apps/v1/replicasets", by, "web-1", ownerReferences=of_deployment)
    pod = into(fake, "pods", by, "web-1-a", ownerReferences=[owner("ReplicaSet", web)])
    claim, of_pod = "apis/resource.k8s.io/v1/resourceclaims", [owner("Pod", pod, "v1")]
    into(fake, claim, by, "web-1-a-gpu", ownerReferences=of_pod)
    of_gone = [{**of_pod[0], "uid": "of a pod that is gone"}]
    into(fake, claim, by, "being-collected", ownerReferences=of_gone)
    into(fake, "persistentvolumeclaims", by, "data-ours-0", **ours)
    into(fake, "configmaps", "pilot-discovery", "istio-ca-root-cert")
    into(fake, "configmaps", "service-ca", "openshift-service-ca.crt")
    into(fake, "secrets", "openshift-controller-manager", "builder-dockercfg-x2kq8")
    rbac = "apis/rbac.authorization.k8s.io/v1/rolebindings"
    into(fake, rbac, "cluster-policy-controller", "system:image-pullers")
    policy = {"metadata": {"name": "default-deny"}}
    everywhere = "/apis/networking.k8s.io/v1/namespaces/prod/networkpolicies"
    fake.put(everywhere, written_by("background-controller", policy))
    policies = "apis/networking.k8s.io/v1/networkpolicies"
    into(fake, policies, "background-controller", "default-deny")

    (home,) = [left for left in leftovers.leftovers(cluster, A) if left.kind == NAMESPACE]
    still = remove(cluster, waiter, A)

    assert home.others == ()
    assert still == []
    assert deletions(fake)[1] == "deployments/web"
    assert f"/api/v1/namespaces/{HOME[A]}" not in fake.objects


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
