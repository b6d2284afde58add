"""The pods of an operator's controller: whether it has any, and that others come after them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import POD, Kind, Object
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import WaitTimeout
from aicr_pytest.requirements.robust_controller.controllers import (
    delete_pods,
    run_again,
    unavailable,
    watched_namespaces,
)
from tests.unit.requirements.served_cluster import ServedCluster

LABELS = {"app": "ray", "part": "operator"}
OPERATOR: Object = {
    "metadata": {"name": "ray-operator", "namespace": "ray"},
    "spec": {"selector": {"matchLabels": LABELS}},
}


def pod(
    uid: str, *, ready: bool = True, namespace: str = "ray", labels: dict[str, str] = LABELS
) -> Object:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": f"pod-{uid}", "uid": uid, "namespace": namespace, "labels": labels},
        "status": {"phase": "Running", "conditions": conditions},
    }


class Waiter:
    """Shows a wait one cluster after the other, and expires with the last."""

    deadlines = Deadlines(operator_back=7.0)

    def __init__(self, *moments: ServedCluster) -> None:
        self.moments = moments
        self.lines: list[str] = []

    def until(
        self,
        what: str,
        subjects: Sequence[Subject],
        *,
        judge: Callable[[Views], bool | None],
        describe: Callable[[Views], str],
        timeout: float,
    ) -> bool:
        for now in self.moments:
            views: Any = [
                {
                    obj["metadata"]["name"]: obj
                    for obj in now.list(s.kind, s.namespace, labels=s.labels)
                }
                for s in subjects
            ]
            if judge(views) is not None:
                return True
            self.lines.append(describe(views))
        raise WaitTimeout(f"{what}: not within {timeout:g} s")

    def for_object(
        self,
        what: str,
        kind: Kind,
        name: str,
        namespace: str,
        *,
        until: Callable[[Object], bool],
        describe: Callable[[Object], str],
        timeout: float,
    ) -> None:
        for now in self.moments:
            if (found := now.find(kind, name, namespace)) and until(found):
                return
        assert found is None or describe(found)
        raise WaitTimeout(f"{what}: not within {timeout:g} s")


def deployment(name: str, available: int | None, namespace: str = "ray") -> Object:
    status = None if available is None else {"availableReplicas": available}
    return {"metadata": {"name": name, "namespace": namespace}, "status": status}


def test_controllers_without_an_available_pod_are_named() -> None:
    there = [deployment("up", 1), deployment("down", 0), deployment("new", None)]
    elsewhere = [deployment("gone", 1, "elsewhere")]
    waiter: Any = Waiter(ServedCluster(Deployment=[*elsewhere, *there]))

    missing = unavailable(waiter, [*there, deployment("gone", None)])

    assert missing == ["Deployment ray/down", "Deployment ray/new", "Deployment ray/gone"]


def test_controller_that_gets_a_pod_in_time_is_available() -> None:
    moments = [ServedCluster(Deployment=[deployment("slow", n)]) for n in (0, 0, 1)]
    waiter: Any = Waiter(*moments)

    assert unavailable(waiter, [deployment("slow", 0)]) == []


def running(**container: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "manager", **container}]}}}}


@pytest.mark.parametrize(
    ("container", "namespaces"),
    [
        ({"args": ["--watch-namespace=a,b", "--zap-log-level=2"]}, ["a,b"]),
        ({"args": ["-watch-namespace", "a"]}, ["a"]),
        ({"command": ["/manager", "--watch-namespaces=a"]}, ["a"]),
        ({"command": ["/manager", "--watch-namespaces"], "args": ["a"]}, ["a"]),
        ({"args": ["--watch-namespace="]}, []),
        ({"args": ["--watch-namespace=", "--zap-log-level=2"]}, []),
        ({"args": ["--watch-namespace", "--zap-log-level=2"]}, []),
        ({"args": ["--watch-namespace", ""]}, []),
        ({"args": ["--leader-election-namespace=a"]}, []),
        ({"args": ["Xwatch-namespace=a"]}, []),
        ({}, []),
    ],
)
def test_controller_that_watches_some_namespaces_says_which(
    container: Any, namespaces: list[str]
) -> None:
    assert watched_namespaces([running(**container)]) == namespaces


def test_pods_of_the_controllers_are_deleted_and_no_others() -> None:
    deleted: list[tuple[Kind, str, str, str]] = []
    cluster: Any = ServedCluster(
        Pod=[
            pod("a"),
            pod("b"),
            pod("c", namespace="elsewhere"),
            pod("d", labels={"app": "ray"}),
        ]
    )
    cluster.delete = lambda kind, name, namespace, uid: deleted.append((kind, name, namespace, uid))

    assert delete_pods(cluster, [OPERATOR]) == {"a": "pod-a", "b": "pod-b"}
    assert deleted == [(POD, "pod-a", "ray", "a"), (POD, "pod-b", "ray", "b")]


@pytest.mark.parametrize(
    "before",
    [
        [],
        [pod("old")],
        [pod("old"), pod("new")],
        [pod("new", ready=False)],
        [pod("new", namespace="elsewhere")],
        [pod("new", labels={"app": "ray"})],
    ],
)
def test_controller_runs_again_once_a_new_pod_is_ready_and_no_old_one_is_left(
    before: list[Object],
) -> None:
    then = ServedCluster(Pod=[pod("new"), pod("other", ready=False)])
    waiter: Any = Waiter(ServedCluster(Pod=before), then)
    run_again(waiter, [OPERATOR], {"old": "pod-old"})
    assert len(waiter.lines) == 1, "till then the old pod might do the work"

    never: Any = Waiter(ServedCluster(Pod=before))
    with pytest.raises(WaitTimeout, match=r"^Deployment ray/ray-operator: runs again: not .* 7 s"):
        run_again(never, [OPERATOR], ["old"])


def test_every_controller_has_to_run_again() -> None:
    other = {**OPERATOR, "metadata": {"name": "other", "namespace": "elsewhere"}}
    waiter: Any = Waiter(ServedCluster(Pod=[pod("new")]))

    with pytest.raises(WaitTimeout, match=r"^Deployment elsewhere/other: runs again"):
        run_again(waiter, [OPERATOR, other], ["old"])


def test_words_of_a_wait_for_a_controller_are_its_pods() -> None:
    waiter: Any = Waiter(
        ServedCluster(Pod=[pod("new", ready=False)]), ServedCluster(Pod=[pod("x")])
    )
    run_again(waiter, [OPERATOR], [])

    assert "Running" in waiter.lines[0]
