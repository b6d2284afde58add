"""Operators: whose webhook it is, what a status says, and which operator meets the requirement."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from aicr_pytest.cluster.kinds import POD, Kind
from aicr_pytest.cluster.labels import labelled, run_labels
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import PolicyRefused, WaitTimeout
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.requirements.rights import all_needs
from aicr_pytest.requirements.robust_controller.custom_resource import _excuse, is_owned
from aicr_pytest.requirements.robust_controller.operators import Operators
from aicr_pytest.requirements.robust_controller.solutions import SOLUTIONS
from aicr_pytest.requirements.robust_controller.solutions.jobset import JOBSET
from aicr_pytest.requirements.robust_controller.solutions.kuberay import KUBERAY
from aicr_pytest.requirements.robust_controller.solutions.nvidia import NIM
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator
from aicr_pytest.requirements.robust_controller.trial import Trial
from aicr_pytest.requirements.robust_controller.webhooks import (
    concerns,
    denier,
    stands_before,
    webhooks_for,
)
from aicr_pytest.requirements.solutions import Candidate, Found
from aicr_pytest.settings import Settings
from aicr_pytest.workloads.manifests import render_actor
from tests.unit.cluster.conftest import Recorder

RESOURCE = Kind("ray.io", "v1", "RayCluster", "rayclusters", True)


def rule(**changes: list[str]) -> dict[str, list[str]]:
    return {
        "apiGroups": ["ray.io"],
        "apiVersions": ["v1"],
        "resources": ["rayclusters"],
        "operations": ["CREATE", "UPDATE"],
        **changes,
    }


@pytest.mark.parametrize(
    "changes",
    [{}, {"apiGroups": ["*"], "resources": ["*/*"]}, {"operations": ["*"]}],
)
def test_webhook_is_asked_about_what_its_rules_name(changes: dict[str, list[str]]) -> None:
    assert concerns({"rules": [rule(**changes)]}, RESOURCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"apiGroups": ["apps"]},
        {"apiVersions": ["v1alpha1"]},
        {"resources": ["rayjobs", "rayclusters/status"]},
        {"operations": ["UPDATE"]},
    ],
)
def test_webhook_is_not_asked_about_anything_else(changes: dict[str, list[str]]) -> None:
    assert not concerns({"rules": [rule(**changes)], "matchPolicy": "Exact"}, RESOURCE)


def test_webhook_that_names_another_version_is_asked_unless_it_wants_an_exact_match() -> None:
    older = {"rules": [rule(apiVersions=["v1alpha1"])]}

    assert concerns(older, RESOURCE)
    assert concerns({**older, "matchPolicy": "Equivalent"}, RESOURCE)
    assert not concerns({**older, "matchPolicy": "Exact"}, RESOURCE)


@pytest.mark.parametrize(
    ("message", "who"),
    [
        ('admission webhook "v.kb.io" denied the request: no', 'webhook "v.kb.io"'),
        (
            "forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "ValidatingAdmissionPolicy 'p'",
        ),
        ("spec.x: Duplicate value", ""),
    ],
)
def test_denial_says_who_denied(message: str, who: str) -> None:
    assert denier(message) == who


def test_pods_that_a_quota_refuses_are_no_fault_of_the_operator() -> None:
    event = {
        "metadata": {},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": 'pods "x" is forbidden: exceeded quota: q, requested: pods=1',
    }
    forbidden = {**event, "message": 'pods is forbidden: User "operator" cannot create'}

    with pytest.raises(PolicyRefused, match="exceeded quota"):
        _excuse("RayCluster ns/x", {"spec": {}}, [], [event], own_webhooks=set)
    _excuse("RayCluster ns/x", {"spec": {}}, [], [forbidden], own_webhooks=set)


def deployment(name: str, image: str, **labels: str) -> dict[str, Any]:
    containers = [{"name": "manager", "image": image}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {"metadata": {"name": name, "namespace": "here"}, "spec": {"template": template}}


def test_service_stands_before_pods_that_it_selects_all_labels_of() -> None:
    workloads = [deployment("manager", "manager", app="ray", part="operator")]

    assert stands_before({"app": "ray"}, workloads)
    assert not stands_before({"app": "ray", "part": "proxy"}, workloads)
    assert not stands_before({}, workloads), "a Service without a selector stands before nobody"


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("kuberay-operator", "mirror.example.com:5000/anything@sha256:0123"),
        ("my-release-kuberay-operator", "x"),
        ("ray", "quay.io/kuberay/operator:v1.6.2"),
        ("ray", "mirror.example.com:5000/quay/kuberay/operator@sha256:0123"),
    ],
)
def test_controller_is_known_by_its_name_or_its_image(name: str, image: str) -> None:
    assert KUBERAY.is_controller(deployment(name, image))


class ClusterWithCrd:
    """A cluster that has one CRD and no Deployment."""

    def __init__(self, name: str, *versions: str) -> None:
        self.name = name
        self.versions = [{"name": version, "served": True} for version in versions]

    def find(self, kind: Kind, name: str) -> dict[str, Any] | None:
        return {"spec": {"versions": self.versions}} if name == self.name else None

    def list(self, kind: Kind) -> list[Any]:
        return []


def test_operator_is_found_by_its_crd_in_the_version_of_the_manifest() -> None:
    there: Any = ClusterWithCrd("rayclusters.ray.io", "v1")
    older: Any = ClusterWithCrd("rayclusters.ray.io", "v1alpha1")
    other: Any = ClusterWithCrd("rayjobs.ray.io", "v1")

    found = KUBERAY.found(there)

    assert found is not None
    assert "no Deployment of its controller" in found.where
    assert KUBERAY.found(older) is None
    assert KUBERAY.found(other) is None


def test_operator_without_a_manifest_is_found_in_whatever_version() -> None:
    there: Any = ClusterWithCrd("nimservices.apps.nvidia.com", "v2")

    assert NIM.found(there) is not None, "or the platform would be said to have no operator"


def test_another_deployment_is_no_controller() -> None:
    assert not KUBERAY.is_controller(deployment("kuberay-apiserver", "kuberay/apiserver:v1.6.2"))


def test_child_names_its_owner_by_uid() -> None:
    child = {"metadata": {"ownerReferences": [{"uid": "a"}, {"uid": "b"}]}}

    assert is_owned(child, "b")
    assert not is_owned(child, "c")
    assert not is_owned({"metadata": {}}, "a")


def test_ray_cluster_is_done_when_its_state_is_ready() -> None:
    status = {"state": "ready", "readyWorkerReplicas": 1, "desiredWorkerReplicas": 1}

    assert KUBERAY.done({"status": status})
    assert not KUBERAY.done({"status": {"state": "suspended"}})
    assert not KUBERAY.done({})
    assert KUBERAY.says({"status": status}) == "state ready; 1 of 1 workers ready"


def test_jobset_is_done_when_all_its_jobs_are_ready() -> None:
    status = {"replicatedJobsStatus": [{"name": "workers", "ready": 1, "active": 2}]}

    assert not JOBSET.done({"status": status})
    assert JOBSET.says({"status": status}) == ("workers: 1 of 2 Jobs ready, 2 active, 0 failed")
    status["replicatedJobsStatus"][0]["ready"] = 2
    assert JOBSET.done({"status": status})
    assert JOBSET.says({}) == "no status"


@pytest.mark.parametrize(
    "operator", [one for one in SOLUTIONS if one.manifest], ids=lambda one: one.name
)
def test_manifest_of_an_operator_has_one_flaw_and_the_suite_may_use_it(operator: Operator) -> None:
    sound, flawed = (
        render_actor(operator.manifest, actor="a", image="b", **values)[-1]
        for values in (operator.sound, operator.flawed)
    )
    granted = {(need.verb, need.group, need.resource) for need in all_needs()}
    children = {child.kind for child in operator.children}

    assert sound != flawed
    assert (sound["apiVersion"], sound["kind"]) == (
        operator.resource.api_version,
        operator.resource.name,
    )
    wanted = {("create", operator.resource), ("delete", operator.replaced[0])}
    wanted |= {("list", kind) for kind in children}
    assert {(verb, kind.group, kind.plural) for verb, kind in wanted} <= granted


class Left:
    """A custom resource that is still there, and what its removal comes to."""

    def __init__(self, gone: list[str], name: str, error: Exception | None = None) -> None:
        self._gone, self._name, self._error = gone, name, error

    def discard(self) -> None:
        if self._error:
            raise self._error
        self._gone.append(self._name)


def test_resource_that_cannot_be_removed_keeps_no_other_from_going() -> None:
    gone: list[str] = []

    class Trial:
        def __init__(self, *left: Left) -> None:
            self._left = left

        def left(self) -> list[Left]:
            return list(self._left)

    operators: Any = Operators.__new__(Operators)
    stuck = Left(gone, "a", WaitTimeout("it stays"))
    subjects = [Trial(stuck, Left(gone, "b")), Trial(Left(gone, "c"))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Operators, "subjects", property(lambda _: subjects))
        with pytest.raises(ExceptionGroup, match="could not be removed"):
            operators.close()

    assert gone == ["b", "c"]


class Site:
    """What a trial asks of its workspaces; the API server admits everything."""

    run_id = "20261124-042422-30ad"
    namespace = "aicr-422-30ad-robust-controller-bb24"
    observer = Recorder()

    def __init__(self, directory: Path) -> None:
        store = EvidenceStore.open(directory, self.run_id, Redactor())
        self.evidence = store.begin(
            "robust_controller", "test_x", title="", proves="", basis="plan"
        )
        self.cluster = self
        self.waiter = Waiter(self, 0.01, deadlines=Deadlines())  # type: ignore[arg-type]
        self.asked: list[str] = []

    def at(self) -> "Site":
        return self

    def fill(self, actor: str, *, image: str, name: str, **values: str) -> list[Any]:
        return render_actor(actor, actor=name, image=image, **values)

    def ours(self, obj: Any) -> Any:
        return labelled(obj, run_labels(self.run_id))

    def create(self, obj: Any, *, dry_run: bool) -> None:
        assert dry_run

    def logs(self, name: str, namespace: str, *, tail: int) -> str:
        self.asked.append(name)
        return f"{name} writes"

    def kept(self, directory: Path) -> list[str]:
        files = (directory / self.evidence.folder).glob("0*")
        return [file.read_text() for file in sorted(files)]


def trial(site: Site) -> Trial:
    candidate = Candidate(solution=KUBERAY, found=Found(where="here"))
    platform = SimpleNamespace(
        workspaces=site, cluster=site, evidence=site.evidence, settings=Settings(), waiter=None
    )
    return Trial(candidate, platform)  # type: ignore[arg-type]


def test_resource_that_is_offered_is_kept_whole_and_as_it_is_sent(tmp_path: Path) -> None:
    site = Site(tmp_path)

    assert trial(site).offer_mended().admitted

    (offered,) = yaml.safe_load_all(site.kept(tmp_path)[0])
    assert offered["spec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert offered["metadata"]["labels"] == run_labels(site.run_id)


class Ready:
    """A resource with two pods that are ready, of which one was made of our template."""

    gone = True

    namespace, request = "aicr", "GET /it"

    def reconciled(self) -> None:
        """At once."""

    def object(self) -> Any:
        return {"status": {}}

    def children(self) -> list[tuple[Child, list[Any]]]:
        pods = [
            {
                "metadata": {"name": name, "namespace": Site.namespace, "labels": labels},
                "spec": {"containers": [{"name": "ray", "image": "example.test/ray:1"}]},
                "status": {"phase": "Running"},
            }
            for name, labels in (("ours", run_labels(Site.run_id)), ("theirs", {"app": "x"}))
        ]
        return [(Child(kind=POD, count=2), pods)]


def test_only_pods_of_our_template_have_their_words_kept(tmp_path: Path) -> None:
    site = Site(tmp_path)
    looked_at = trial(site)
    looked_at._resources["sound"] = Ready()  # type: ignore[assignment]

    assert looked_at.reconciliation().ready == {"Pod": 2}

    assert site.asked == ["ours"]
    assert "theirs writes" not in "".join(site.kept(tmp_path))


def test_webhook_that_is_asked_by_url_shows_no_credentials() -> None:
    hook = {"name": "x", "clientConfig": {"url": "https://u:pl4nted@hooks.test/v?key=pl4nted"}}
    configuration = {"metadata": {"name": "hooks"}, "webhooks": [{**hook, "rules": [rule()]}]}

    class Listed:
        def list(self, kind: Kind) -> list[Any]:
            return [configuration]

    for webhook in webhooks_for(Listed(), RESOURCE, []):  # type: ignore[arg-type]
        assert webhook.asks == "https://hooks.test/v?…"
