"""An object of each kind goes through its life, and every verb that is not honoured is missed."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster import dra_versions
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import ApiError, Inconclusive, WaitTimeout
from aicr_pytest.requirements.dra_support.api_objects import dra_api, exercise
from tests.conformance import test_dra_support as suite
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import new_workspace
from tests.unit.kept import Kept
from tests.unit.requirements.judging import words_of

KINDS = list(suite.KINDS)
RESOURCES = r"/(deviceclasses|resourceclaims|resourceclaimtemplates|resourceslices)/"


@pytest.fixture
def platform(cluster: Cluster, waiter: Waiter) -> Any:
    """A platform with a workspace."""
    workspace: Workspace = new_workspace(cluster, waiter)
    return SimpleNamespace(
        workspaces=SimpleNamespace(at=lambda: workspace),
        cluster=cluster,
        waiter=waiter,
        evidence=Kept(),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_through_its_life_and_is_gone(
    kind: str, platform: Any, fake: FakeApi
) -> None:
    check = suite.test_dra_object_can_be_created_read_updated_and_deleted

    assert words_of(lambda: check(kind, platform)) == ""
    assert platform.evidence.facts["honoured"] == "create, get, update, delete"
    assert not [path for path in fake.objects if f"/{kind.lower()}" in path]


@pytest.mark.parametrize("kind", KINDS)
def test_object_is_kept_as_it_was_created_and_after_its_update(kind: str, platform: Any) -> None:
    exercise(f"dra_support/api_{kind}", platform)

    run_id, evidence = platform.cluster.run_id, platform.evidence
    made = evidence.shown["The object as it was created"]
    updated = evidence.shown["The object after an update"]
    name = made["metadata"]["name"]
    assert name == cluster_name(run_id, kind.lower())
    assert updated["metadata"]["uid"] == made["metadata"]["uid"]
    assert "aicr-pytest/updated" not in made["metadata"].get("annotations", {})
    assert updated["metadata"]["annotations"]["aicr-pytest/updated"] == run_id
    at = f"/namespaces/{platform.workspaces.at().namespace}" if "Claim" in kind else ""
    path = f"/apis/resource.k8s.io/v1{at}/{kind.lower().replace('class', 'classe')}s/{name}"
    assert evidence.sources == {
        "The object as it was created": f"PATCH {path}",
        "The object after an update": f"GET {path}",
    }


@pytest.mark.parametrize("method", ["PATCH", "GET", "DELETE"])
def test_verb_that_is_refused_accuses_by_the_request(
    method: str, platform: Any, fake: FakeApi
) -> None:
    fake.refuse(method, RESOURCES, 403, message="not here", reason="Invalid", times=9)

    with pytest.raises(ApiError, match="not here"):
        exercise("dra_support/api_ResourceClaim", platform)


def test_update_that_is_dropped_is_missed(platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "patch", lambda *_: None)

    def without_annotations(self: Cluster, *where: Any) -> Object:
        found = get(self, *where)
        return {**found, "metadata": {**found["metadata"], "annotations": {}}}

    get = Cluster.get
    monkeypatch.setattr(Cluster, "get", without_annotations)

    check = suite.test_dra_object_can_be_created_read_updated_and_deleted
    said = words_of(lambda: check("ResourceClaim", platform))
    assert "['create', 'get', 'delete']" in said


def test_another_object_of_the_name_is_none_that_was_read(
    platform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = Cluster.get

    def another(self: Cluster, *where: Any) -> Object:
        found = get(self, *where)
        return {**found, "metadata": {**found["metadata"], "uid": "another"}}

    monkeypatch.setattr(Cluster, "get", another)

    assert "get" not in exercise("dra_support/api_ResourceClaim", platform)


def test_object_that_stays_is_told(platform: Any, fake: FakeApi) -> None:
    fake.gone_after["resourceclaims"] = None

    with pytest.raises(WaitTimeout, match="to be deleted: not within"):
        exercise("dra_support/api_ResourceClaim", platform)


@pytest.mark.parametrize(
    ("version", "serves", "counts"),
    [
        ("v1.33.4-gke.1", ["v1beta1"], "v1beta1"),
        ("v1.33.4", ["v1beta2", "v1beta1"], "v1beta2"),
        ("v1.34.0", ["v1", "v1beta2"], "v1"),
    ],
)
def test_before_there_was_a_stable_api_its_beta_counts(
    version: str, serves: list[str], counts: str
) -> None:
    assert dra_api(of_version(version, *serves)) == (f"resource.k8s.io/{counts}", KINDS)


def test_an_older_server_without_a_beta_is_not_accused() -> None:
    with pytest.raises(Inconclusive, match=r"this is 1\.33, which serves no version of it"):
        dra_api(of_version("v1.33.4"))


def test_a_newer_server_that_has_only_betas_is_accused(platform: Any) -> None:
    cluster = of_version("v1.34.0", "v1beta2", "v1beta1")
    platform.cluster = cluster

    assert dra_api(cluster) == ("resource.k8s.io/v1", [])
    assert exercise("dra_support/api_ResourceClaim", platform) == []
    assert "resource.k8s.io/v1 is not served" in platform.evidence.facts["honoured"]


def of_version(version: str, *serves: str) -> Any:
    """A cluster of a Kubernetes with these versions of DRA."""
    return SimpleNamespace(
        serves=lambda _, one: KINDS if one in serves else [],
        spoken=lambda kind: kind.at(dra_versions.best(serves)),
        version=lambda: version,
    )
