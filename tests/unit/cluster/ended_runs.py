"""What runs that were killed leave on a cluster, and the kinds that it serves."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster import leftovers, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.waiting import Waiter
from tests.unit.cluster.fake_api import FakeApi

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


@pytest.fixture
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
