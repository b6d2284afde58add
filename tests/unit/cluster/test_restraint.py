"""Every pod of ours mounts no token and displaces nobody, whoever makes it."""

import json
import string
from pathlib import Path

import pytest
import yaml

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NAMESPACE, PRIORITY_CLASS, Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.restraint import pod_specs, restrained
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import Workspace
from aicr_pytest.errors import AccessDenied, NoCapacity, ProbeFailed
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.fake_api import FakeApi

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
NAME = "aicr-run-1-gpu-t0"


class _Anything(dict[str, str]):
    """A value for every placeholder that is a number as well as a text."""

    def __missing__(self, key: str) -> str:
        return "1"


def objects() -> list[tuple[str, Object]]:
    found = []
    for path in sorted(MANIFESTS.rglob("*.yaml")):
        filled = string.Template(path.read_text()).substitute(_Anything())
        documents = [obj for obj in yaml.safe_load_all(filled) if obj]
        found += [(f"{path.parent.name}/{path.stem}/{obj['kind']}", obj) for obj in documents]
    return found


OBJECTS = objects()
WITH_PODS = [(name, obj) for name, obj in OBJECTS if list(pod_specs(obj))]


with_pods = pytest.mark.parametrize(
    "obj", [obj for _, obj in WITH_PODS], ids=[name for name, _ in WITH_PODS]
)


def test_every_manifest_is_walked() -> None:
    assert len(WITH_PODS) >= 26
    assert sum(len(list(pod_specs(obj))) for _, obj in WITH_PODS) >= 27


@with_pods
def test_no_manifest_mounts_a_token(obj: Object) -> None:
    assert [spec["automountServiceAccountToken"] for spec in pod_specs(obj)] == [False] * len(
        list(pod_specs(obj))
    )


@with_pods
def test_every_pod_of_a_manifest_is_restrained_and_nothing_else_changes(obj: Object) -> None:
    new = restrained(obj, "ours")

    assert {spec["priorityClassName"] for spec in pod_specs(new)} == {"ours"}
    for spec in pod_specs(new):
        spec.pop("priorityClassName", "")  # what a manifest says by an alias is one object
    assert new == obj


@with_pods
def test_no_pod_of_a_manifest_is_more_than_it_has_to_be(obj: Object) -> None:
    for spec in pod_specs(obj):
        assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & spec.keys()
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert not {"privileged", "add"} & {*context, *context.get("capabilities", {})}
            assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize(
    ("group", "named"),
    [
        ("scheduling.k8s.io/v1beta1", True),
        ("scheduling.volcano.sh/v1beta1", True),
        ("scheduling.run.ai/v2alpha2", True),
        ("scheduling.x-k8s.io/v1alpha1", False),
    ],
)
def test_group_that_displaces_for_its_pods_names_the_class_too(group: str, named: bool) -> None:
    new = restrained({"apiVersion": group, "kind": "PodGroup", "spec": {}}, "ours")

    assert new["spec"] == ({"priorityClassName": "ours"} if named else {})


def pod(name: str = "gpu") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }


def new_workspace(cluster: Cluster, waiter: Waiter, name: str | None = None) -> Workspace:
    made = Workspace(
        cluster,
        waiter,
        run_id=RUN,
        module="test_gpu",
        psa="restricted",
        keep=lambda: False,
        token="t0",
        priority_class=name,
    )
    metadata = {"name": made.namespace}
    cluster.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": metadata})
    return made


def test_class_is_made_with_the_first_pod_and_goes_with_the_namespace(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    workspace = new_workspace(cluster, waiter)
    assert fake.asked("POST", CLASSES) == []

    one = workspace.pod(pod("one"))
    workspace.pod(pod("two"))
    workspace.apply([{**pod("three")}])

    assert len(fake.asked("POST", CLASSES)) == 1
    made = cluster.get(PRIORITY_CLASS, NAME)
    assert (made["value"], made["preemptionPolicy"]) == (0, "Never")
    assert made["metadata"]["labels"]["aicr-pytest/run"] == RUN
    assert one.created["spec"]["priorityClassName"] == NAME
    assert one.created["spec"]["automountServiceAccountToken"] is False
    workspace.close()
    assert cluster.find(PRIORITY_CLASS, NAME) is None


def test_class_that_one_api_server_does_not_know_yet_is_waited_for(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    message = f'pods "one" is forbidden: no PriorityClass with name {NAME} was found'
    fake.refuse("POST", "/pods", 403, reason="Forbidden", message=message)

    made = new_workspace(cluster, waiter).pod(pod("one"))

    assert made.name == "one"


def test_without_the_right_to_make_a_class_the_way_out_is_told(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    message = (
        'priorityclasses.scheduling.k8s.io is forbidden: User "me" cannot create resource'
        ' "priorityclasses" in API group "scheduling.k8s.io" at the cluster scope'
    )
    fake.refuse("POST", CLASSES, 403, reason="Forbidden", message=message)

    with pytest.raises(AccessDenied, match=r"create priority(.*\n)*.*--aicr-priority-class"):
        new_workspace(cluster, waiter).pod(pod("one"))


def test_users_own_class_is_taken_where_it_never_preempts(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    fake.put(CLASSES, {"metadata": {"name": "quiet"}, "preemptionPolicy": "Never"})
    fake.put(CLASSES, {"metadata": {"name": "loud"}, "preemptionPolicy": "PreemptLowerPriority"})
    quiet = new_workspace(cluster, waiter, "quiet")

    assert quiet.pod(pod("one")).created["spec"]["priorityClassName"] == "quiet"
    assert fake.asked("POST", CLASSES) == []
    for name in ("loud", "absent"):
        workspace = Workspace(
            cluster,
            waiter,
            run_id=RUN,
            module="m",
            psa="restricted",
            keep=lambda: False,
            priority_class=name,
        )
        with pytest.raises(ProbeFailed, match=f"--aicr-priority-class {name}: "):
            workspace.pod(pod("one"))


def users(part: object) -> list[int]:
    """Every user and group that is named anywhere."""
    if isinstance(part, dict):
        own = [part[name] for name in ("runAsUser", "runAsGroup", "fsGroup") if name in part]
        return own + [user for value in part.values() for user in users(value)]
    return [user for item in part for user in users(item)] if isinstance(part, list) else []


@with_pods
def test_where_the_platform_gives_users_only_root_is_named(obj: Object) -> None:
    as_root = [user for user in users(obj) if user == 0]

    assert users(restrained(obj, "quiet", users_are_given=True)) == as_root
    assert users(restrained(obj, "quiet")) == users(obj)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (None, [65532]),
        ({"resources": [{"name": "x", "kind": "X", "namespaced": True}]}, []),
    ],
)
def test_users_are_left_open_where_openshift_is_served(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, said: Object | None, named: list[int]
) -> None:
    if said:
        fake.texts["/apis/security.openshift.io/v1"] = json.dumps(said)
    obj = pod("one")
    obj["spec"]["securityContext"] = {"runAsNonRoot": True, "runAsUser": 65532}

    made = new_workspace(cluster, waiter).pod(obj).created

    assert users(made) == named
    assert made["spec"]["securityContext"]["runAsNonRoot"]


def preempted(cluster: Cluster, waiter: Waiter, fake: FakeApi) -> Pod:
    made = new_workspace(cluster, waiter).pod(pod("one"))
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"uid": made.uid},
        "reason": "Preempted",
        "message": "Preempted by pod f00 on node n1",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    fake.put(f"/api/v1/namespaces/{NAME}/events", event)
    return made


@pytest.mark.parametrize("gone", [False, True])
def test_pod_of_ours_that_gives_way_accuses_nobody(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, gone: bool
) -> None:
    made = preempted(cluster, waiter, fake)
    if gone:
        fake.remove(f"/api/v1/namespaces/{NAME}/pods/one")

    with pytest.raises(NoCapacity, match=r"gives? way|give way.*Preempted by pod f00"):
        made.ready()
