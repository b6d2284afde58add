"""What others have put into our namespaces, or called like ours, is not touched."""

from typing import Any

import pytest

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import DEVICE_CLASS, Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import ApiError, LeftBehind
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import owner, written_by
from tests.unit.cluster.workspaces import (
    CLAIMS,
    deletions,
    device_class,
    fill,
    new_workspace,
    pod,
)


def by_kubectl(fake: FakeApi, collection: str, obj: Object, **metadata: Any) -> str:
    """A tenant's object, as the API server keeps it; its path."""
    obj["metadata"] |= metadata
    fake.put(collection, written_by("kubectl-create", obj))
    return f"{collection}/{obj['metadata']['name']}"


def copied(cluster: Cluster) -> Object:
    return {"labels": labels.run_labels(cluster.run_id)}


def test_object_of_the_whole_cluster_that_is_not_ours_is_never_touched(
    workspace: Workspace, fake: FakeApi
) -> None:
    theirs = device_class("gpu.example.com")
    fake.put(f"{CLAIMS}/deviceclasses", theirs)

    with pytest.raises(ApiError, match="exists already and is not of this run"):
        workspace.apply([device_class("gpu.example.com")])
    workspace.track(DEVICE_CLASS, "gpu.example.com")
    workspace.close()

    assert fake.objects[f"{CLAIMS}/deviceclasses/gpu.example.com"] is theirs
    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_pod_of_a_tenant_in_our_namespace_stays_with_the_namespace_and_blocks_nothing(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    fake.gone_after["pods"] = 0.1
    workspace.pod(pod())
    base = f"/api/v1/namespaces/{workspace.namespace}"
    theirs = by_kubectl(fake, f"{base}/pods", pod("theirs"), **copied(cluster))

    with pytest.raises(LeftBehind) as caught:
        workspace.close()

    assert deletions(fake) == ["pods/gpu"]
    assert theirs in fake.objects
    assert base in fake.objects
    assert f"Namespace {workspace.namespace} stays, for not all in it is ours: " in str(
        caught.value
    )
    assert "Pod theirs (made by kubectl-create)" in str(caught.value)
    assert f"aicr-pytest clean --run {RUN}" in str(caught.value)


def test_tenants_deployment_in_our_namespace_keeps_its_pods(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    apps = f"/apis/apps/v1/namespaces/{workspace.namespace}"
    deployment = {"metadata": {"name": "web"}}
    by_kubectl(fake, f"{apps}/deployments", deployment, **copied(cluster))
    replica_set = written_by("kube-controller-manager", {"metadata": {"name": "web-1"}})
    replica_set["metadata"] |= {"ownerReferences": [owner("Deployment", deployment)]}
    fake.put(f"{apps}/replicasets", replica_set)
    theirs = written_by("kube-controller-manager", pod("web-1-a"))
    theirs["metadata"] |= {"ownerReferences": [owner("ReplicaSet", replica_set)]} | copied(cluster)
    fake.put(f"/api/v1/namespaces/{workspace.namespace}/pods", theirs)

    with pytest.raises(LeftBehind, match=r"Pod web-1-a \(made by kube-controller-manager\)"):
        workspace.close()

    assert deletions(fake) == []


def test_config_of_a_tenant_keeps_our_namespace_and_that_of_an_operator_does_not(
    workspace: Workspace, fake: FakeApi
) -> None:
    maps = f"/api/v1/namespaces/{workspace.namespace}/configmaps"
    for namespace in (workspace.namespace, "default"):
        bundle = written_by("trust-manager", {"metadata": {"name": "bundle"}})
        fake.put(f"/api/v1/namespaces/{namespace}/configmaps", bundle)
    by_kubectl(fake, maps, {"metadata": {"name": "settings"}})

    with pytest.raises(LeftBehind, match=r"ours: ConfigMap settings \(made by kubectl-create\)\."):
        workspace.close()
    fake.remove(f"{maps}/settings")
    workspace.close()

    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_namespace_of_our_name_that_somebody_else_has_made_since_is_not_touched(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    fake.remove(f"/api/v1/namespaces/{workspace.namespace}")
    again = {"metadata": {"name": workspace.namespace, **copied(cluster)}}
    fake.put("/api/v1/namespaces", again)

    workspace.close()

    assert deletions(fake) == []


def test_object_of_the_whole_cluster_with_labels_that_a_tenant_has_copied_is_not_ours(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    classes = f"{CLAIMS}/deviceclasses"
    by_kubectl(fake, classes, device_class("gpu.example.com"), **copied(cluster))

    with pytest.raises(ApiError, match="exists already and is not of this run"):
        workspace.apply([device_class("gpu.example.com")])
    workspace.track(DEVICE_CLASS, "gpu.example.com")
    workspace.close()

    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_what_controllers_make_of_ours_goes_where_nobody_notes_who_made_it(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    fake.notes_managers = False
    workspace = new_workspace(cluster, waiter)
    fake.later(0.05, lambda: fill(fake, workspace.namespace))
    workspace.open()
    workspace.pod(pod())
    fake.put(f"/api/v1/namespaces/{workspace.namespace}/pods", pod("of-an-operator"))

    workspace.close()

    assert sorted(deletions(fake)[:2]) == ["pods/gpu", "pods/of-an-operator"]
    assert deletions(fake)[2:] == [f"namespaces/{workspace.namespace}"]
