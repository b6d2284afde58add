"""The client's verbs, retries and errors, against a fake API server."""

import pathlib
import threading
import time
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import (
    CONFIG_MAP,
    DEVICE_CLASS,
    NAMESPACE,
    NODE,
    POD,
    RESOURCE_CLAIM,
    Kind,
    Object,
)
from aicr_pytest.errors import AccessDenied, ApiError, ApiUnreachable
from tests.unit.cluster.conftest import QUICK, RUN, Recorder
from tests.unit.cluster.fake_api import FakeApi

MAPS = "/api/v1/namespaces/ns/configmaps"
OURS = {"app.kubernetes.io/managed-by": "aicr-pytest", "aicr-pytest/run": RUN}


def config_map(name: str, **more: Any) -> Object:
    metadata = {"name": name, "namespace": "ns"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def test_kinds_know_their_paths() -> None:
    assert POD.path("ns", "x", "exec") == "/api/v1/namespaces/ns/pods/x/exec"
    assert POD.path() == "/api/v1/pods"
    assert NODE.path("ignored", "n") == "/api/v1/nodes/n"
    assert RESOURCE_CLAIM.path("ns") == "/apis/resource.k8s.io/v1/namespaces/ns/resourceclaims"
    assert DEVICE_CLASS.at("v1beta1").path().startswith("/apis/resource.k8s.io/v1beta1/")
    assert CONFIG_MAP.path("ns", "a/../b") == "/api/v1/namespaces/ns/configmaps/a%2F..%2Fb"


def test_everything_created_carries_the_labels_of_the_run(cluster: Cluster) -> None:
    created = cluster.create(config_map("one"))
    applied = cluster.apply(config_map("two", data={"a": "1"}))
    deployment = cluster.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "ns"},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
        }
    )
    claims = cluster.create(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaimTemplate",
            "metadata": {"name": "gpu", "namespace": "ns"},
            "spec": {"spec": {"devices": {}}},
        }
    )

    assert created["metadata"]["labels"] == OURS
    assert applied["metadata"]["labels"] == OURS
    assert deployment["metadata"]["labels"] == OURS
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"app": "web", **OURS}
    assert claims["spec"]["metadata"]["labels"] == OURS


def test_objects_are_read_changed_and_deleted(cluster: Cluster) -> None:
    cluster.create(config_map("one", data={"a": "1"}))

    read = cluster.get(CONFIG_MAP, "one", "ns")
    read["data"]["a"] = "2"
    replaced = cluster.replace(read)
    patched = cluster.patch(CONFIG_MAP, "one", "ns", {"data": {"a": None, "b": "3"}})
    cluster.delete(CONFIG_MAP, "one", "ns")

    assert replaced["data"] == {"a": "2"}
    assert patched["data"] == {"b": "3"}
    assert cluster.find(CONFIG_MAP, "one", "ns") is None
    with pytest.raises(ApiError, match="404 NotFound") as caught:
        cluster.get(CONFIG_MAP, "one", "ns")
    assert caught.value.status == 404


def test_replacing_what_has_changed_since_is_a_conflict(cluster: Cluster) -> None:
    old = cluster.create(config_map("one"))
    cluster.patch(CONFIG_MAP, "one", "ns", {"data": {"b": "3"}})

    with pytest.raises(ApiError) as caught:
        cluster.replace(old)

    assert (caught.value.status, caught.value.reason) == (409, "Conflict")


def test_dry_run_creates_nothing(cluster: Cluster) -> None:
    cluster.create(config_map("one"), dry_run=True)

    assert cluster.list(CONFIG_MAP, "ns") == []


def test_items_of_a_list_say_what_they_are_over_several_pages(
    cluster: Cluster, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_pytest.cluster.paging._PAGE", 2)
    for i in range(5):
        fake.put(MAPS, config_map(f"m{i}"))

    items = cluster.list(CONFIG_MAP)

    assert [item["metadata"]["name"] for item in items] == ["m0", "m1", "m2", "m3", "m4"]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert len(fake.asked("GET", "/configmaps")) == 3


def test_pages_that_expired_are_asked_for_all_at_once(
    cluster: Cluster, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_pytest.cluster.paging._PAGE", 2)
    for i in range(5):
        fake.put(MAPS, config_map(f"m{i}"))
    fake.refuse("GET", "continue=", 410, reason="Expired", message="too old")

    assert len(cluster.list(CONFIG_MAP)) == 5


def test_deleting_twice_and_deleting_another_object_are_fine(
    cluster: Cluster, fake: FakeApi
) -> None:
    cluster.create(config_map("one"))

    cluster.delete(CONFIG_MAP, "one", "ns", uid="of-an-older-one")
    still_there = cluster.find(CONFIG_MAP, "one", "ns")
    cluster.delete(CONFIG_MAP, "one", "ns")
    cluster.delete(CONFIG_MAP, "one", "ns")

    assert still_there is not None
    assert fake.objects == {}


def test_grace_period_zero_is_refused(cluster: Cluster, fake: FakeApi) -> None:
    with pytest.raises(ValueError, match="never with 0 s"):
        cluster.delete(POD, "x", "ns", grace=0)
    assert fake.asked("DELETE", "") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again(cluster: Cluster, fake: FakeApi, status: int) -> None:
    fake.refuse("GET", "/nodes", status, times=2, message="busy")

    assert cluster.list(NODE) == []
    assert len(fake.asked("GET", "/nodes")) == 3


def test_retry_after_is_honoured(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/nodes", 429, headers={"Retry-After": "0"}, times=5)
    fake.refuse("GET", "/pods", 429, headers={"Retry-After": "60"}, times=9)
    cluster.list(NODE)

    started = time.monotonic()
    with pytest.raises(ApiUnreachable):
        cluster.list(POD)

    # Not after 10 ms, as by itself: it waits as long as it is told, within its patience.
    assert len(fake.asked("GET", "/pods")) == 2
    assert time.monotonic() - started == pytest.approx(QUICK.seconds, abs=0.2)


def test_cut_connection_is_asked_again(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/nodes", times=2)

    assert cluster.list(NODE) == []


def test_creation_whose_answer_was_lost_is_found_again(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("POST", "/configmaps", done_first=True)

    created = cluster.create(config_map("one"))

    assert created["metadata"]["uid"] == fake.objects[f"{MAPS}/one"]["metadata"]["uid"]
    assert len(fake.asked("POST", "/configmaps")) == 2


def test_object_of_somebody_else_is_a_conflict_also_after_a_lost_answer(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.put(MAPS, config_map("one"))
    fake.refuse("POST", "/configmaps")

    with pytest.raises(ApiError, match="409 AlreadyExists"):
        cluster.create(config_map("one"))


def test_dead_server_is_unreachable_and_then_asked_only_once(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("*", "", 503, message="the server is currently unable", times=10_000)

    with pytest.raises(ApiUnreachable, match=r"answers only 503 .*currently unable"):
        cluster.list(NODE)
    before = len(fake.requests)
    with pytest.raises(ApiUnreachable):
        cluster.list(NODE)

    assert before > 3
    assert len(fake.requests) == before + 1


def test_nobody_listening_is_unreachable(tmp_path: pathlib.Path) -> None:
    with FakeApi() as fake:
        kubeconfig = fake.kubeconfig(tmp_path)

    with pytest.raises(ApiUnreachable, match=r"gives no answer: .*refused"):
        Cluster.connect(kubeconfig=kubeconfig, run_id=RUN, patience=QUICK)


def test_something_else_that_answers_is_unreachable(tmp_path: pathlib.Path) -> None:
    with FakeApi() as fake:
        fake.refuse("GET", "/version", 200, body=b"<html>log in first</html>")

        with pytest.raises(ApiUnreachable, match=r"not JSON.*log in first"):
            Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=RUN, patience=QUICK)


def test_refusal_by_rbac_names_verb_resource_and_the_command_to_check(
    cluster: Cluster, fake: FakeApi
) -> None:
    message = (
        'resourceclaims.resource.k8s.io is forbidden: User "me" cannot list resource'
        ' "resourceclaims" in API group "resource.k8s.io" in the namespace "ns"'
    )
    fake.refuse("GET", "/resourceclaims", 403, reason="Forbidden", message=message)

    with pytest.raises(AccessDenied) as caught:
        cluster.list(RESOURCE_CLAIM, "ns")

    assert "me may not list resourceclaims in namespace ns" in str(caught.value)
    assert "kubectl auth can-i list resourceclaims.resource.k8s.io -n ns" in caught.value.hint


def test_refusal_of_a_subresource_in_the_whole_cluster_is_named(
    cluster: Cluster, fake: FakeApi
) -> None:
    message = 'x is forbidden: User "me" cannot create resource "pods/exec" in API group ""'
    fake.refuse("GET", "/pods", 403, reason="Forbidden", message=f"{message} at the cluster scope")

    with pytest.raises(AccessDenied) as caught:
        cluster.list(POD)

    assert "can-i create pods --subresource=exec -A" in caught.value.hint


@pytest.mark.parametrize(
    "message",
    [
        'admission webhook "x.example.com" denied the request: no pods today',
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request",
        'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1',
    ],
)
def test_refusal_by_admission_is_an_answer(cluster: Cluster, fake: FakeApi, message: str) -> None:
    fake.refuse("POST", "/configmaps", 403, reason="Forbidden", message=message)

    with pytest.raises(ApiError) as caught:
        cluster.create(config_map("one"))

    assert (caught.value.status, caught.value.message) == (403, message)


def test_unknown_credentials_are_denied(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/nodes", 401, reason="Unauthorized", message="Unauthorized")

    with pytest.raises(AccessDenied, match="does not accept our credentials"):
        cluster.list(NODE)


def test_a_proxy_that_refuses_is_denied(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/nodes", 403, body=b"<h1>Blocked by the firewall</h1>")

    with pytest.raises(AccessDenied, match=r"before the API server.*Blocked by the firewall"):
        cluster.list(NODE)


def test_unknown_kinds_are_asked_for_once(cluster: Cluster, fake: FakeApi) -> None:
    fake.resources["/apis/example.com/v1"] = [
        {"name": "sprockets", "kind": "Sprocket", "namespaced": True},
        {"name": "sprockets/status", "kind": "Sprocket", "namespaced": True},
    ]
    sprocket = {
        "apiVersion": "example.com/v1",
        "kind": "Sprocket",
        "metadata": {"name": "s", "namespace": "ns"},
    }

    cluster.create(sprocket)
    kind = cluster.kind_of(sprocket)

    assert kind == Kind("example.com", "v1", "Sprocket", "sprockets", True)
    assert cluster.serves("example.com", "v1") == ["Sprocket"]
    assert len(fake.asked("GET", "/apis/example.com/v1$")) == 1


def test_kind_that_is_not_served_is_an_answer(cluster: Cluster, fake: FakeApi) -> None:
    with pytest.raises(ApiError, match=r"serves no kind Sprocket in example.com/v2"):
        cluster.kind("example.com/v2", "Sprocket")
    assert cluster.serves("example.com", "v2") == []


def test_access_review_asks_for_what_is_meant(cluster: Cluster, fake: FakeApi) -> None:
    asked: list[Object] = []

    def allowed(attributes: Object) -> bool:
        asked.append(attributes)
        return True

    fake.allowed = allowed

    assert cluster.can("create", POD, namespace="ns", subresource="exec")
    assert asked == [
        {"verb": "create", "resource": "pods", "subresource": "exec", "namespace": "ns"}
    ]


def test_raw_leaves_the_status_to_the_caller(cluster: Cluster, fake: FakeApi) -> None:
    path = "/api/v1/namespaces/ns/services/http:prom:9090/proxy/api/v1/query"
    fake.refuse("GET", "/proxy/", 503, body=b"no backend")

    behind = cluster.raw("GET", path, query=[("query", "up")])
    absent = cluster.raw("GET", "/apis/example.com/v1")

    assert (behind.status, behind.text) == (503, "no backend")
    assert absent.status == 404
    assert fake.asked("GET", "/proxy/") == [f"{path}?query=up"]


def test_raw_does_not_hide_that_we_are_refused(cluster: Cluster, fake: FakeApi) -> None:
    message = 'x is forbidden: User "me" cannot get path "/metrics"'
    fake.refuse("GET", "/metrics", 403, reason="Forbidden", message=message)

    with pytest.raises(AccessDenied, match="may not get /metrics"):
        cluster.raw("GET", "/metrics")


def test_every_attempt_is_in_the_journal(
    cluster: Cluster, fake: FakeApi, recorder: Recorder
) -> None:
    fake.refuse("GET", "/nodes", 503)
    recorder.requests.clear()

    cluster.list(NODE)

    assert recorder.requests == [
        ("GET", "/api/v1/nodes?limit=500", 503),
        ("GET", "/api/v1/nodes?limit=500", 200),
    ]


def test_sixteen_threads_share_one_client(cluster: Cluster, fake: FakeApi) -> None:
    problems: list[Exception] = []

    def work(name: str) -> None:
        try:
            for _ in range(10):
                cluster.apply(config_map(name))
                assert cluster.get(CONFIG_MAP, name, "ns")["metadata"]["name"] == name
        except Exception as error:  # noqa: BLE001  a thread's exception would be lost
            problems.append(error)

    threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []


def test_version_is_asked_once(cluster: Cluster, fake: FakeApi) -> None:
    assert cluster.version() == cluster.version() == "v1.37.2"
    assert len(fake.asked("GET", "/version")) == 1
    assert cluster.context == "fake"
    assert cluster.server == fake.url
    assert cluster.find(NAMESPACE, "absent") is None
