"""Admission webhooks: whose they are, and what came of an object that was offered."""

from collections.abc import Sequence
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.errors import ApiError, ApiUnreachable, PolicyRefused
from aicr_pytest.requirements.robust_controller.webhooks import (
    Answer,
    Webhook,
    concerns,
    offer,
    webhooks_for,
)
from tests.unit.requirements.served_cluster import ServedCluster

RESOURCE = Kind("ray.io", "v1", "RayCluster", "rayclusters", True)
RULE = {
    "apiGroups": ["ray.io"],
    "apiVersions": ["v1"],
    "resources": ["rayclusters"],
    "operations": ["CREATE"],
}
OPERATOR: Object = {
    "metadata": {"name": "ray-operator", "namespace": "ray"},
    "spec": {"template": {"metadata": {"labels": {"app": "ray"}}}},
}
OBJECT: Object = {"kind": "RayCluster", "metadata": {"name": "offered"}}


def service(name: str, namespace: str, selector: dict[str, str] | None) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector}}


class Answers:
    """An API server with one answer to whatever is offered."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[Object, bool]] = []

    def create(self, obj: Object, *, dry_run: bool) -> None:
        self.asked.append((obj, dry_run))
        if self.error:
            raise self.error


def refused(message: str) -> ApiError:
    return ApiError(403, "Forbidden", message, request="POST it")


DENIED = 'admission webhook "v.ray.io" denied the request: no'
INVALID = "RayCluster offered is invalid: spec: Required value"
SILENT = 'the API server answers only 500: failed calling webhook "v.ray.io": refused'


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (None, Answer(admitted=True)),
        (
            refused(DENIED),
            Answer(
                admitted=False,
                text=f"POST it: 403 Forbidden: {DENIED}",
                denied_by='webhook "v.ray.io"',
            ),
        ),
        (refused(INVALID), Answer(admitted=False, text=f"POST it: 403 Forbidden: {INVALID}")),
        (
            ApiUnreachable(SILENT),
            Answer(admitted=False, text=SILENT, unanswered_by='webhook "v.ray.io"'),
        ),
    ],
)
def test_answer_to_an_offer_says_who_gave_it(error: Exception | None, answer: Answer) -> None:
    cluster: Any = Answers(error)

    assert offer(cluster, OBJECT) == answer
    assert cluster.asked == [(OBJECT, True)], "by dry run"


def test_quota_that_refuses_whatever_is_offered_accuses_nobody() -> None:
    cluster: Any = Answers(refused("is forbidden: exceeded quota: q, requested: count=1"))

    with pytest.raises(PolicyRefused, match=r"POST it.*exceeded quota: q"):
        offer(cluster, OBJECT)


def test_api_server_that_does_not_answer_is_no_answer() -> None:
    cluster: Any = Answers(ApiUnreachable("429 Too Many Requests"))

    with pytest.raises(ApiUnreachable, match="429"):
        offer(cluster, OBJECT)


@pytest.mark.parametrize(
    ("policy", "versions", "asked"),
    [
        ("Exact", ["v1"], True),
        ("Exact", ["v1alpha1", "v1"], True),
        ("Exact", ["*"], True),
        ("Exact", ["v1alpha1"], False),
        ("Exact", None, False),
        ("Equivalent", ["v1alpha1"], True),
        (None, ["v1alpha1"], True),
    ],
)
def test_versions_count_where_they_have_to_match_exactly(
    policy: str | None, versions: Sequence[str] | None, asked: bool
) -> None:
    rule = {**RULE, "apiVersions": versions}
    assert concerns({"rules": [rule], "matchPolicy": policy}, RESOURCE) is asked


@pytest.mark.parametrize("name", ["apiGroups", "resources", "operations"])
def test_rule_that_does_not_say_what_it_is_about_is_about_nothing(name: str) -> None:
    assert not concerns({"rules": [{**RULE, name: None}]}, RESOURCE)
    assert not concerns({"rules": None}, RESOURCE)


def test_webhooks_are_listed_with_whom_they_ask_and_the_operators_own_first() -> None:
    asked = {"service": {"namespace": "ray", "name": "hooks"}}
    by_url = {"url": "https://policy.test/v"}
    cluster: Any = ServedCluster(
        MutatingWebhookConfiguration=[
            {
                "metadata": {"name": "policies"},
                "webhooks": [
                    {"name": "p.test", "clientConfig": by_url, "rules": [RULE]},
                    {"name": "pods.test", "clientConfig": by_url, "rules": [{"resources": []}]},
                ],
            },
            {"metadata": {"name": "empty"}, "webhooks": None},
        ],
        ValidatingWebhookConfiguration=[
            {
                "metadata": {"name": "ray"},
                "webhooks": [
                    {
                        "name": "v.ray.io",
                        "clientConfig": asked,
                        "failurePolicy": "Ignore",
                        "rules": [RULE],
                    },
                    {"name": "n.test", "clientConfig": {}, "rules": [RULE]},
                ],
            }
        ],
        Service=[service("hooks", "ray", {"app": "ray"})],
    )

    policy: Any = {"failure_policy": "Fail", "own": False}
    assert webhooks_for(cluster, RESOURCE, [OPERATOR]) == [
        Webhook(
            name="v.ray.io",
            configuration="ValidatingWebhookConfiguration ray",
            failure_policy="Ignore",
            asks="ray/hooks",
            own=True,
        ),
        Webhook(
            name="p.test",
            configuration="MutatingWebhookConfiguration policies",
            asks="https://policy.test/v",
            **policy,
        ),
        Webhook(
            name="n.test",
            configuration="ValidatingWebhookConfiguration ray",
            asks="nobody",
            **policy,
        ),
    ]


@pytest.mark.parametrize(
    "there",
    [
        service("hooks", "ray", {"app": "x"}),
        service("hooks", "ray", None),
        service("hooks", "other", {"app": "ray"}),
        service("other", "ray", {"app": "ray"}),
    ],
)
def test_webhook_is_the_operators_own_only_where_its_pods_stand_behind_it(there: Object) -> None:
    client = {"service": {"namespace": there["metadata"]["namespace"], "name": "hooks"}}
    hook = {"name": "v.ray.io", "clientConfig": client, "rules": [RULE]}
    cluster: Any = ServedCluster(
        ValidatingWebhookConfiguration=[{"metadata": {"name": "ray"}, "webhooks": [hook]}],
        Service=[there],
    )

    (found,) = webhooks_for(cluster, RESOURCE, [OPERATOR])
    assert not found.own
