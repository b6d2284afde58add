"""The labels that everything of a run carries: our own, and those that a user's platform wants."""

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NAMESPACE
from aicr_pytest.cluster.labels import labelled, run_labels
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi

ADDED = {"owner": "ml", "app": "theirs", "aicr-pytest/run": "theirs"}


def test_added_labels_are_on_what_is_made_later_and_replace_none() -> None:
    pod = {"metadata": {"labels": {"app": "ours"}}, "spec": {"containers": []}}
    deployment = {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": pod}}

    made = labelled(deployment, run_labels(RUN), ADDED)

    assert made["metadata"]["labels"] == {**ADDED, **run_labels(RUN)}
    inner = made["spec"]["template"]["metadata"]["labels"]
    assert inner == {"owner": "ml", "app": "ours", **run_labels(RUN)}


def test_everything_that_a_client_creates_has_them(cluster: Cluster, fake: FakeApi) -> None:
    cluster.labels = {"owner": "ml"}

    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aicr-x"}})

    made = cluster.get(NAMESPACE, "aicr-x")
    assert made["metadata"]["labels"] == {"owner": "ml", **run_labels(RUN)}
