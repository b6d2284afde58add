"""Where nobody may run as root, what any user sees is looked at, and the rest is told."""

import copy
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.workloads.pod_security import LEVEL, without_root
from aicr_pytest.workloads.pods_per_node import PodsPerNode
from aicr_pytest.workloads.workspaces import Workspaces
from tests.unit.accelerators.test_pods import Ran, sees
from tests.unit.cluster.conftest import cluster, fake, recorder, waiter
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.requirements.kept import Kept
from tests.unit.workloads.test_pods_per_node import looked_at, workspaces

__all__ = ["Cluster", "Waiter", "cluster", "fake", "recorder", "waiter", "workspaces"]

ROOT: dict[str, Any] = {
    "metadata": {"name": "p", "annotations": {LEVEL: "baseline"}},
    "spec": {
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [{"name": "before"}],
        "containers": [{"name": "main", "securityContext": {"allowPrivilegeEscalation": False}}],
    },
}


def test_a_pod_of_root_becomes_one_of_any_user() -> None:
    before = copy.deepcopy(ROOT)
    made = without_root(ROOT)

    assert made is not None
    assert LEVEL not in made["metadata"]["annotations"]
    assert made["spec"]["securityContext"]["runAsNonRoot"]
    for container in (*made["spec"]["initContainers"], *made["spec"]["containers"]):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert before == ROOT


def test_what_needs_more_than_root_or_has_none_stays_refused() -> None:
    mounting = copy.deepcopy(ROOT)
    mounting["spec"]["volumes"] = [{"name": "x", "hostPath": {"path": "/dev/null"}}]

    assert without_root(mounting) is None
    made = without_root(ROOT)
    assert made is not None
    assert without_root(made) is None


def test_a_policy_against_root_is_told_and_the_look_of_any_user_stands(
    workspaces: Workspaces, fake: FakeApi
) -> None:
    words = 'admission webhook "no-root" denied the request: runAsNonRoot must be true'
    fake.refuse("POST", r"/pods\b", 403, message=words, times=1)
    node = looked_at(workspaces)[0]
    workspaces._made["baseline"] = workspaces.at("restricted")
    pod = workspaces.place_on(node, "secure_accelerator_access/outsider", name="outsider")
    assert pod.pod.sent["spec"]["securityContext"]["runAsNonRoot"]

    kept, stand_in = Kept(), Ran(sees())
    pod._evidence = lambda: kept  # type: ignore[assignment, return-value]  # a stand-in
    vars(pod)["running"] = {"spec": {"containers": [{"name": "outsider"}]}}
    vars(pod.pod)["run"] = lambda *_, **__: stand_in
    assert pod.visible_devices() == []
    ((where, why),) = kept.left_out
    assert where == "n0 as root, in pod outsider"
    assert words in why


@pytest.mark.parametrize("refused", [0, 1])
def test_what_is_added_to_a_pod_runs_as_whom_the_pod_had_to(
    refused: int, workspaces: Workspaces, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = 'admission webhook "no-root" denied the request: runAsNonRoot must be true'
    fake.refuse("POST", r"/pods\b", 403, message=words, times=refused)
    workspaces._made["baseline"] = workspaces.at("restricted")
    node = looked_at(workspaces)[0]
    pod = workspaces.place_on(node, "secure_accelerator_access/holder", name="holder")
    vars(pod)["running"] = pod.pod.sent
    added: list[Any] = []
    monkeypatch.setattr(
        "aicr_pytest.workloads.workspaces.add_container", lambda _, one: added.append(one)
    )

    workspaces.attach("secure_accelerator_access/debugger", PodsPerNode("holder", [pod]))

    (container,) = added
    assert container["name"] == "debugger"
    assert ("capabilities" in container.get("securityContext", {})) is bool(refused)
