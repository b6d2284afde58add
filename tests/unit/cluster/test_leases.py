"""Leases: what fits is held side by side, what does not takes turns, what is dead is taken over."""

import json
import threading

import pytest

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import LEASE, Object
from aicr_pytest.cluster.leases import (
    NAMESPACE,
    Leases,
    Share,
    Staleness,
    choose,
    lease_name,
)
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import Inconclusive, NoCapacity

from .conftest import Recorder
from .fake_api import FakeApi
from .managed_fields import written_by


def share(node: str, wanted: int, total: int = 8) -> Share:
    return Share(node=node, total=total, wanted=wanted)


def test_lowest_free_slots_are_chosen() -> None:
    assert choose([[share("a", 2)]], {"a": {0, 2}}) == [("a", 1), ("a", 3)]


def test_what_does_not_fit_beside_what_is_taken_waits() -> None:
    assert choose([[share("a", 7)]], {"a": {0, 1}}) is None


def test_all_nodes_of_an_alternative_are_taken_or_none() -> None:
    both = [share("b", 1), share("a", 1)]

    assert choose([both], {}) == [("a", 0), ("b", 0)]
    assert choose([both], {"b": set(range(8))}) is None


def test_first_alternative_that_fits_is_chosen() -> None:
    assert choose([[share("a", 8)], [share("b", 8)]], {"a": {0}}) == [
        ("b", number) for number in range(8)
    ]


def test_long_node_names_leave_names_of_leases_valid() -> None:
    assert lease_name(("node-0", 3)) == "aicr-pytest-node-0-3"
    assert len(lease_name(("n" * 253, 15))) <= 253


def lease(renewed: str, uid: str = "u") -> Object:
    return {
        "metadata": {"name": "x", "uid": uid},
        "spec": {"renewTime": renewed, "leaseDurationSeconds": 30},
    }


def test_lease_expires_by_our_clock_whatever_its_own_says() -> None:
    now = 0.0
    staleness = Staleness(clock=lambda: now)

    assert not staleness.expired(lease("1999-01-01T00:00:00Z"))
    now = 29.0
    assert not staleness.expired(lease("1999-01-01T00:00:00Z"))
    now = 31.0
    assert staleness.expired(lease("1999-01-01T00:00:00Z"))
    assert not staleness.expired(lease("1999-01-01T00:00:31Z"))
    assert not staleness.expired(lease("1999-01-01T00:00:00Z", uid="another"))


@pytest.fixture
def waiter(cluster: Cluster) -> Waiter:
    return Waiter(cluster, deadlines=Deadlines(lease_granted=5.0))


@pytest.fixture
def mine(cluster: Cluster, waiter: Waiter) -> Leases:
    return Leases(cluster, waiter, holder="run-1/gw0/gang_scheduling")


@pytest.fixture
def theirs(cluster: Cluster, waiter: Waiter) -> Leases:
    return Leases(cluster, waiter, holder="run-1/gw1/pod_autoscaling")


def held(cluster: Cluster) -> list[str]:
    return sorted(one["metadata"]["name"] for one in cluster.list(LEASE, NAMESPACE))


def test_two_windows_that_fit_are_held_side_by_side(
    cluster: Cluster, mine: Leases, theirs: Leases
) -> None:
    with mine.take([[share("a", 1, 2)]]), theirs.take([[share("a", 1, 2)]]) as second:
        assert held(cluster) == ["aicr-pytest-a-0", "aicr-pytest-a-1"]
        assert second.nodes == ("a",)
        assert all(labels.is_ours(one) for one in cluster.list(LEASE, NAMESPACE))
    assert held(cluster) == []


def test_window_that_does_not_fit_waits_and_says_who_holds_the_accelerators(
    cluster: Cluster, mine: Leases, theirs: Leases, recorder: Recorder
) -> None:
    window = mine.take([[share("a", 2, 2)]])
    told = threading.Event()
    order: list[str] = []

    def awaiting(what: str, seen: str, elapsed: float, timeout: float) -> None:
        order.append(f"{what}: {seen}")
        told.set()

    recorder.awaiting = awaiting  # type: ignore[method-assign] # to see the moment

    def take() -> None:
        with theirs.take([[share("a", 1, 2)]]) as second:
            order.append(str(second))

    waiting = threading.Thread(target=take)
    waiting.start()
    assert told.wait(5)
    order.append("given back")
    window.release()
    waiting.join(5)

    assert order[0] == ("Leases for 1 accelerator of a: run-1/gw0/gang_scheduling holds 2 of a")
    assert order[-1] == "run-1/gw1/pod_autoscaling holds 1 of a"
    assert order.index("given back") < len(order) - 1


def test_more_than_there_is_is_no_capacity_at_once(mine: Leases) -> None:
    with pytest.raises(NoCapacity, match="2 of 1 on a"):
        mine.take([[share("a", 2, 1)]])


def test_lost_lease_makes_the_window_inconclusive(cluster: Cluster, mine: Leases) -> None:
    window = mine.take([[share("a", 1, 1)]])
    window.lost = "somebody deleted it"

    with pytest.raises(Inconclusive, match="somebody deleted it"):
        window.release()
    assert held(cluster) == []


@pytest.mark.parametrize("manager", ["kubectl-create", ""])
def test_copy_of_a_lease_holds_no_accelerator(
    cluster: Cluster, fake: FakeApi, mine: Leases, manager: str
) -> None:
    with mine.take([[share("a", 1, 1)]]) as window:
        copy = json.loads(json.dumps(window.held[0]))
    name = "aicr-pytest-copy" if manager else "my-own"
    copy["metadata"] = {
        "name": name,
        "labels": copy["metadata"]["labels"],
        "annotations": copy["metadata"]["annotations"],
    }
    there = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    fake.put(there, written_by(manager, copy) if manager else copy)

    with mine.take([[share("a", 1, 1)]]):
        assert held(cluster) == ["aicr-pytest-a-0", name]
    assert held(cluster) == [name]
