"""Objects of Dynamic Resource Allocation, as servers without v1 take and give them."""

from typing import Any

import pytest

from aicr_pytest.cluster import dra_versions
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import (
    DEVICE_CLASS,
    POD,
    RESOURCE_CLAIM,
    RESOURCE_SLICE,
    Object,
)
from tests.unit.cluster.fake_api import FakeApi

EXPRESSION = "device.attributes['gpu.nvidia.com'].type == 'gpu'"
SELECTORS = [{"cel": {"expression": EXPRESSION}}]
WANTED = {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 2}
ATTRIBUTES = {
    "type": {"string": "gpu"},
    "uuid": {"string": "GPU-2fa81118-5a5f-aa66-7660-471eed407181"},
    "driverVersion": {"version": "580.65.6"},
    "resource.kubernetes.io/pcieRoot": {"string": "pci0000:64"},
}
IS = {
    "attributes": ATTRIBUTES,
    "capacity": {"memory": {"value": "80Gi"}},
    "taints": [{"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}],
    "consumesCounters": [{"counterSet": "gpu-0", "counters": {"memory": {"value": "80Gi"}}}],
}
RESULTS = {"request": "gpus", "driver": "gpu.nvidia.com", "pool": "node-0", "device": "gpu-3"}
STATUS = {"allocation": {"devices": {"results": [RESULTS]}}, "reservedFor": [{"uid": "u"}]}
ALTERNATIVES: Object = {"name": "either", "firstAvailable": [{"name": "a", **WANTED}]}


def dra(kind: str, version: str, **fields: Any) -> Object:
    """An object of DRA."""
    metadata = {"name": "gpu", "uid": "u-1"}
    return {
        "apiVersion": f"resource.k8s.io/{version}",
        "kind": kind,
        "metadata": metadata,
        **fields,
    }


def pool(device: Object) -> Object:
    return {
        "driver": "gpu.nvidia.com",
        "nodeName": "node-0",
        "pool": {"name": "node-0", "generation": 1, "resourceSliceCount": 1},
        "devices": [device],
        "sharedCounters": [{"name": "gpu-0", "counters": {"memory": {"value": "80Gi"}}}],
    }


EXACT = {"requests": [{"name": "gpus", "exactly": {**WANTED, "selectors": SELECTORS}}]}
FLAT = {"requests": [{"name": "gpus", **WANTED, "selectors": SELECTORS}]}
CONSTRAINTS = [{"matchAttribute": "resource.kubernetes.io/pcieRoot", "requests": ["gpus"]}]
SAME: dict[str, tuple[Object, Object]] = {
    "ResourceClaim": (
        {"spec": {"devices": {**EXACT, "constraints": CONSTRAINTS}}, "status": STATUS},
        {"spec": {"devices": {**FLAT, "constraints": CONSTRAINTS}}, "status": STATUS},
    ),
    "ResourceClaimTemplate": (
        {"spec": {"metadata": {"labels": {"a": "b"}}, "spec": {"devices": EXACT}}},
        {"spec": {"metadata": {"labels": {"a": "b"}}, "spec": {"devices": FLAT}}},
    ),
    "ResourceSlice": (
        {"spec": pool({"name": "gpu-3", **IS})},
        {"spec": pool({"name": "gpu-3", "basic": IS})},
    ),
    "DeviceClass": (
        {"spec": {"selectors": SELECTORS, "extendedResourceName": "nvidia.com/gpu"}},
        {"spec": {"selectors": SELECTORS, "extendedResourceName": "nvidia.com/gpu"}},
    ),
}
"""Kind → the same object in v1, and in v1beta1."""


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
def test_object_is_the_same_in_every_version(kind: str, version: str) -> None:
    in_v1, in_v1beta1 = SAME[kind]
    stable = dra(kind, "v1", **in_v1)
    before = dra(kind, version, **(in_v1beta1 if version == "v1beta1" else in_v1))

    assert dra_versions.written(stable, version) == before
    assert dra_versions.read(before) == stable
    assert stable == dra(kind, "v1", **in_v1), "what is given stays as it is"
    assert before == dra(kind, version, **(in_v1beta1 if version == "v1beta1" else in_v1))


def test_alternatives_have_one_shape_in_all_versions() -> None:
    claim = dra("ResourceClaim", "v1", spec={"devices": {"requests": [ALTERNATIVES]}})

    before = dra_versions.written(claim, "v1beta1")

    assert before["spec"]["devices"]["requests"] == [ALTERNATIVES]
    assert dra_versions.read(before) == claim


@pytest.mark.parametrize(
    "obj",
    [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}},
        dra("DeviceTaintRule", "v1beta2", spec={"taint": {"key": "k"}}),
        dra("ResourceClaim", "v1", **SAME["ResourceClaim"][0]),
        {"metadata": {"name": "without a version"}},
    ],
)
def test_everything_else_is_read_as_it_came(obj: Object) -> None:
    assert dra_versions.read(obj) is obj


@pytest.mark.parametrize("kind", SAME)
def test_object_without_devices_is_no_surprise(kind: str) -> None:
    empty: list[Object] = [{}, {"spec": {}}, {"spec": None}, {"spec": {"devices": None}}]
    for fields in empty:
        assert dra_versions.read(dra(kind, "v1beta1", **fields)) == dra(kind, "v1", **fields)


@pytest.mark.parametrize(
    ("served", "spoken"),
    [
        (["v1", "v1beta2", "v1beta1"], "v1"),
        (["v1beta1", "v1beta2"], "v1beta2"),
        (["v1alpha3", "v1beta1"], "v1beta1"),
        (["v1alpha3"], "v1"),
        ([], "v1"),
    ],
)
def test_best_version_is_spoken(served: list[str], spoken: str) -> None:
    assert dra_versions.best(served) == spoken


REFUSED = 'forbidden: User "me" cannot get path "/apis/resource.k8s.io"'
BETA = "/apis/resource.k8s.io/v1beta1"
CLAIMS = f"{BETA}/namespaces/ns/resourceclaims"


@pytest.fixture
def older(fake: FakeApi) -> FakeApi:
    """A server that has DRA in v1beta1 alone."""
    fake.texts["/apis/resource.k8s.io"] = '{"versions": [{"version": "v1beta1"}]}'
    return fake


def claim() -> Object:
    made = dra("ResourceClaim", "v1", spec={"devices": EXACT})
    made["metadata"] = {"name": "gpu", "namespace": "ns"}
    return made


def test_older_server_is_sent_what_it_knows(cluster: Cluster, older: FakeApi) -> None:
    made, applied = cluster.create(claim()), cluster.apply(claim())

    assert older.objects[f"{CLAIMS}/gpu"]["spec"]["devices"] == FLAT
    assert older.objects[f"{CLAIMS}/gpu"]["apiVersion"] == "resource.k8s.io/v1beta1"
    read = cluster.get(RESOURCE_CLAIM, "gpu", "ns")
    patch = {"metadata": {"annotations": {"a": "b"}}}
    patched = cluster.patch(RESOURCE_CLAIM, "gpu", "ns", patch)
    replaced = cluster.replace(patched)
    (listed,) = cluster.list(RESOURCE_CLAIM)
    for one in (made, applied, read, patched, replaced, listed):
        assert one["apiVersion"] == "resource.k8s.io/v1"
        assert one["spec"]["devices"] == EXACT
    assert older.objects[f"{CLAIMS}/gpu"]["spec"]["devices"] == FLAT
    cluster.delete(RESOURCE_CLAIM, "gpu", "ns")
    assert not older.objects
    assert not older.asked("GET", "/apis/resource.k8s.io/v1/")
    assert len(older.asked("GET", r"/apis/resource\.k8s\.io$")) == 1


def test_older_server_is_watched_as_it_can_be(cluster: Cluster, older: FakeApi) -> None:
    slices = f"{BETA}/resourceslices"
    told = dra("ResourceSlice", "v1beta1", **SAME["ResourceSlice"][1])
    del told["metadata"]["uid"]
    older.when_watched.append((slices, lambda: older.put(slices, told)))

    event, seen = next(cluster.watch(RESOURCE_SLICE, timeout=5))

    assert (event, seen["spec"]) == ("ADDED", SAME["ResourceSlice"][0]["spec"])


def test_requests_name_the_version_that_was_asked(cluster: Cluster, older: FakeApi) -> None:
    assert cluster.spoken(RESOURCE_CLAIM).request("GET", "ns", "gpu") == f"GET {CLAIMS}/gpu"
    assert cluster.spoken(DEVICE_CLASS).path() == f"{BETA}/deviceclasses"
    assert cluster.spoken(POD) is POD
    assert cluster.spoken(RESOURCE_CLAIM.at("v1beta2")).version == "v1beta2", "asked for by name"


@pytest.mark.parametrize("answer", [403, 404])
def test_who_does_not_learn_the_versions_speaks_v1(
    answer: int, cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("GET", r"/apis/resource\.k8s\.io$", answer, message=REFUSED)

    assert cluster.spoken(RESOURCE_CLAIM) == RESOURCE_CLAIM
