"""What an operator on trial is seen to do, and what the checks say of it."""

from typing import Any

import pytest

from aicr_pytest.errors import ApiUnreachable, Inconclusive, NotAllowed, PolicyRefused
from aicr_pytest.requirements.robust_controller.observed import (
    Children,
    Offer,
    Presence,
    Reconciled,
    Removal,
    Replacement,
    Survival,
)
from aicr_pytest.requirements.robust_controller.webhooks import Answer, Webhook
from tests.conformance import test_robust_controller as suite
from tests.unit.requirements.judging import judged

from .one_operator import Api, Resource, trial

OWN = Webhook(name="v.ray.io", configuration="c", failure_policy="Fail", asks="ns/ray", own=True)
ANOTHER = Webhook(name="m.ray.io", configuration="c", failure_policy="Fail", asks="n", own=True)
POLICY = Webhook(name="p.test", configuration="c", failure_policy="Fail", asks="ns/p", own=False)
FLAW = "whose two worker groups have the same name"
DENIED = 'admission webhook "v.ray.io" denied the request: no'


def test_presence_is_crd_controllers_and_webhooks() -> None:
    seen = trial().presence()

    assert (seen.crd, seen.established, seen.unavailable) == ("rayclusters.ray.io", "True", ())
    assert seen.own_webhooks == ('webhook "v.ray.io"',)
    assert seen.because() == ""


def test_what_is_missing_is_seen() -> None:
    api = Api(established="False", selector={"app": "other"}, name="down-kuberay-operator")

    seen = trial(api).presence()

    assert seen.established == "False"
    assert seen.unavailable == ("Deployment ray/down-kuberay-operator",)
    assert seen.own_webhooks == ()


def test_controller_that_is_not_there_cannot_be_looked_at() -> None:
    with pytest.raises(Inconclusive, match="no Deployment whose name ends in kuberay-operator"):
        trial(Api(name="somebody")).presence()


def test_flawed_and_mended_resource_are_offered_and_answered() -> None:
    api = Api(refuses={"flawed": DENIED})

    flawed, mended = trial(api).offer_flawed(), trial(api).offer_mended()

    assert api.offered == ["flawed", "mended"]
    assert (flawed.admitted, flawed.denied_by) == (False, 'webhook "v.ray.io"')
    assert (flawed.resource, flawed.flaw, flawed.product) == ("RayCluster", FLAW, "KubeRay")
    assert flawed.own_webhooks == ('webhook "v.ray.io"',)
    assert (mended.admitted, mended.flaw) == (True, "")


def test_policy_that_refuses_whatever_is_offered_accuses_nobody() -> None:
    stranger = 'admission webhook "p.test" denied the request: no'
    everything = Api(refuses={"flawed": stranger, "mended": stranger})

    with pytest.raises(PolicyRefused, match=r'webhook "p.test" refuses any RayCluster of ours'):
        trial(everything).offer_flawed()
    with pytest.raises(PolicyRefused, match="refuses any"):
        trial(everything).offer_mended()
    assert trial(Api(refuses={"flawed": stranger})).offer_flawed().denied_by == 'webhook "p.test"'


def unanswered(who: str) -> Exception:
    said = f'Internal error occurred: failed calling webhook "{who}": connection refused'
    return ApiUnreachable(f"POST rayclusters: the API server answers only 500: {said}")


@pytest.mark.parametrize("what", ["flawed", "mended"])
def test_webhook_of_somebody_else_that_gives_no_answer_accuses_nobody(what: str) -> None:
    tried = trial(Api(refuses={what: unanswered("p.test")}))
    look = {"flawed": tried.offer_flawed, "mended": tried.offer_mended}[what]

    said = r'^webhook "p.test" gives no answer, and is none of KubeRay\'s: POST .* refused'
    with pytest.raises(Inconclusive, match=said) as caught:
        look()
    assert "exempt namespaces aicr-*" in caught.value.hint


@pytest.mark.parametrize("what", ["flawed", "mended"])
def test_own_webhook_that_gives_no_answer_does_not_work(what: str) -> None:
    tried = trial(Api(refuses={what: unanswered("v.ray.io")}))

    offered = {"flawed": tried.offer_flawed, "mended": tried.offer_mended}[what]()

    assert (offered.admitted, offered.denied_by) == (False, "")
    assert offered.answer.unanswered_by == 'webhook "v.ray.io"'
    assert offered.because() != ""


def test_own_webhook_that_denies_everything_is_no_policy() -> None:
    offered = trial(Api(refuses={"flawed": DENIED, "mended": DENIED})).offer_mended()

    assert (offered.admitted, offered.denied_by) == (False, 'webhook "v.ray.io"')


def test_children_are_counted_once_the_status_says_that_it_is_reconciled() -> None:
    resource = Resource(pods=2, ready=1, services=3)

    seen = trial(resource=resource).reconciliation()

    assert resource.done == 1
    assert seen.status == "state ready; 0 of 0 workers ready"
    assert seen.children == (
        Children(kind="Pod", wanted=2, owned=2, ready=1),
        Children(kind="Service", wanted=1, owned=3, ready=3),
    )


def test_replacement_is_none_of_those_that_were_there() -> None:
    seen = trial(resource=Resource()).replacement()

    assert (seen.lost, seen.instead) == ("uid-1", "uid-2")
    assert seen.before == {"uid-0", "uid-1"}


def test_removal_is_of_what_was_owned() -> None:
    resource, nothing = Resource(), Resource(pods=0, services=0)

    removal = trial(resource=resource).removal()
    assert (removal.owned, removal.gone, resource.gone) == (3, True, True)
    removal = trial(resource=nothing).removal()
    assert (removal.owned, removal.gone, nothing.gone) == (0, False, False)


def test_survival_is_seen_of_pods_that_were_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[str] = []
    where = "aicr_pytest.requirements.robust_controller.controllers"
    monkeypatch.setattr(f"{where}.delete_pods", lambda *_: {"uid": "manager-0"})
    monkeypatch.setattr(f"{where}.run_again", lambda *_: came.append("again"))
    resource = Resource()
    monkeypatch.setattr(resource, "reconciled", lambda: came.append("reconciled"))

    seen = trial(resource=resource, allow="disruption").survival()

    assert (seen.deleted, seen.reconciled) == (("manager-0",), True)
    assert came == ["again", "reconciled"], "till then the old pods might do the work"


def test_survival_of_no_pod_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    where = "aicr_pytest.requirements.robust_controller.controllers"
    monkeypatch.setattr(f"{where}.delete_pods", lambda *_: {})

    seen = trial(resource=Resource(), allow="disruption").survival()

    assert (seen.deleted, seen.reconciled) == ((), False)


def test_pods_are_deleted_only_where_that_is_allowed() -> None:
    with pytest.raises(NotAllowed):
        trial(resource=Resource()).survival()


# -- what the checks say ---------------------------------------------------------------------------


def presence(**changes: Any) -> Presence:
    fine = {"unavailable": (), "established": "True", "webhooks": (OWN, POLICY)}
    told: dict[str, Any] = {**fine, **changes}
    return Presence(product="KubeRay", resource="RayCluster", crd="rayclusters.ray.io", **told)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        (
            {"unavailable": ("Deployment a/b",)},
            "Deployment a/b has no pod that is available",
        ),
        ({"established": "False"}, "CRD rayclusters.ray.io is not established"),
        (
            {"webhooks": (POLICY,)},
            ("no webhook of KubeRay is asked about a new RayCluster; webhooks that are: p.test "
            "(asks ns/p, failurePolicy Fail)"),
        ),
        (
            {"unavailable": ("Deployment a/b",), "webhooks": ()},
            ("Deployment a/b has no pod that is available\n"
            "no webhook of KubeRay is asked about a new RayCluster; webhooks that are: none"),
        ),
    ],
)  # fmt: skip
def test_operator_has_to_be_there_whole(changes: dict[str, Any], words: str) -> None:
    check = suite.test_operator_runs_and_is_asked_about_its_resources
    assert judged(check, presence=presence(**changes)) == words


def offer(flaw: str, *webhooks: Webhook, **answer: Any) -> Offer:
    return Offer(
        resource="RayCluster",
        flaw=flaw,
        product="KubeRay",
        answer=Answer(**{"admitted": False, **answer}),
        webhooks=webhooks or (OWN, POLICY),
    )


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        (offer(FLAW, text="no", denied_by='webhook "v.ray.io"'), ""),
        (
            offer(FLAW, admitted=True),
            (f"a RayCluster {FLAW} is admitted; webhooks that are asked: v.ray.io (asks ns/ray, "
            "failurePolicy Fail); p.test (asks ns/p, failurePolicy Fail)"),
        ),
        (
            offer(FLAW, text="late", unanswered_by='webhook "v.ray.io"'),
            f'webhook "v.ray.io" gives no answer to a RayCluster {FLAW}: late',
        ),
        (
            offer(FLAW, text="no", denied_by='webhook "p.test"'),
            (f'a RayCluster {FLAW} is refused by webhook "p.test", not by one of KubeRay\'s own '
            '(webhook "v.ray.io"): no'),
        ),
        (
            offer(FLAW, OWN, ANOTHER, POLICY, text="Duplicate value"),
            (f"a RayCluster {FLAW} is refused by no webhook, not by one of KubeRay's own "
            '(webhook "m.ray.io", webhook "v.ray.io"): Duplicate value'),
        ),
        (
            offer(FLAW, POLICY, text="Duplicate value"),
            (f"a RayCluster {FLAW} is refused by no webhook, not by one of KubeRay's own (there is "
            "none): Duplicate value"),
        ),
    ],
)  # fmt: skip
def test_flaw_has_to_be_denied_by_the_operators_own_webhook(offered: Offer, words: str) -> None:
    check = suite.test_flawed_resource_is_denied_by_the_operators_own_webhook
    assert judged(check, offer_flawed=offered) == words


def test_mended_resource_has_to_be_admitted() -> None:
    check = suite.test_resource_with_the_flaw_mended_is_admitted
    denied = offer("", text="no", denied_by='webhook "v.ray.io"')

    assert judged(check, offer_mended=offer("", admitted=True)) == ""
    assert judged(check, offer_mended=denied) == "a RayCluster without a flaw is refused: no"
    stranger = offer("", text="no", denied_by='webhook "p.test"')
    assert judged(check, offer_mended=stranger) == "a RayCluster without a flaw is refused: no"


FEW_PODS = "the status of it says ready, but it owns 4 Pod of 2, of which 1 are ready"
NO_SERVICE = "the status of it says ready, but it owns 4 Service of 1, of which 0 are ready"


@pytest.mark.parametrize(
    ("pods", "services", "words"),
    [
        (2, 1, ""),
        (3, 2, ""),
        (1, 2, FEW_PODS),
        (2, 0, NO_SERVICE),
        (1, 0, f"{FEW_PODS}\n{NO_SERVICE}"),
    ],
)
def test_every_kind_of_child_has_to_be_ready(pods: int, services: int, words: str) -> None:
    children = (
        Children(kind="Pod", wanted=2, owned=4, ready=pods),
        Children(kind="Service", wanted=1, owned=4, ready=services),
    )
    seen = Reconciled(name="it", status="ready", children=children)

    assert judged(suite.test_resource_is_reconciled, reconciliation=seen) == words


@pytest.mark.parametrize(("lost", "instead", "fine"), [("a", "c", True), ("a", "b", False)])
def test_child_that_comes_back_has_to_be_another(lost: str, instead: str, fine: bool) -> None:
    seen = Replacement(lost=lost, before=frozenset({"a", "b"}), instead=instead)

    said = judged(suite.test_child_that_was_deleted_comes_back, replacement=seen)

    assert (said == "") is fine


def test_what_was_owned_has_to_be_gone() -> None:
    check = suite.test_deletion_removes_what_the_operator_made

    assert judged(check, removal=Removal(name="it", owned=3, gone=True)) == ""
    stays = Removal(name="it", owned=3, gone=False)
    assert judged(check, removal=stays) == "it owned 3 objects, and not all go"
    assert judged(check, removal=Removal(name="it", owned=0, gone=True)) == (
        "it owns nothing, so that nothing could be seen to go"
    )


def test_pods_have_to_be_lost_and_the_resource_reconciled() -> None:
    check = suite.test_operator_survives_the_loss_of_its_pod_while_it_reconciles
    seen = {"product": "KubeRay"}

    assert judged(check, survival=Survival(deleted=("a",), reconciled=True, **seen)) == ""
    stuck = Survival(deleted=("a", "b"), reconciled=False, **seen)
    assert judged(check, survival=stuck) == "the pods of KubeRay were deleted: a, b"
    for reconciled in (False, True):
        nobody = Survival(deleted=(), reconciled=reconciled, **seen)
        assert judged(check, survival=nobody) == "KubeRay has no pod"
