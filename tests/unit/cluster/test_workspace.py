"""Workspaces and their teardown."""

import re
from typing import Any

import pytest

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import DEVICE_CLASS, Object
from aicr_pytest.cluster.names import namespace_name
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import ApiError, Inconclusive, LeftBehind, PolicyRefused
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import owner, written_by

CLAIMS = "/apis/resource.k8s.io/v1"


def pod(name: str = "gpu") -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {}}


def claim(name: str = "gpu", **metadata: Any) -> Object:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, **metadata},
        "spec": {},
    }


def device_class(name: str) -> Object:
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}}


def gang(name: str) -> Object:
    return {
        "apiVersion": "scheduling.k8s.io/v1beta1",
        "kind": "PodGroup",
        "metadata": {"name": name},
    }


def new_workspace(cluster: Cluster, waiter: Waiter, *, keep: bool = False) -> Workspace:
    return Workspace(
        cluster,
        waiter,
        run_id=RUN,
        module="tests.conformance.test_dra_support",
        psa="restricted",
        keep=lambda: keep,
        labels={"team": "a"},
        token="t0",
    )


def fill(fake: FakeApi, namespace: str) -> None:
    """What the cluster's controllers put into a new namespace."""
    base = f"/api/v1/namespaces/{namespace}"
    fake.put(f"{base}/serviceaccounts", {"metadata": {"name": "default"}})
    fake.put(f"{base}/configmaps", {"metadata": {"name": "kube-root-ca.crt"}})


@pytest.fixture
def workspace(cluster: Cluster, waiter: Waiter, fake: FakeApi) -> Workspace:
    made = new_workspace(cluster, waiter)
    fake.later(0.05, lambda: fill(fake, made.namespace))
    made.open()
    fake.requests.clear()
    return made


def deletions(fake: FakeApi) -> list[str]:
    return ["/".join(path.split("/")[-2:]) for path in fake.asked("DELETE", "")]


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


def test_workspace_that_was_never_opened_closes(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    new_workspace(cluster, waiter).close()

    assert deletions(fake) == []


def test_kept_workspace_is_observed_and_stays(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    observed: list[str] = []
    workspace = new_workspace(cluster, waiter, keep=True)
    fake.later(0.05, lambda: fill(fake, workspace.namespace))
    workspace.open()
    workspace.before_close.append(lambda: observed.append("seen"))

    workspace.close()

    assert observed == ["seen"]
    assert deletions(fake) == []


def test_failing_observation_does_not_stop_the_teardown(
    workspace: Workspace, fake: FakeApi
) -> None:
    def fail() -> None:
        raise RuntimeError("disk full")

    seen: list[str] = []
    workspace.before_close += [fail, lambda: seen.extend(deletions(fake))]

    with pytest.raises(RuntimeError, match="disk full"):
        workspace.close()

    assert seen == []
    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_observation_and_teardown_that_fail_are_both_told(
    workspace: Workspace, fake: FakeApi
) -> None:
    fake.gone_after["namespaces"] = None

    def fail() -> None:
        raise RuntimeError("disk full")

    workspace.before_close.append(fail)

    with pytest.raises(ExceptionGroup) as caught:
        workspace.close()

    assert [type(error) for error in caught.value.exceptions] == [RuntimeError, LeftBehind]


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


def test_object_of_the_whole_cluster_that_is_not_ours_is_never_touched(
    workspace: Workspace, fake: FakeApi
) -> None:
    theirs = device_class("gpu.example.com")
    fake.put(f"{CLAIMS}/deviceclasses", theirs)

    with pytest.raises(ApiError, match="exists already and is not of this run"):
        workspace.apply([device_class("gpu.example.com")])
    workspace.track(DEVICE_CLASS, "gpu.example.com")
    workspace.close()

    assert fake.objects[f"{CLAIMS}/deviceclasses/gpu.example.com"] is theirs
    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


# -- what others have put there --------------------------------------------------------------------


def by_kubectl(fake: FakeApi, collection: str, obj: Object, **metadata: Any) -> str:
    """A tenant's object, as the API server keeps it; its path."""
    obj["metadata"] |= metadata
    fake.put(collection, written_by("kubectl-create", obj))
    return f"{collection}/{obj['metadata']['name']}"


def copied(cluster: Cluster) -> Object:
    return {"labels": labels.run_labels(cluster.run_id)}


def test_pod_of_a_tenant_in_our_namespace_stays_with_the_namespace_and_blocks_nothing(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    fake.gone_after["pods"] = 0.1
    workspace.pod(pod())
    base = f"/api/v1/namespaces/{workspace.namespace}"
    theirs = by_kubectl(fake, f"{base}/pods", pod("theirs"), **copied(cluster))

    with pytest.raises(LeftBehind) as caught:
        workspace.close()

    assert deletions(fake) == ["pods/gpu"]
    assert theirs in fake.objects
    assert base in fake.objects
    assert f"Namespace {workspace.namespace} stays, for not all in it is ours: " in str(
        caught.value
    )
    assert "Pod theirs (made by kubectl-create)" in str(caught.value)
    assert f"aicr-pytest clean --run {RUN}" in str(caught.value)


def test_tenants_deployment_in_our_namespace_keeps_its_pods(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    apps = f"/apis/apps/v1/namespaces/{workspace.namespace}"
    deployment = {"metadata": {"name": "web"}}
    by_kubectl(fake, f"{apps}/deployments", deployment, **copied(cluster))
    replica_set = written_by("kube-controller-manager", {"metadata": {"name": "web-1"}})
    replica_set["metadata"] |= {"ownerReferences": [owner("Deployment", deployment)]}
    fake.put(f"{apps}/replicasets", replica_set)
    theirs = written_by("kube-controller-manager", pod("web-1-a"))
    theirs["metadata"] |= {"ownerReferences": [owner("ReplicaSet", replica_set)]} | copied(cluster)
    fake.put(f"/api/v1/namespaces/{workspace.namespace}/pods", theirs)

    with pytest.raises(LeftBehind, match=r"Pod web-1-a \(made by kube-controller-manager\)"):
        workspace.close()

    assert deletions(fake) == []


def test_config_of_a_tenant_keeps_our_namespace_and_that_of_an_operator_does_not(
    workspace: Workspace, fake: FakeApi
) -> None:
    maps = f"/api/v1/namespaces/{workspace.namespace}/configmaps"
    for namespace in (workspace.namespace, "default"):
        bundle = written_by("trust-manager", {"metadata": {"name": "bundle"}})
        fake.put(f"/api/v1/namespaces/{namespace}/configmaps", bundle)
    by_kubectl(fake, maps, {"metadata": {"name": "settings"}})

    with pytest.raises(LeftBehind, match=r"ours: ConfigMap settings \(made by kubectl-create\)\."):
        workspace.close()
    fake.remove(f"{maps}/settings")
    workspace.close()

    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_namespace_of_our_name_that_somebody_else_has_made_since_is_not_touched(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    fake.remove(f"/api/v1/namespaces/{workspace.namespace}")
    again = {"metadata": {"name": workspace.namespace, **copied(cluster)}}
    fake.put("/api/v1/namespaces", again)

    workspace.close()

    assert deletions(fake) == []


def test_object_of_the_whole_cluster_with_labels_that_a_tenant_has_copied_is_not_ours(
    workspace: Workspace, cluster: Cluster, fake: FakeApi
) -> None:
    classes = f"{CLAIMS}/deviceclasses"
    by_kubectl(fake, classes, device_class("gpu.example.com"), **copied(cluster))

    with pytest.raises(ApiError, match="exists already and is not of this run"):
        workspace.apply([device_class("gpu.example.com")])
    workspace.track(DEVICE_CLASS, "gpu.example.com")
    workspace.close()

    assert deletions(fake) == [f"namespaces/{workspace.namespace}"]


def test_what_controllers_make_of_ours_goes_where_nobody_notes_who_made_it(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    fake.notes_managers = False
    workspace = new_workspace(cluster, waiter)
    fake.later(0.05, lambda: fill(fake, workspace.namespace))
    workspace.open()
    workspace.pod(pod())
    fake.put(f"/api/v1/namespaces/{workspace.namespace}/pods", pod("of-an-operator"))

    workspace.close()

    assert sorted(deletions(fake)[:2]) == ["pods/gpu", "pods/of-an-operator"]
    assert deletions(fake)[2:] == [f"namespaces/{workspace.namespace}"]
