"""Rights: read off the requests, asked for beforehand, written down."""

import pytest
import yaml

from aicr_pytest.cluster.access import Rule, cluster_role, needs_from_journal, rules_of
from aicr_pytest.cluster.access_review import Need, needs, review
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import POD, Object
from aicr_pytest.errors import AccessDenied
from tests.unit.cluster.conftest import Recorder
from tests.unit.cluster.fake_api import FakeApi

NS = "/api/v1/namespaces/ns"


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        (f"GET {NS}/pods/x", "get pods"),
        (f"GET {NS}/pods?limit=500", "list pods"),
        ("GET /api/v1/pods?watch=true&resourceVersion=1", "watch pods"),
        (f"POST {NS}/pods?dryRun=All", "create pods"),
        (f"PUT {NS}/pods/x", "update pods"),
        (f"PATCH {NS}/pods/x?fieldManager=aicr-pytest", "patch pods"),
        (f"PATCH {NS}/pods/x?fieldManager=aicr-pytest&force=true", "create,patch pods"),
        (f"DELETE {NS}/pods/x", "delete pods"),
        (f"DELETE {NS}/pods", "deletecollection pods"),
        (f"GET {NS}/pods/x/log?tailLines=1", "get pods/log"),
        (f"GET {NS}/pods/x/exec?command=ls", "create,get pods/exec"),
        (f"GET {NS}/pods/x/portforward?ports=1", "create,get pods/portforward"),
        (f"GET {NS}/services/http:prom:90/proxy/api/v1/query?query=up", "get services/proxy"),
        ("POST /api/v1/namespaces", "create namespaces"),
        (f"DELETE {NS}", "delete namespaces"),
        (f"PUT {NS}/finalize", "update namespaces/finalize"),
        (
            "GET /apis/resource.k8s.io/v1/namespaces/ns/resourceclaims/c/status",
            "get resourceclaims/status.resource.k8s.io",
        ),
        ("GET /apis/resource.k8s.io/v1/deviceclasses", "list deviceclasses.resource.k8s.io"),
        ("GET /version", "get /version"),
        ("GET /apis/resource.k8s.io/v1", "get /apis/resource.k8s.io/v1"),
        ("GET /api", "get /api"),
    ],
)
def test_request_needs_the_right_that_the_server_derives_from_it(request_: str, right: str) -> None:
    rules = rules_of(*request_.split(" "))

    (resource,) = {
        (rule.path or rule.full_resource) + (f".{rule.group}" if rule.group else "")
        for rule in rules
    }
    assert f"{','.join(sorted(rule.verb for rule in rules))} {resource}" == right


def test_rights_in_a_namespace_are_told_from_those_in_the_whole_cluster() -> None:
    assert {rule.namespaced for rule in rules_of("GET", f"{NS}/pods")} == {True}
    assert {rule.namespaced for rule in rules_of("GET", "/api/v1/pods")} == {False}
    assert {rule.namespaced for rule in rules_of("GET", NS)} == {False}


def test_role_holds_exactly_the_rights_of_the_journal(cluster: Cluster, recorder: Recorder) -> None:
    cluster.list(POD, "ns")
    list(cluster.watch(POD, "ns", timeout=1.0))

    journal = [(method, path) for method, path, _ in recorder.requests]
    role = cluster_role(needs_from_journal(journal))

    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"nonResourceURLs": ["/version"], "verbs": ["get"]},
    ]
    assert yaml.safe_load(yaml.safe_dump(role)) == role


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    rules = {
        Rule(verb="get", resource="pods", namespaced=True),
        Rule(verb="get", resource="pods"),
        Rule(verb="create", resource="pods", subresource="exec"),
        Rule(verb="get", resource="nodes"),
    }

    assert cluster_role(rules, name="x")["rules"] == [
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get"]},
    ]


def test_review_names_what_is_missing_and_asks_for_each_right_once(
    cluster: Cluster, fake: FakeApi
) -> None:
    asked: list[Object] = []

    def allowed(attributes: Object) -> bool:
        asked.append(attributes)
        return bool(attributes["resource"] != "pods" or attributes["verb"] == "get")

    fake.allowed = allowed
    rules = [
        Rule(verb="get", resource="pods"),
        Rule(verb="create", resource="pods", subresource="exec", namespaced=True),
        Rule(verb="get", path="/version"),
    ]
    wanted = needs(rules, feature="dra", why="probes") + needs(
        rules, feature="secure", why="probes"
    )

    missing = review(cluster, wanted)

    assert [(str(need), need.feature) for need in missing] == [
        ("create pods/exec", "dra"),
        ("create pods/exec", "secure"),
    ]
    assert len(asked) == 2


def test_need_names_its_group() -> None:
    need = Need(
        verb="list",
        group="resource.k8s.io",
        resource="resourceslices",
        namespaced=False,
        feature="dra",
        why="what is published",
    )

    assert str(need) == "list resourceslices.resource.k8s.io"


def test_fence_that_does_not_fit_accuses_nobody(cluster: Cluster, fake: FakeApi) -> None:
    message = (
        "ValidatingAdmissionPolicy 'aicr-pytest' denied request: fence of aicr-pytest: of pods"
    )
    fake.refuse("POST", "/pods", 422, reason="Invalid", message=message)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}

    with pytest.raises(AccessDenied, match=r"Apply the docs/fence\.yaml"):
        cluster.create(pod)


def test_right_in_one_namespace_is_asked_for_there(cluster: Cluster, fake: FakeApi) -> None:
    asked: list[Object] = []

    def deny(attributes: Object) -> bool:
        asked.append(attributes)
        return False

    fake.allowed = deny
    need = Need(
        verb="delete",
        group="coordination.k8s.io",
        resource="leases",
        namespaced=True,
        namespace="default",
        feature="",
        why="",
    )

    assert review(cluster, [need]) == [need]
    assert asked[0]["namespace"] == "default"
