"""What is served is told by one answer, or asked for group by group on servers that do not tell."""

import json

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.served import served_kinds
from aicr_pytest.errors import ApiUnreachable
from tests.unit.cluster.fake_api import FakeApi

GANGS = "scheduling.example/v1"


def test_every_kind_of_every_version_is_told(cluster: Cluster, fake: FakeApi) -> None:
    resources = [{"resource": "podgroups", "responseKind": {"kind": "PodGroup"}}]
    versions = [{"version": one, "resources": resources} for one in ("v1", "v1beta1")]
    empty = {"metadata": {"name": "metrics.example"}, "versions": [{"version": "v1"}]}
    items = [{"metadata": {"name": "scheduling.example"}, "versions": versions}, empty]
    fake.texts["/apis"] = json.dumps({"kind": "APIGroupDiscoveryList", "items": items})

    assert served_kinds(cluster) == [
        ("PodGroup", "scheduling.example/v1"),
        ("PodGroup", "scheduling.example/v1beta1"),
    ]


def test_servers_that_do_not_tell_all_are_asked_group_by_group(
    cluster: Cluster, fake: FakeApi
) -> None:
    groups = [{"name": "scheduling.example", "versions": [{"version": "v1"}]}]
    fake.texts["/apis"] = json.dumps({"kind": "APIGroupList", "groups": groups})
    fake.resources[f"/apis/{GANGS}"] = [
        {"name": "podgroups", "kind": "PodGroup", "namespaced": True},
        {"name": "podgroups/status", "kind": "PodGroup", "namespaced": True},
    ]

    assert served_kinds(cluster) == [("PodGroup", GANGS)]


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "Status", "status": "Failure"},
        {"kind": "APIGroupDiscoveryList", "items": [{"metadata": None, "versions": [{}]}]},
        {"kind": "APIGroupDiscoveryList"},
        {"kind": "APIGroupList", "groups": [7]},
    ],
    ids=str,
)
def test_answer_that_lists_nothing_is_no_proof_that_nothing_is_served(
    cluster: Cluster, fake: FakeApi, said: object
) -> None:
    fake.texts["/apis"] = json.dumps(said)

    with pytest.raises(ApiUnreachable, match="GET /apis: the answer lists no kinds"):
        served_kinds(cluster)
