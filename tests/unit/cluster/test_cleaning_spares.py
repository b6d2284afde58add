"""What only looks like a run's leftovers stays, and so do namespaces that hold what is not ours."""

from typing import Any

import pytest

from aicr_pytest.cluster import labels, leftovers
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NAMESPACE, Object
from aicr_pytest.cluster.waiting import Waiter
from tests.unit.cluster.ended_runs import DRA, HOME, A, B, deletions, obj, remove
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import owner, written_by

pytestmark = pytest.mark.usefixtures("discovery")


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
