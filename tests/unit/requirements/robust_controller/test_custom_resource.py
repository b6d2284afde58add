"""A custom resource from its creation to its end, as an operator would treat it."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import POD, SERVICE, Kind, Object
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import NoCapacity, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.robust_controller.custom_resource import CustomResource
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator
from tests.unit.cluster.fake_api import FakeApi

NAMESPACE = "/api/v1/namespaces/ns"
RESOURCES = "/apis/ray.io/v1/namespaces/ns/rayclusters"
OPERATOR = Operator(
    name="ray",
    product="Ray",
    verified_in_lab=False,
    resource=Kind("ray.io", "v1", "RayCluster", "rayclusters", True),
    deployments=("ray-operator",),
    repositories=(),
    children=(
        Child(kind=POD, count=2, ready=lambda pod: pod.get("status", {}).get("phase") == "Running"),
        Child(kind=SERVICE, count=1),
    ),
    done=lambda obj: bool(obj.get("status", {}).get("state") == "ready"),
    says=lambda obj: str(obj.get("status", {}).get("state", "none")),
)


@pytest.fixture
def resource(fake: FakeApi, cluster: Cluster) -> CustomResource:
    """A new resource."""
    made = fake.put(RESOURCES, {"metadata": {"name": "sound"}, "spec": {}})
    quick = Deadlines(reconciled=0.4, child_back=0.4, children_gone=0.4, refusal_persists=0.1)
    workspace: Any = SimpleNamespace(
        cluster=cluster, waiter=Waiter(cluster, deadlines=quick), namespace="ns",
        apply=lambda _, as_answered: [made],
    )  # fmt: skip
    return CustomResource(OPERATOR, workspace, made)


def child(fake: FakeApi, owner: CustomResource | str, name: str, phase: str = "Running") -> Object:
    uid = owner if isinstance(owner, str) else owner.uid
    metadata = {"name": name, "ownerReferences": [{"uid": uid}]}
    return fake.put(f"{NAMESPACE}/pods", {"metadata": metadata, "status": {"phase": phase}})


def says(fake: FakeApi, state: str) -> None:
    fake.change(f"{RESOURCES}/sound", lambda obj: obj.update(status={"state": state}))


def test_children_are_the_objects_that_name_it_as_their_owner(
    fake: FakeApi, resource: CustomResource
) -> None:
    child(fake, resource, "a")
    child(fake, "somebody", "b")

    (pods, services) = resource.children()

    assert [pod["metadata"]["name"] for pod in pods[1]] == ["a"]
    assert services[1] == []


def test_it_is_reconciled_once_its_status_says_so(fake: FakeApi, resource: CustomResource) -> None:
    fake.later(0.1, lambda: says(fake, "ready"))

    resource.reconciled()


def test_one_that_never_is_tells_what_it_owns_and_is_not_awaited_again(
    fake: FakeApi, resource: CustomResource
) -> None:
    child(fake, resource, "a", phase="Succeeded")
    words = r"reconciled: not within [\s\S]*none; owns 1 Pod of 2, 0 ready; owns 0 Service of 1"

    with pytest.raises(WaitTimeout, match=words):
        resource.reconciled()

    says(fake, "ready")
    with pytest.raises(WaitTimeout, match=words):
        resource.reconciled()


def test_status_of_another_object_of_the_name_is_not_its_own(
    fake: FakeApi, resource: CustomResource
) -> None:
    fake.remove(f"{RESOURCES}/sound")
    fake.put(RESOURCES, {"metadata": {"name": "sound"}, "spec": {}, "status": {"state": "ready"}})

    with pytest.raises(WaitTimeout, match="it does not exist"):
        resource.reconciled()


def test_suspended_resource_and_pod_without_a_node_are_no_fault_of_the_operator(
    fake: FakeApi, resource: CustomResource
) -> None:
    said = "0/1 nodes are available: 1 Insufficient cpu."
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    pod = child(fake, resource, "a", phase="Pending")
    fake.put(f"{NAMESPACE}/pods", {**pod, "status": {"phase": "Pending", "conditions": [full]}})
    with pytest.raises(NoCapacity, match=r"a gets no node: Unschedulable: 0/1.* Insufficient cpu"):
        resource.reconciled()

    resource._never = None
    fake.change(f"{RESOURCES}/sound", lambda obj: obj["spec"].update(suspend=True))
    with pytest.raises(PolicyRefused, match="somebody has suspended it"):
        resource.reconciled()


def test_new_child_takes_the_place_of_the_lost_one(fake: FakeApi, resource: CustomResource) -> None:
    before = [child(fake, resource, "a"), child(fake, resource, "b")]

    fake.later(0.1, lambda: child(fake, resource, "c"))
    instead = resource.replaces(before[1], before)

    assert instead["metadata"]["name"] == "c"
    assert fake.asked("DELETE", "pods/b")


@pytest.mark.parametrize("phase", ["", "Pending"])
def test_child_that_is_not_there_or_not_ready_takes_nobodys_place(
    fake: FakeApi, resource: CustomResource, phase: str
) -> None:
    before = [child(fake, resource, "a"), child(fake, resource, "b")]
    if phase:
        fake.later(0.05, lambda: child(fake, resource, "c", phase=phase))

    with pytest.raises(WaitTimeout, match="another Pod instead of b: not within"):
        resource.replaces(before[1], before)


def test_it_is_gone_once_everything_that_it_owned_is_gone(
    fake: FakeApi, resource: CustomResource
) -> None:
    child(fake, resource, "a")
    child(fake, "somebody", "b")
    fake.later(0.1, lambda: fake.remove(f"{NAMESPACE}/pods/a"))

    resource.delete()

    assert resource.gone


def test_child_that_stays_is_named(fake: FakeApi, resource: CustomResource) -> None:
    child(fake, resource, "a")

    with pytest.raises(WaitTimeout, match=r"gone with everything[\s\S]*still there: Pod [^ ]*a"):
        resource.delete()

    assert not resource.gone


def test_discarded_resource_takes_its_children_along(
    fake: FakeApi, resource: CustomResource
) -> None:
    child(fake, resource, "a")

    with contextlib.suppress(WaitTimeout):
        resource.discard()

    assert fake.asked("DELETE", "pods/a")
    assert not [path for path in fake.objects if path.startswith(f"{NAMESPACE}/pods")]


SILENT = 'failed calling webhook "mpod.kb.io": failed to call webhook: connection refused'


@pytest.mark.parametrize(
    ("deployment", "error"), [("ray-operator", WaitTimeout), ("injector", PolicyRefused)]
)
def test_a_webhook_that_is_down_accuses_the_operator_alone_whose_it_is(
    fake: FakeApi, resource: CustomResource, deployment: str, error: type[Exception]
) -> None:
    labels = {"app": "it"}
    apps, system = "/apis/apps/v1/namespaces/ray", "/api/v1/namespaces/ray"
    fake.put(
        f"{apps}/deployments",
        {
            "metadata": {"name": deployment},
            "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": []}}},
        },
    )
    fake.put(f"{system}/services", {"metadata": {"name": "hook"}, "spec": {"selector": labels}})
    webhook = {
        "name": "mpod.kb.io",
        "clientConfig": {"service": {"namespace": "ray", "name": "hook"}},
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["pods"],
                "operations": ["CREATE"],
            }
        ],
    }
    hooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    fake.put(hooks, {"metadata": {"name": "hooks"}, "webhooks": [webhook]})
    said = {"type": "Warning", "reason": "FailedCreate", "message": SILENT}
    fake.put(f"{NAMESPACE}/events", {"metadata": {"name": "e"}, **said})

    with pytest.raises(error, match=r"mpod\.kb\.io"):
        resource.reconciled()
