"""Workspaces: what is made in them, and who refuses it."""

import re

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.names import namespace_name
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import ApiError, Inconclusive, PolicyRefused
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import (
    claim,
    deletions,
    fill,
    new_workspace,
    pod,
)


def test_namespace_names_are_short_and_valid() -> None:
    name = namespace_name("20260102-030405-Ab.9", "tests/x.test_" + "very_long_" * 9, "t0")

    assert namespace_name("r1", "a.test_dra_support", "t0") == "aicr-r1-dra-support-t0"
    assert len(name) <= 63
    assert re.fullmatch(r"aicr-[a-z0-9-]*[a-z0-9]", name)


def test_namespace_carries_labels_and_is_usable_once_open(
    workspace: Workspace, fake: FakeApi
) -> None:
    assert workspace.namespace == "aicr-run-1-dra-support-t0"
    assert fake.objects[f"/api/v1/namespaces/{workspace.namespace}"]["metadata"]["labels"] == {
        "team": "a",
        "pod-security.kubernetes.io/enforce": "restricted",
        "app.kubernetes.io/managed-by": "aicr-pytest",
        "aicr-pytest/run": RUN,
    }


def test_namespace_without_a_service_account_is_named(cluster: Cluster, waiter: Waiter) -> None:
    with pytest.raises(Inconclusive, match=r"usable: .*service account default: missing"):
        new_workspace(cluster, waiter).open()


def test_workspace_that_was_never_opened_closes(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    new_workspace(cluster, waiter).close()

    assert deletions(fake) == []


def test_kept_workspace_stays(cluster: Cluster, waiter: Waiter, fake: FakeApi) -> None:
    workspace = new_workspace(cluster, waiter, keep=True)
    fake.later(0.05, lambda: fill(fake, workspace.namespace))
    workspace.open()

    workspace.close()

    assert deletions(fake) == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, 'pods "gpu" is forbidden: exceeded quota: q, requested: pods=1, limited: 1'),
        (403, 'pods "gpu" is forbidden: violates PodSecurity "restricted:latest": hostPath'),
        (403, 'admission webhook "validation.gatekeeper.sh" denied the request: no label owner'),
        (400, 'admission webhook "validate.kyverno.svc-fail" denied the request: no label'),
        (401, 'admission webhook "x.example.com" denied the request: who are you'),
        (429, 'admission webhook "x.example.com" denied the request: too many'),
        (422, ("pods \"gpu\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
              "request: pods need the label owner")),
        (422, "pods \"gpu\" is invalid: policy 'm' with binding 'm' denied request: no such key"),
        (422, 'Pod "gpu" is invalid: spec.containers[1].image: Required value'),
    ],
)  # fmt: skip
def test_whoever_refuses_a_pod_of_ours_the_platform_is_not_accused(
    workspace: Workspace, fake: FakeApi, status: int, message: str
) -> None:
    fake.refuse("*", "/pods", status, reason="Refused", message=message, times=100)

    with pytest.raises(Inconclusive, match=re.escape(message)) as caught:
        workspace.pod(pod())
    assert "aicr-*" in caught.value.hint
    with pytest.raises(Inconclusive):
        workspace.apply([pod()])


@pytest.mark.parametrize("status", [400, 403, 422])
def test_policy_that_refuses_a_claim_or_the_namespace_is_no_answer_of_the_platform(
    workspace: Workspace, cluster: Cluster, waiter: Waiter, fake: FakeApi, status: int
) -> None:
    message = "is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: owner"
    fake.refuse("*", "/(resourceclaims|namespaces)", status, message=message, times=100)

    with pytest.raises(PolicyRefused, match="owner"):
        workspace.apply([claim()])
    with pytest.raises(PolicyRefused, match="owner"):
        new_workspace(cluster, waiter).open()


def test_a_refusal_of_a_claim_that_names_no_policy_is_the_platforms_answer(
    workspace: Workspace, fake: FakeApi
) -> None:
    fake.refuse("*", "/resourceclaims", 422, reason="Invalid", message="spec.devices: Invalid")

    with pytest.raises(ApiError, match=r"spec\.devices"):
        workspace.apply([claim()])


@pytest.mark.parametrize(
    "message",
    [
        'pods "gpu" is forbidden: status unknown for quota: tenant, resources: requests.cpu',
        'Operation cannot be fulfilled on resourcequotas "q": the object has been modified',
        (
            'pods "gpu" is forbidden: error looking up service account ns/default: serviceaccount '
            '"default" not found'
        ),
    ],
)
def test_a_refusal_that_passes_by_itself_is_waited_for(
    workspace: Workspace, fake: FakeApi, message: str
) -> None:
    fake.refuse("POST", "/pods", 403, reason="Forbidden", message=message, times=1)
    workspace.pod(pod())

    fake.refuse("POST", "/pods", 403, reason="Forbidden", message=message, times=1000)
    with pytest.raises(Inconclusive, match=re.escape(message)):
        workspace.pod(pod("another"))
