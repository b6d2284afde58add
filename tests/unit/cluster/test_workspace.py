"""Workspaces, their teardown and what cleans up after a killed run."""

import re
from typing import Any

import pytest

from aicr_pytest.cluster import cleaning
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import DEVICE_CLASS, NAMESPACE, Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace, namespace_name
from aicr_pytest.errors import AccessDenied, ApiError, LeftBehind, PolicyRefused, WaitTimeout
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi

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
    with pytest.raises(WaitTimeout, match=r"usable: .*\n.*service account default: missing"):
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


def test_namespace_that_stays_tells_what_is_in_its_way(workspace: Workspace, fake: FakeApi) -> None:
    fake.gone_after["namespaces"] = None
    condition = {"type": "NamespaceContentRemaining", "status": "True", "message": "1 widget left"}
    fake.change(
        f"/api/v1/namespaces/{workspace.namespace}",
        lambda obj: obj.update(kind="Namespace", status={"conditions": [condition]}),
    )

    with pytest.raises(LeftBehind, match="NamespaceContentRemaining: 1 widget left"):
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
    "message",
    [
        'pods "gpu" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: 1',
        'pods "gpu" is forbidden: failed quota: q: must specify limits.cpu for: probe',
        'pods "gpu" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
        'pods "gpu" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
        'pods "gpu" is forbidden: unable to validate against any security context constraint: []',
    ],
)
def test_policy_that_refuses_the_probe_does_not_accuse(
    workspace: Workspace, fake: FakeApi, message: str
) -> None:
    fake.refuse("*", "/pods", 403, reason="Forbidden", message=message, times=2)

    with pytest.raises(PolicyRefused, match=re.escape(message)):
        workspace.pod(pod())
    with pytest.raises(PolicyRefused):
        workspace.apply([pod()])


def test_other_admission_that_refuses_the_probe_is_an_answer(
    workspace: Workspace, fake: FakeApi
) -> None:
    message = 'admission webhook "gpu.example.com" denied the request: no devices on Mondays'
    fake.refuse("POST", "/pods", 403, reason="Forbidden", message=message)

    with pytest.raises(ApiError, match="no devices on Mondays"):
        workspace.pod(pod())


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


# -- what a killed run leaves ----------------------------------------------------------------------


@pytest.fixture
def discovery(fake: FakeApi) -> None:
    """The kinds that this server serves, as aggregated discovery tells them."""

    def group(name: str, *resources: tuple[str, str, str]) -> Object:
        listed = [
            {
                "resource": plural,
                "responseKind": {"kind": kind},
                "scope": scope,
                "verbs": ["create", "delete", "get", "list"],
            }
            for plural, kind, scope in resources
        ]
        versions = [{"version": "v1", "resources": listed}]
        return {"metadata": {"name": name} if name else {}, "versions": versions}

    def document(*groups: Object) -> str:
        import json

        return json.dumps({"kind": "APIGroupDiscoveryList", "items": list(groups)})

    fake.texts["/api"] = document(
        group(
            "",
            ("namespaces", "Namespace", "Cluster"),
            ("nodes", "Node", "Cluster"),
            ("pods", "Pod", "Namespaced"),
            ("configmaps", "ConfigMap", "Namespaced"),
        )
    )
    fake.texts["/apis"] = document(
        group(
            "resource.k8s.io",
            ("resourceclaims", "ResourceClaim", "Namespaced"),
            ("deviceclasses", "DeviceClass", "Cluster"),
        ),
        group(
            "example.com",
            ("sprockets", "Sprocket", "Cluster"),
            ("fleets", "Fleet", "Namespaced"),
            ("parts", "Part", "Namespaced"),
        ),
    )


def labelled(obj: Object, run: str) -> Object:
    labels = {"app.kubernetes.io/managed-by": "aicr-pytest", "aicr-pytest/run": run}
    obj["metadata"]["labels"] = labels
    return obj


def leave(fake: FakeApi, run: str) -> None:
    """What a run killed in the middle leaves."""
    namespace = f"aicr-{run}"
    fake.put("/api/v1/namespaces", labelled({"metadata": {"name": namespace}}, run))
    fake.put(f"/api/v1/namespaces/{namespace}/pods", labelled(pod(), run))
    fake.put(f"{CLAIMS}/deviceclasses", labelled(device_class(f"class-{run}"), run))
    fake.put(f"{CLAIMS}/namespaces/default/resourceclaims", labelled(claim(f"c-{run}"), run))
    fake.put("/apis/example.com/v1/sprockets", labelled({"metadata": {"name": f"s-{run}"}}, run))


@pytest.mark.usefixtures("discovery")
def test_leftovers_are_found_by_run_in_the_order_of_their_removal(
    cluster: Cluster, fake: FakeApi
) -> None:
    leave(fake, "a")
    leave(fake, "b")
    fake.put("/api/v1/namespaces", {"metadata": {"name": "aicr-of-somebody"}})
    fake.put("/api/v1/nodes", labelled({"metadata": {"name": "node-0"}}, "a"))

    of_a = cleaning.leftovers(cluster, "a")
    of_all = cleaning.leftovers(cluster, None)

    assert [(left.kind.name, left.name) for left in of_a] == [
        ("ResourceClaim", "c-a"),
        ("Namespace", "aicr-a"),
        ("DeviceClass", "class-a"),
        ("Sprocket", "s-a"),
    ]
    assert {left.run for left in of_all} == {"a", "b"}
    assert len(of_all) == 8


@pytest.mark.usefixtures("discovery")
def test_cleaning_removes_one_run_and_leaves_the_other(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    leave(fake, "a")
    leave(fake, "b")
    said: list[str] = []

    still = cleaning.clean(cluster, cleaning.leftovers(cluster, "a"), waiter, said.append)

    assert still == []
    assert cleaning.leftovers(cluster, "a") == []
    assert len(cleaning.leftovers(cluster, "b")) == 4
    assert len(said) == 4
    assert deletions(fake)[:3] == ["resourceclaims/c-a", "pods/gpu", "namespaces/aicr-a"]


@pytest.mark.usefixtures("discovery")
def test_custom_resources_go_before_the_pods_that_their_operator_would_make_anew(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    leave(fake, "a")
    at = "/apis/example.com/v1/namespaces/aicr-a"
    fake.put(f"{at}/fleets", labelled({"metadata": {"name": "ours"}}, "a"))
    fake.put(f"{at}/fleets", {"metadata": {"name": "theirs"}})
    part = labelled({"metadata": {"name": "owned", "ownerReferences": [{"uid": "1"}]}}, "a")
    fake.put(f"{at}/parts", part)

    still = cleaning.clean(cluster, cleaning.leftovers(cluster, "a"), waiter, lambda _: None)

    assert still == []
    of_namespace = deletions(fake)[1:4]
    assert of_namespace == ["fleets/ours", "pods/gpu", "namespaces/aicr-a"]


@pytest.mark.usefixtures("discovery")
def test_cleaning_passes_over_what_stays_and_says_so(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    leave(fake, "a")
    fake.gone_after["pods"] = None

    still = cleaning.clean(cluster, cleaning.leftovers(cluster, "a"), waiter, lambda _: None)

    assert [left.name for left in still] == ["aicr-a"]
    assert "no Pod left: not within" in still[0].problem
    assert [left.name for left in cleaning.leftovers(cluster, "a")] == ["aicr-a"]


@pytest.mark.usefixtures("discovery")
def test_what_has_become_somebody_elses_meanwhile_is_not_removed(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    leave(fake, "a")
    found = cleaning.leftovers(cluster, "a")
    path = "/apis/example.com/v1/sprockets/s-a"
    fake.change(path, lambda obj: obj["metadata"].update(labels={}))

    cleaning.clean(cluster, found, waiter, lambda _: None)

    assert path in fake.objects


@pytest.mark.usefixtures("discovery")
def test_kinds_that_may_not_be_listed_are_passed_over_but_not_the_basic_ones(
    cluster: Cluster, fake: FakeApi
) -> None:
    leave(fake, "a")
    message = 'x is forbidden: User "me" cannot list resource "x" in API group ""'
    fake.refuse("GET", "/sprockets", 403, reason="Forbidden", message=message)

    assert len(cleaning.leftovers(cluster, "a")) == 3

    fake.refuse("GET", "/api/v1/pods", 403, reason="Forbidden", message=message)
    with pytest.raises(AccessDenied):
        cleaning.leftovers(cluster, "a")


def test_server_without_aggregated_discovery_is_searched_by_the_table(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.texts["/api"] = '{"kind": "APIVersions", "versions": ["v1"]}'
    leave(fake, "a")

    found = {left.kind for left in cleaning.leftovers(cluster, "a")}

    assert NAMESPACE in found
    assert DEVICE_CLASS in found
