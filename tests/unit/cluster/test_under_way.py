"""A cluster under way: its API server restarts, is busy, and has dead ones behind it."""

import json
import pathlib

import pytest

from aicr_pytest.cli.awaiting import Awaiting
from aicr_pytest.cluster import transport
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.connection import configure
from aicr_pytest.cluster.credentials import credentials_of
from aicr_pytest.cluster.kinds import NODE, POD, Kind
from aicr_pytest.cluster.kubeconfig import choose
from aicr_pytest.cluster.pod_http import ask_pod
from aicr_pytest.cluster.served import dead_groups, served_kinds
from aicr_pytest.errors import (
    AccessDenied,
    AggregatedApiDown,
    ApiUnreachable,
    EndpointSilent,
    StreamNotPassed,
)
from aicr_pytest.run.survey import Survey
from tests.unit.cluster.conftest import QUICK, RUN, Recorder
from tests.unit.cluster.fake_api import FakeApi

NODES = r"/nodes\?"
FOREIGN = Kind("metrics.field.example", "v1beta1", "Sprocket", "sprockets", False)
DOWN = {"status": 503, "body": b"service unavailable\n"}
"""All that kube-aggregator says of an API server behind it that does not answer."""
FORBIDDEN = 'nodes is forbidden: User "me" cannot list resource "nodes" in API group "" at the'


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_TELL_AFTER", 0.0)


@pytest.mark.parametrize(
    "restart",
    [
        {},
        {"status": 503, "message": "apiserver not ready"},
        {"status": 429, "message": "storage is (re)initializing", "headers": {"Retry-After": "0"}},
        {"status": 500, "message": "etcdserver: leader changed"},
        {"status": 502, "body": b"<html>502 Bad Gateway</html>"},
    ],
    ids=["no answer", "not ready", "initializing", "no leader", "nobody behind the balancer"],
)
def test_restart_in_the_first_request_is_sat_out_and_told(
    fake: FakeApi, recorder: Recorder, tmp_path: pathlib.Path, restart: dict[str, object]
) -> None:
    fake.refuse("GET", "/version", times=5, **restart)  # type: ignore[arg-type]

    cluster = Cluster.connect(
        kubeconfig=fake.kubeconfig(tmp_path), run_id=RUN, observer=recorder, patience=QUICK
    )

    assert cluster.version()
    assert len(fake.asked("GET", "/version")) == 6
    assert {what for what, _ in recorder.awaited} == {f"API server {fake.url}: an answer"}


def test_server_that_comes_back_knows_nobody_at_first(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", NODES)
    fake.refuse("GET", NODES, 401, message="Unauthorized")
    fake.refuse("GET", NODES, 403, reason="Forbidden", message=f"{FORBIDDEN} cluster scope")

    assert cluster.list(NODE) == []


def test_server_that_has_been_there_is_believed(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", NODES, 403, reason="Forbidden", message=f"{FORBIDDEN} cluster scope")

    with pytest.raises(AccessDenied):
        cluster.list(NODE)
    assert len(fake.asked("GET", NODES)) == 1


def test_admission_that_is_not_ready_yet_is_asked_again(cluster: Cluster, fake: FakeApi) -> None:
    said = 'pods "gpu" is forbidden: not yet ready to handle request'
    fake.refuse("POST", "/pods", 403, reason="Forbidden", message=said, times=2)

    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gpu", "namespace": "ns"}}
    assert cluster.create(pod)["metadata"]["name"] == "gpu"


def test_busy_server_is_not_given_up_by_the_requests_that_follow(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("GET", NODES, 429, times=999)
    with pytest.raises(ApiUnreachable, match="429"):
        cluster.list(NODE)

    fake.refuse("GET", r"/pods\?", 429, times=3)
    assert cluster.list(POD) == []


def test_dead_aggregated_api_costs_nobody_elses_patience(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", FOREIGN.group, times=999, **DOWN)  # type: ignore[arg-type]
    with pytest.raises(AggregatedApiDown, match=r"503 service unavailable\n.*get apiservices"):
        cluster.list(FOREIGN)
    asked = len(fake.asked("GET", FOREIGN.group))
    assert asked > 1  # it may come back: so it is while the API server itself restarts

    fake.refuse("GET", NODES, times=3)
    assert cluster.list(NODE) == []
    with pytest.raises(AggregatedApiDown):
        cluster.list(FOREIGN)
    assert len(fake.asked("GET", FOREIGN.group)) == asked + 1


def test_balancer_without_a_server_is_no_dead_aggregated_api(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("GET", FOREIGN.group, 503, body=b"<h1>503 Service Unavailable</h1>", times=999)

    with pytest.raises(ApiUnreachable) as caught:
        cluster.list(FOREIGN)
    assert not isinstance(caught.value, AggregatedApiDown)


def test_discovery_group_by_group_goes_on_beside_a_dead_aggregated_api(
    cluster: Cluster, fake: FakeApi
) -> None:
    names = [FOREIGN.group, "example.com"]
    groups = [{"name": name, "versions": [{"version": "v1beta1"}]} for name in names]
    fake.texts["/apis"] = json.dumps({"kind": "APIGroupList", "groups": groups})
    widget = {"name": "widgets", "kind": "Widget", "namespaced": True}
    fake.resources["/apis/example.com/v1beta1"] = [widget]
    fake.refuse("GET", FOREIGN.group, times=999, **DOWN)  # type: ignore[arg-type]

    assert served_kinds(cluster) == [("Widget", "example.com/v1beta1")]


def test_dead_aggregated_apis_are_told_once_with_the_words_for_it(
    cluster: Cluster, fake: FakeApi
) -> None:
    for name, status in (("v1beta1.metrics.field.example", "False"), ("v1.apps", "True")):
        condition = {"type": "Available", "status": status, "reason": "MissingEndpoints"}
        fake.put(
            "/apis/apiregistration.k8s.io/v1/apiservices",
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": name},
                "status": {"conditions": [{**condition, "message": "endpoints are missing"}]},
            },
        )

    (dead,) = dead_groups(cluster)

    assert (
        dead == "APIService v1beta1.metrics.field.example: MissingEndpoints: endpoints are missing"
    )
    (remark,) = Survey(dead_apis=(dead,)).remarks()
    assert remark.startswith(f"dead APIs: {dead}. ")


def test_command_says_what_it_waits_for_when_it_is_new_and_now_and_then() -> None:
    said: list[str] = []
    seconds = iter([0.0, 1.0, 2.0, 6.0, 7.0])
    awaiting = Awaiting(said.append, clock=lambda: next(seconds))

    for seen in ("refused", "refused", "503", "503", "503"):
        awaiting.awaiting("API server", seen, 3.0, 15.0)

    assert said == [f"… API server: {seen} (3 of 15 s)" for seen in ("refused", "503", "503")]


PROXIED = "/api/v1/namespaces/ns/pods/gpu:9400/proxy/metrics"


def test_pod_is_asked_through_the_api_server_where_no_stream_is_passed(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.refuse("GET", "/portforward", 400, body=b"Upgrade request required", times=9)
    fake.texts[PROXIED] = "up 1"

    answer = ask_pod(cluster, "gpu", "ns", 9400, "/metrics")

    assert (answer.status, answer.text, answer.source) == (200, "up 1", f"GET {PROXIED}")


def test_pod_that_nobody_may_be_asked_for_so_is_not_silent(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/portforward", 400, body=b"Upgrade request required", times=9)
    said = 'pods "gpu" is forbidden: User "me" cannot get resource "pods/proxy" in API group ""'
    fake.refuse("GET", "/proxy/", 403, reason="Forbidden", message=f'{said} in the namespace "ns"')

    with pytest.raises(StreamNotPassed, match="no stream is opened: 400") as caught:
        ask_pod(cluster, "gpu", "ns", 9400, "/metrics")
    assert "websockets. Or let us" in caught.value.hint
    assert "can-i get pods --subresource=proxy -n ns" in caught.value.hint


def test_pod_that_does_not_answer_the_api_server_is_silent(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/portforward", 400, body=b"Upgrade request required", times=9)
    fake.refuse("GET", "/proxy/", 503, message="error trying to reach service: refused")

    with pytest.raises(EndpointSilent, match=r"503 .*error trying to reach service: refused"):
        ask_pod(cluster, "gpu", "ns", 9400, "/metrics")


def test_network_that_needs_no_proxy_needs_none_for_streams_either(
    fake: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pathlib.Path(fake.kubeconfig(tmp_path))
    path.write_text(path.read_text().replace(fake.url, "https://10.1.2.3:6443"))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    target = choose(str(path), None)

    for exceptions, proxy in (
        ("10.0.0.0/8", None),
        ("192.168.0.0/16", "http://proxy.example:3128"),
    ):
        monkeypatch.setenv("NO_PROXY", exceptions)
        monkeypatch.setenv("no_proxy", exceptions)
        configuration = configure(target, credentials_of(target, recorder_of_nothing))

        # Plain requests and streams both go by this one.
        assert (configuration.proxy, configuration.no_proxy) == (proxy, None)


def test_proxy_that_gives_no_answer_is_named(
    fake: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pathlib.Path(fake.kubeconfig(tmp_path))
    path.write_text(path.read_text().replace(fake.url, "http://10.1.2.3:6443"))
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://me:hidden@127.0.0.1:9")

    with pytest.raises(ApiUnreachable) as caught:
        Cluster.connect(kubeconfig=str(path), run_id=RUN, patience=QUICK)

    asked = "Asked: http://10.1.2.3:6443 through the proxy http://127.0.0.1:9, context fake"
    assert asked in str(caught.value)
    assert "hidden" not in str(caught.value)


def recorder_of_nothing(*_: object) -> None:
    """Nobody is awaited."""
