"""Who only looks asks for a list once, and for everything else as ever."""

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NODE, POD
from aicr_pytest.cluster.stillness import standing_still
from aicr_pytest.errors import ApiError
from tests.unit.cluster.fake_api import FakeApi

PODS = "/api/v1/namespaces/ns/pods"
ALL = r"^/api/v1/pods\?limit="


def put(fake: FakeApi, name: str) -> None:
    fake.put(PODS, {"metadata": {"name": name, "labels": {"app": name}}, "spec": {}})


def names(cluster: Cluster) -> list[str]:
    return [pod["metadata"]["name"] for pod in cluster.list(POD)]


def test_a_list_is_asked_for_once_while_it_lasts_and_no_longer(
    cluster: Cluster, fake: FakeApi
) -> None:
    put(fake, "a")
    with standing_still(cluster):
        assert names(cluster) == ["a"]
        put(fake, "b")
        assert names(cluster) == ["a"]
        assert len(fake.asked("GET", ALL)) == 1

    assert names(cluster) == ["a", "b"]


def test_another_selection_is_another_list_and_a_single_object_is_as_it_is(
    cluster: Cluster, fake: FakeApi
) -> None:
    put(fake, "a")
    with standing_still(cluster):
        assert len(cluster.list(POD)) == 1
        put(fake, "b")
        assert len(cluster.list(POD, labels="app=b")) == 1
        assert cluster.get(POD, "b", "ns")["metadata"]["name"] == "b"


def test_who_changes_a_list_changes_only_its_own(cluster: Cluster, fake: FakeApi) -> None:
    put(fake, "a")
    with standing_still(cluster):
        cluster.list(POD).clear()
        assert names(cluster) == ["a"]


def test_what_is_refused_is_refused_again_without_being_asked(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("GET", "/api/v1/nodes", 403, message="no", times=1)
    with standing_still(cluster):
        for _ in range(2):
            with pytest.raises(ApiError):
                cluster.list(NODE)

    assert cluster.list(NODE) == []
