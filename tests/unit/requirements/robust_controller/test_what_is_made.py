"""What is made to try an operator, what is kept of it, and what is left."""

import dataclasses
from typing import Any

import pytest

from aicr_pytest.cluster.labels import run_labels
from aicr_pytest.errors import ApiError, Inconclusive, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.robust_controller import controllers
from aicr_pytest.requirements.robust_controller.solutions.jobset import JOBSET
from aicr_pytest.requirements.robust_controller.solutions.kuberay import KUBERAY
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator
from aicr_pytest.requirements.robust_controller.solutions.trainer import TRAINER
from aicr_pytest.requirements.robust_controller.trial import Trial

from .one_operator import Api, Resource, Site, trial

OWN = 'admission webhook "v.ray.io" denied the request: no'
STRANGER = 'admission webhook "p.test" denied the request: no'
RESOURCES = "/apis/ray.io/v1/namespaces/ns/rayclusters"


def made(site: Site, name: str = "sound", operator: Operator = KUBERAY) -> Any:
    return trial(site=site, operator=operator)._resource(name)


# What is made


def test_resource_that_is_made_is_sound_and_made_once() -> None:
    site = Site()
    tried = trial(site=site)

    first, again, other = (tried._resource(one) for one in ("sound", "sound", "interrupted"))

    assert first is again is not other
    assert (first.name, first.uid, str(first)) == ("sound", "uid of sound", "RayCluster ns/sound")
    assert [obj["metadata"]["name"] for obj in site.applied] == ["sound", "interrupted"]
    spec = site.applied[0]["spec"]
    groups = [group["groupName"] for group in spec["workerGroupSpecs"]]
    assert len(groups) == len(set(groups)), "without the flaw"
    assert spec["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] == KUBERAY.image


def test_what_resources_refer_to_is_made_once_before_them() -> None:
    site = Site()
    tried = trial(site=site, operator=TRAINER)
    for name in ("sound", "interrupted"):
        tried._resource(name)

    kinds = [obj["kind"] for obj in site.applied]
    assert kinds == ["TrainingRuntime", "TrainJob", "TrainJob"]


@pytest.mark.parametrize(
    ("message", "error", "told"),
    [
        (STRANGER, PolicyRefused, r'^webhook "p.test" refuses any RayCluster of ours: POST .*: no'),
        (OWN, ApiError, "v.ray.io"),
        ("spec: Required value", ApiError, "Required value"),
    ],
)
def test_refusal_of_the_resource_accuses_unless_a_policy_refuses_it(
    message: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as caught:
        made(Site(Api(refuses={"applied": message})))
    hint = getattr(caught.value, "hint", "")
    assert hint.startswith("Exempt namespaces aicr-*") is (error is PolicyRefused)


def test_operator_without_a_resource_to_try_it_with_is_not_judged() -> None:
    nothing = dataclasses.replace(KUBERAY, manifest="")

    with pytest.raises(Inconclusive, match="KubeRay is installed, and the suite has no") as caught:
        made(Site(), operator=nothing)
    assert caught.value.hint.startswith("Nothing is said against it")


# Its controllers


@pytest.mark.parametrize(
    ("replicas", "looked_at"),
    [
        ({"a-kuberay-operator": 1, "b-kuberay-operator": 0}, ["a"]),
        ({"a-kuberay-operator": 0, "b-kuberay-operator": 1}, ["b"]),
        ({"a-kuberay-operator": None, "b-kuberay-operator": 0}, ["a"]),
        ({"a-kuberay-operator": 0, "b-kuberay-operator": 0}, ["a", "b"]),
    ],
)
def test_controllers_that_are_scaled_down_count_where_there_is_no_other(
    replicas: dict[str, int | None], looked_at: list[str]
) -> None:
    found = trial(Api(replicas=replicas))._controllers()

    assert [one["metadata"]["name"][0] for one in found] == looked_at


def test_controller_outside_the_cluster_cannot_be_looked_at() -> None:
    with pytest.raises(Inconclusive, match="no Deployment whose name ends in") as caught:
        trial(Api(name="somebody")).presence()
    assert caught.value.hint == "A controller that runs outside the cluster cannot be looked at."


def test_operator_that_watches_other_namespaces_only_is_not_accused() -> None:
    api, resource = Api(args=["--watch-namespace=a", "--watch-namespace", "b"]), Resource()
    resource.never = WaitTimeout("it never was")

    with pytest.raises(Inconclusive, match=r"^KubeRay watches only: a, b\.\n  it never") as caught:
        trial(api, resource).reconciliation()
    assert caught.value.hint.startswith("Let it watch namespaces aicr-* too")

    with pytest.raises(WaitTimeout, match=r"^it never was$"):
        trial(Api(), resource).reconciliation()


@pytest.mark.parametrize(("late", "ready"), [(2, 2), (3, 2), (9, 1)])
def test_children_that_lag_behind_the_status_are_looked_at_again(late: int, ready: int) -> None:
    resource = Resource()
    # The first two looks are for the evidence.
    resource.late = 2 + late

    seen = trial(resource=resource).reconciliation()

    assert (seen.name, seen.ready["Pod"]) == ("RayCluster ns/sound", ready)


def test_the_last_child_is_lost_and_told_with_the_one_that_came() -> None:
    site = Site()
    tried = trial(site=site)
    tried._resources["sound"] = Resource(pods=3)  # type: ignore[assignment]

    seen = tried.replacement()

    assert (seen.lost, seen.instead) == ("uid-2", "uid-3")
    assert site.evidence.facts == {"came back": "pod-3 instead of pod-2"}


def test_controllers_are_waited_for_by_the_pods_that_were_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, seen = Site(allow="disruption"), dict[str, Any]()

    def delete(cluster: Any, found: Any) -> dict[str, str]:
        seen["deleted"] = (cluster, [one["metadata"]["name"] for one in found])
        return {"a": "pod-a", "b": "pod-b"}

    def again(waiter: Any, found: Any, deleted: Any) -> None:
        names = [one["metadata"]["name"] for one in found]
        seen["again"] = (waiter, names, list(deleted))

    monkeypatch.setattr(controllers, "delete_pods", delete)
    monkeypatch.setattr(controllers, "run_again", again)
    tried = trial(site=site)
    tried._resources["interrupted"] = Resource()  # type: ignore[assignment]

    survival = tried.survival()

    assert survival.because() == "the pods of KubeRay were deleted: pod-a, pod-b"
    assert seen == {
        "deleted": (site.cluster, ["kuberay-operator"]),
        "again": (site.waiter, ["kuberay-operator"], ["a", "b"]),
    }
    assert site.evidence.facts == {"deleted": "pod-a, pod-b"}


def test_operator_whose_pods_are_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controllers, "delete_pods", lambda *_: {})

    survival = trial(resource=Resource(), allow="disruption").survival()

    assert survival.because() == "KubeRay has no pod"


def test_removal_names_the_resource() -> None:
    told = trial(resource=Resource()).removal().because()
    assert told == "RayCluster ns/sound owned 3 objects, and all go"


# What is kept


def test_controllers_and_webhooks_are_kept() -> None:
    site = Site(Api(hooks=[{"name": "p.test", "clientConfig": {"url": "https://p.test/v"}}]))
    seen = trial(site=site).presence()

    kept = site.evidence
    (title, deployments, source) = kept.objects[0]
    assert title == "Controller of KubeRay"
    assert source == "GET /apis/apps/v1/deployments"
    assert [one["metadata"]["name"] for one in deployments] == ["kuberay-operator"]
    table = kept.tables["Webhooks asked about a new RayCluster"]
    assert table.columns == (
        "webhook",
        "configuration",
        "asks",
        "failurePolicy",
        "the operator's own",
    )
    hooks = "ValidatingWebhookConfiguration hooks"
    assert table.rows == [
        ("v.ray.io", hooks, "ray/hooks", "Fail", True),
        ("p.test", hooks, "https://p.test/v", "Fail", False),
    ]
    where = "/apis/admissionregistration.k8s.io/v1"
    assert table.source == (
        f"GET {where}/mutatingwebhookconfigurations, GET {where}/validatingwebhookconfigurations"
    )
    assert (seen.product, seen.resource) == ("KubeRay", "RayCluster")


def test_what_a_reader_has_to_know_of_a_product_is_kept() -> None:
    site = Site()
    told = dataclasses.replace(KUBERAY, remark="a simple operator")
    trial(site=site, operator=told).presence()

    assert site.evidence.facts == {"KubeRay": "a simple operator"}
    assert "simple operator" in JOBSET.remark


def test_definition_is_kept_with_what_is_served_of_it() -> None:
    site = Site()
    trial(site=site).presence()

    table = site.evidence.tables["Definition of RayCluster"]

    assert table.columns == (
        "CRD",
        "versions served",
        "Established",
        "NamesAccepted",
        "kinds of ray.io/v1",
    )
    assert table.rows == [
        ("rayclusters.ray.io", "v1", "True", "", "RayCluster, RayJob, RayService")
    ]


def test_offers_are_kept_with_their_answers() -> None:
    site = Site(Api(refuses={"flawed": OWN}))
    tried = trial(site=site)
    tried.offer_flawed()
    tried.offer_mended()

    kept, source = site.evidence, f"POST {RESOURCES}?dryRun=All"
    assert [(title, where) for title, _, where in kept.objects] == [
        ("The flawed RayCluster", source),
        ("The mended RayCluster", source),
    ]
    assert {obj["metadata"]["namespace"] for _, obj, _ in kept.objects} == {"ns"}
    assert {obj["metadata"]["name"] for _, obj, _ in kept.objects} == {"offered"}
    assert kept.objects[0][1]["metadata"]["labels"] == run_labels(Api.run_id)
    assert kept.texts == {
        "Answer to the flawed RayCluster": (f"POST rayclusters: 403 Forbidden: {OWN}", source),
        "Answer to the mended RayCluster": ("admitted", source),
    }


BY_OWN = "denied by the operator's own webhook"
FLAW = "whose two worker groups have the same name"


@pytest.mark.parametrize(
    ("refuses", "answers"),
    [
        ({"flawed": OWN}, [(BY_OWN, "no"), ("admitted", "")]),
        ({"flawed": OWN, "mended": OWN}, [(BY_OWN, "no"), (BY_OWN, "no")]),
        ({"flawed": STRANGER}, [('denied by webhook "p.test"', "no"), ("admitted", "")]),
        (
            {"flawed": "spec: Duplicate value"},
            [("denied by no webhook", "Duplicate value"), ("admitted", "")],
        ),
        ({}, [("admitted", ""), ("admitted", "")]),
    ],
)
def test_twins_are_kept_side_by_side(
    refuses: dict[str, str], answers: list[tuple[str, str]]
) -> None:
    site = Site(Api(refuses=refuses))
    tried = trial(site=site)
    tried.offer_flawed()
    tried.offer_mended()

    table = site.evidence.tables["Answers to the flawed resource and to its mended twin"]
    flawed, mended = answers
    assert table.rows == [
        ("flawed RayCluster", FLAW, BY_OWN, *flawed),
        ("mended RayCluster", "the same, with that one field mended", "admitted", *mended),
    ]
    assert (table.compare, table.picture) == (("expected", "answer"), "twins")


def test_policy_that_refuses_everything_is_named_with_its_words() -> None:
    everything = Api(refuses={"flawed": STRANGER, "mended": STRANGER})

    with pytest.raises(PolicyRefused, match=r"of ours: POST .* denied the request: no") as caught:
        trial(everything).offer_flawed()
    assert caught.value.hint.startswith("Exempt namespaces aicr-* from this policy")


def test_resource_and_what_it_owns_are_kept_with_words_of_our_own_pods_that_are_ready() -> None:
    site = Site()
    tried = trial(site=site)
    tried._resources["sound"] = Resource(pods=4, ready=3)  # type: ignore[assignment]
    tried.reconciliation()

    kept = site.evidence
    assert kept.objects == [("RayCluster ns/sound", {"status": {"state": "ready"}}, "GET /it")]
    table = kept.tables["What RayCluster ns/sound owns"]
    assert table.columns == ("kind", "name", "ready")
    pods = [("Pod", f"pod-{number}", number < 3) for number in range(4)]
    assert table.rows == [*pods, ("Service", "s", True)]
    assert table.source == "GET /api/v1/namespaces/ns/pods, GET /api/v1/namespaces/ns/services"
    assert site.cluster.logged == [("pod-1", "ns", 10), ("pod-2", "ns", 10)], (
        "pod 0 is of another run"
    )
    assert kept.texts["Log of pod pod-1"] == (
        "pod-1 writes",
        "GET /api/v1/namespaces/ns/pods/pod-1/log?tailLines=10",
    )
    assert kept.pulled == {"ray:1": "sha256:1", "ray:2": "sha256:2"}


# What is left


@pytest.mark.parametrize(
    ("kept", "gone", "left"),
    [(False, False, 1), (False, True, 0), (True, False, 0), (True, True, 0)],
)
def test_resources_that_are_there_are_removed_unless_the_workspace_stays(
    kept: bool, gone: bool, left: int
) -> None:
    resource = Resource()
    resource.gone = gone
    tried: Trial = trial(site=Site(kept=kept))
    tried._resources["sound"] = resource  # type: ignore[assignment]

    assert len(tried.left()) == left


def test_nothing_is_left_of_what_was_never_made() -> None:
    class NoWorkspace(Site):
        def at(self) -> Site:
            raise AssertionError("a workspace would be made for nothing")

    assert trial(site=NoWorkspace()).left() == []
