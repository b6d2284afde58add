"""A workspace on the fake API server, and what is put into it."""

from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from tests.unit.cluster.fake_api import FakeApi

CLAIMS = "/apis/resource.k8s.io/v1"


def pod(name: str = "gpu") -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {}}


def claim(name: str = "gpu", **metadata: Any) -> Object:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, **metadata},
        "spec": {},
    }


def device_class(name: str) -> Object:
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}}


def gang(name: str) -> Object:
    return {
        "apiVersion": "scheduling.k8s.io/v1beta1",
        "kind": "PodGroup",
        "metadata": {"name": name},
    }


def new_workspace(
    cluster: Cluster, waiter: Waiter, *, keep: bool = False, token: str = "t0"
) -> Workspace:
    return Workspace(
        cluster,
        waiter,
        run_id=cluster.run_id,
        module="tests.conformance.test_dra_support",
        psa="restricted",
        keep=lambda: keep,
        labels={"team": "a"},
        token=token,
    )


def fill(fake: FakeApi, namespace: str) -> None:
    """What the cluster's controllers put into a new namespace."""
    base = f"/api/v1/namespaces/{namespace}"
    fake.put(f"{base}/serviceaccounts", {"metadata": {"name": "default"}})
    fake.put(f"{base}/configmaps", {"metadata": {"name": "kube-root-ca.crt"}})


@pytest.fixture
def workspace(cluster: Cluster, waiter: Waiter, fake: FakeApi) -> Workspace:
    made = new_workspace(cluster, waiter)
    fake.later(0.05, lambda: fill(fake, made.namespace))
    made.open()
    fake.requests.clear()
    return made


def deletions(fake: FakeApi) -> list[str]:
    return ["/".join(path.split("/")[-2:]) for path in fake.asked("DELETE", "")]
