"""Claims that hold devices for members without a node, or for nobody."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.errors import WaitTimeout
from aicr_pytest.requirements.gang_scheduling.claims import Claims
from tests.unit.requirements.served_cluster import ServedCluster

HELD = {"allocation": {"devices": {"results": [{"device": "gpu-0"}]}}}
STRANDED = "ResourceClaim c is still allocated, and its pod is gone"


def claim(
    *owners: str, status: Object | None = HELD, name: str = "c", namespace: str = "ns"
) -> Object:
    references = [{"kind": "Pod", "name": owner} for owner in owners] or None
    metadata = {"name": name, "namespace": namespace, "ownerReferences": references}
    return {"metadata": metadata, "status": status}


def pod(name: str, phase: str = "Running", namespace: str = "ns") -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "status": {"phase": phase}}


class Waiter:
    """Looks as often as a deadline has room for, without any wait."""

    deadlines = Deadlines()

    def poll(
        self,
        what: str,
        look: Callable[[], list[str]],
        *,
        until: Callable[[list[str]], bool],
        timeout: float,
        every: float = 1.0,
        **_: object,
    ) -> list[str]:
        for _look in range(int(timeout / every) + 1):
            if until(seen := look()):
                return seen
        raise WaitTimeout(what)


def claims(cluster: ServedCluster | SimpleNamespace, *, mechanism: str = "dra") -> Claims:
    workspace = SimpleNamespace(cluster=cluster, namespace="ns")
    platform: Any = SimpleNamespace(
        workspaces=SimpleNamespace(at=lambda: workspace), waiter=Waiter()
    )
    node: Any = SimpleNamespace(mechanism=mechanism)
    return Claims(platform, node)


@pytest.mark.parametrize(
    ("there", "pods", "stranded"),
    [
        (claim("a"), [pod("a")], []),
        (claim("a"), [pod("a", "Pending")], []),
        (claim("gone", "a"), [pod("a")], []),
        (claim("a"), [], [STRANDED]),
        (claim("a"), [pod("b")], [STRANDED]),
        (claim("a"), [pod("a", namespace="elsewhere")], [STRANDED]),
        (claim("a"), [pod("a", "Succeeded")], [STRANDED]),
        (claim("a"), [pod("a", "Failed")], [STRANDED]),
        (claim(), [pod("a")], [STRANDED]),
        (claim("a", status=None), [], []),
        (claim("a", status={"allocation": None}), [], []),
        (claim("a", namespace="elsewhere"), [], []),
    ],
)
def test_claim_is_stranded_that_is_allocated_and_whose_pods_are_gone_or_have_ended(
    there: Object, pods: Sequence[Object], stranded: list[str]
) -> None:
    cluster = ServedCluster(ResourceClaim=[there], Pod=pods)

    assert claims(cluster).stranded() == stranded
    assert claims(cluster, mechanism="extended-resource").stranded() == stranded
    assert claims(cluster, mechanism="device-plugin").stranded() == [], "it gives none by claim"


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (claim("gang-0"), ["c of unbound pod gang-0 holds devices"]),
        (claim("blocker-0"), []),
        (claim(), []),
        (claim("gang-0", status=None), []),
        (claim("gang-0", status={"allocation": None}), []),
        (claim("gang-0", namespace="elsewhere"), []),
    ],
)
def test_unbound_member_holds_what_its_claim_was_allocated(there: Object, told: list[str]) -> None:
    members = [SimpleNamespace(pod=SimpleNamespace(name=name)) for name in ("gang-0", "gang-1")]
    gang: Any = SimpleNamespace(members=members)

    assert claims(ServedCluster(ResourceClaim=[there])).of_unbound(gang) == told


@pytest.mark.parametrize(("looks", "held"), [(1, []), (100, []), (10_000, [STRANDED])])
def test_claims_are_given_the_time_to_come_back(looks: int, held: list[str]) -> None:
    answers = iter([claim("a")] * looks)

    def listed(kind: Any, namespace: str) -> list[Object]:
        return [] if kind.name == "Pod" else [one for one in [next(answers, None)] if one]

    assert claims(SimpleNamespace(list=listed)).held_for_nobody() == held
