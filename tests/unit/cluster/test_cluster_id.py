"""The same cluster is known again, whichever way it is reached."""

import types
from typing import Any, cast

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.run.survey import take
from tests.unit.cluster.fake_api import FakeApi

NOTHING: Any = types.SimpleNamespace(stock=(), undescribed=(), sample_nodes=list)
"""Accelerators of a cluster without any."""
UID = "5c1f5d2e-3f0b-4c57-9a55-0f2d3a6b7c81"


def namespace(uid: str) -> dict[str, Any]:
    return {"metadata": {"name": "kube-system", "uid": uid}}


@pytest.mark.parametrize(
    ("uid", "known"), [(UID, "e2e4d6c37af00db8"), (UID.replace("5", "6"), None)]
)
def test_cluster_is_known_by_what_tells_nobody_its_uid(
    fake: FakeApi, cluster: Cluster, uid: str, known: str | None
) -> None:
    fake.put("/api/v1/namespaces", namespace(uid))

    found = take(cluster, NOTHING).cluster_id

    assert len(found) == 16
    assert (found == cast(str, known)) is (known is not None)
    assert uid[:8] not in found


def test_cluster_whose_uid_we_may_not_see_has_no_id(fake: FakeApi, cluster: Cluster) -> None:
    assert take(cluster, NOTHING).cluster_id == ""
