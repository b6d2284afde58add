"""Taking down a workspace: in the safe order, unforced, and what stays is told."""

import pytest

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import LeftBehind
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import (
    CLAIMS,
    claim,
    deletions,
    device_class,
    gang,
    pod,
)


def test_teardown_goes_pods_gangs_claims_namespace_classes(
    workspace: Workspace, fake: FakeApi
) -> None:
    workspace.apply([device_class("aicr-a"), claim(), gang("both")])
    workspace.pod(pod("one"))
    workspace.pod(pod("two"))
    fake.gone_after = {"pods": 0.1, "podgroups": 0.1, "resourceclaims": 0.1, "namespaces": 0.1}

    workspace.close()

    order = deletions(fake)
    assert set(order[:2]) == {"pods/one", "pods/two"}
    assert order[2:] == [
        "podgroups/both",
        "resourceclaims/gpu",
        f"namespaces/{workspace.namespace}",
        "deviceclasses/aicr-a",
    ]
    assert not [path for path in fake.objects if "/serviceaccounts" not in path][1:]


def test_a_namespace_is_empty_once_its_pods_and_claims_are_gone_and_before_it_goes_itself(
    workspace: Workspace, fake: FakeApi
) -> None:
    workspace.apply([claim()])
    workspace.pod(pod())
    fake.gone_after = {"pods": 0.1, "resourceclaims": 0.1, "namespaces": 0.1}
    seen: list[list[str]] = []

    workspace.close(lambda: seen.append(deletions(fake)))
    assert seen == [["pods/gpu", "resourceclaims/gpu"]]

    workspace.close(lambda: seen.append([]))
    assert len(seen) == 1


def test_a_namespace_that_keeps_a_pod_is_never_empty(workspace: Workspace, fake: FakeApi) -> None:
    workspace.pod(pod())
    fake.gone_after = {"pods": None}
    seen: list[None] = []

    with pytest.raises(LeftBehind):
        workspace.close(lambda: seen.append(None))
    assert not seen


def test_what_kueue_made_of_a_gated_group_goes_with_its_pods_and_before_they_are_awaited(
    workspace: Workspace, fake: FakeApi
) -> None:
    api = "/apis/kueue.x-k8s.io/v1beta2"
    fake.resources[api] = [{"name": "localqueues", "kind": "LocalQueue", "namespaced": True}]
    queue = {"apiVersion": api.removeprefix("/apis/"), "kind": "LocalQueue"}
    workspace.apply([{**queue, "metadata": {"name": "gangs"}, "spec": {}}])
    workspace.pod(pod("gated"))
    workload = {"metadata": {"name": "gang"}}
    fake.put(f"{api}/namespaces/{workspace.namespace}/workloads", workload)
    fake.gone_after = {"pods": None}  # as Kueue has it, for as long as there is the Workload

    with pytest.raises(LeftBehind):
        workspace.close()
    assert deletions(fake) == ["pods/gated", "workloads/gang"]


def test_controllers_go_before_the_pods_that_they_would_make_anew(
    workspace: Workspace, fake: FakeApi
) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {},
    }
    workspace.apply([deployment, pod()])

    workspace.close()

    assert deletions(fake)[:2] == ["deployments/web", "pods/gpu"]


def test_gateway_is_awaited_before_its_namespace_goes(workspace: Workspace, fake: FakeApi) -> None:
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge"},
    }
    fake.gone_after["gateways"] = None
    workspace.apply([gateway])

    with pytest.raises(LeftBehind, match="no Gateway left: not within"):
        workspace.close()

    assert deletions(fake) == ["gateways/edge"]


def test_teardown_never_forces(
    workspace: Workspace, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Object] = []
    delete = fake.delete

    def listen(path: str, options: Object) -> tuple[int, Object]:
        sent.append(options)
        return delete(path, options)

    monkeypatch.setattr(fake, "delete", listen)
    workspace.pod(pod())

    workspace.close()

    assert sent
    assert not [options for options in sent if "gracePeriodSeconds" in options]
    assert all(options["preconditions"]["uid"] for options in sent)
    assert fake.asked("PATCH", "") == []


def test_pod_that_stays_is_left_behind_and_nothing_after_it_is_touched(
    workspace: Workspace, fake: FakeApi
) -> None:
    fake.gone_after["pods"] = None
    workspace.apply([claim()])
    made = workspace.pod(pod())
    fake.put(
        f"/api/v1/namespaces/{workspace.namespace}/events",
        {
            "metadata": {"name": "e"},
            "involvedObject": {"uid": made.uid},
            "reason": "FailedKillPod",
            "message": "unprepare failed",
        },
    )

    with pytest.raises(LeftBehind) as caught:
        workspace.close()

    assert f"Pod {workspace.namespace}/gpu (being deleted, finalizers: none)" in str(caught.value)
    assert "Last event of Pod gpu: FailedKillPod: unprepare failed" in str(caught.value)
    assert f"aicr-pytest clean --run {RUN}" in str(caught.value)
    assert deletions(fake) == ["pods/gpu"]


def test_claim_that_stays_is_named_with_its_finalizers_and_keeps_them(
    workspace: Workspace, fake: FakeApi
) -> None:
    protection = "resource.kubernetes.io/delete-protection"
    workspace.apply([claim(finalizers=[protection])])

    with pytest.raises(LeftBehind, match=f"ResourceClaim .*/gpu .*finalizers: {protection}"):
        workspace.close()

    path = f"{CLAIMS}/namespaces/{workspace.namespace}/resourceclaims/gpu"
    assert fake.objects[path]["metadata"]["finalizers"] == [protection]


def test_user_who_may_not_list_claims_leaves_no_namespace_behind(
    workspace: Workspace, fake: FakeApi
) -> None:
    message = 'x is forbidden: User "me" cannot list resource "x" in API group ""'
    fake.refuse("GET", "/resourceclaims", 403, reason="Forbidden", message=message)

    workspace.close()

    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


@pytest.mark.parametrize(
    ("condition", "seconds"),
    [("NamespaceContentRemaining", 0.5), ("NamespaceDeletionDiscoveryFailure", 0.2)],
)
def test_namespace_that_stays_tells_what_is_in_its_way(
    condition: str, seconds: float, workspace: Workspace, fake: FakeApi
) -> None:
    fake.gone_after["namespaces"] = None
    said = {"type": condition, "status": "True", "message": "1 widget left"}
    fake.change(
        f"/api/v1/namespaces/{workspace.namespace}",
        lambda obj: obj.update(kind="Namespace", status={"conditions": [said]}),
    )

    with pytest.raises(LeftBehind, match=f"not within {seconds} s[^$]*{condition}: 1 widget left"):
        workspace.close()


def test_close_can_be_called_again_after_something_was_left_behind(
    workspace: Workspace, fake: FakeApi
) -> None:
    fake.gone_after["pods"] = None
    workspace.pod(pod())
    with pytest.raises(LeftBehind):
        workspace.close()
    fake.remove(f"/api/v1/namespaces/{workspace.namespace}/pods/gpu")

    workspace.close()
    workspace.close()

    assert deletions(fake) == ["pods/gpu", f"namespaces/{workspace.namespace}"]
