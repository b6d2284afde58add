"""A container is added to a running pod, and whoever is against it is told."""

from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.ephemeral_containers import add_container
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import AccessDenied, PolicyRefused, ProbeFailed
from tests.unit.cluster.fake_api import FakeApi

PODS = "/api/v1/namespaces/ns/pods"
DEBUGGER = {"name": "debugger", "image": "probe:1"}


@pytest.fixture
def pod(fake: FakeApi, cluster: Cluster, waiter: Waiter, monkeypatch: pytest.MonkeyPatch) -> Pod:
    """A running pod of an API server that knows the subresource."""
    made = fake.put(
        PODS,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "holder"},
            "spec": {"nodeName": "n0", "containers": [{"name": "holder"}]},
            "status": {"phase": "Running"},
        },
    )
    plain = cluster.patch

    def patch(*args: Any, subresource: str = "") -> Object:
        answer = plain(*args) if not subresource else {}
        added = args[3]["spec"]["ephemeralContainers"]
        fake.change(f"{PODS}/holder", lambda obj: obj["spec"].update(ephemeralContainers=added))
        return answer

    monkeypatch.setattr(cluster, "patch", patch)
    return Pod(cluster, waiter, made)


def says(fake: FakeApi, **state: Any) -> None:
    told = [{"name": "debugger", "state": state}]
    fake.change(f"{PODS}/holder", lambda pod: pod["status"].update(ephemeralContainerStatuses=told))


def test_the_container_is_waited_for_and_added_once(fake: FakeApi, pod: Pod) -> None:
    fake.later(0.2, lambda: says(fake, running={}))

    add_container(pod, DEBUGGER)
    assert pod.object()["spec"]["ephemeralContainers"] == [DEBUGGER]

    add_container(pod, {**DEBUGGER, "image": "another"})
    assert pod.object()["spec"]["ephemeralContainers"] == [DEBUGGER]


def test_one_that_ends_lets_nobody_look(fake: FakeApi, pod: Pod) -> None:
    fake.later(0.2, lambda: says(fake, terminated={"exitCode": 127}))

    with pytest.raises(ProbeFailed, match=r"nothing to look into: .*'exitCode': 127"):
        add_container(pod, DEBUGGER)


@pytest.mark.parametrize(
    ("message", "raised"),
    [
        (
            (
                'pods "holder" is forbidden: User "me" cannot patch resource'
                ' "pods/ephemeralcontainers" in API group "" in the namespace "ns"'
            ),
            AccessDenied,
        ),
        ('admission webhook "no-debugging" denied the request: no', PolicyRefused),
    ],
)
def test_who_refuses_it_is_told(
    fake: FakeApi, cluster: Cluster, waiter: Waiter, message: str, raised: type[Exception]
) -> None:
    made = fake.put(PODS, {"metadata": {"name": "holder"}, "spec": {}, "status": {}})
    fake.refuse("PATCH", "ephemeralcontainers", 403, reason="Forbidden", message=message)

    with pytest.raises(raised):
        add_container(Pod(cluster, waiter, made), DEBUGGER)
