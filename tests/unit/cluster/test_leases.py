"""Leases: what fits is held side by side, what does not takes turns, what is dead is taken over."""

import copy
import datetime
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from aicr_pytest.cluster import labels, leases
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import LEASE, Object
from aicr_pytest.cluster.leases import (
    NAMESPACE,
    Leases,
    Obstacles,
    Share,
    Staleness,
    choose,
    lease_name,
    obstructed,
    slot_of,
)
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import Inconclusive, LeaseLost, NoCapacity

from .conftest import Recorder
from .fake_api import FakeApi
from .managed_fields import written_by

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
OURS = labels.run_labels("run-9")


def until(true: Callable[[], bool]) -> None:
    """Wait for what a thread does by itself."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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

    with pytest.raises(LeaseLost, match="somebody deleted it") as caught:
        window.release()
    assert caught.value.since == window.sure_until
    assert held(cluster) == []


def test_a_renewal_that_meets_what_we_give_back_is_no_loss(
    cluster: Cluster, mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = mine.take([[share("a", 2, 2)]])
    deleting = Cluster.delete

    def delete(self: Cluster, *what: Any, **how: Any) -> None:
        deleting(self, *what, **how)
        mine._renew_each(window)  # by the thread that had begun before

    monkeypatch.setattr(Cluster, "delete", delete)
    window.release()

    assert window.lost
    assert held(cluster) == []


def test_a_window_that_shrinks_leaves_the_rest_to_others_and_has_lost_nothing(
    cluster: Cluster, mine: Leases, theirs: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = mine.take([[share("a", 3, 3), share("b", 1, 3)]])
    deleting = Cluster.delete

    def delete(self: Cluster, *what: Any, **how: Any) -> None:
        deleting(self, *what, **how)
        mine._renew(window, before[1])  # by the thread that had begun before

    before = window.held
    monkeypatch.setattr(Cluster, "delete", delete)
    window.shrink(1)
    monkeypatch.undo()

    assert held(cluster) == ["aicr-pytest-a-0", "aicr-pytest-b-0"]
    with theirs.take([[share("a", 2, 3)]]):
        assert len(held(cluster)) == 4
    window.release()
    assert held(cluster) == []


def test_a_window_was_ours_until_its_last_renewal(
    cluster: Cluster, fake: FakeApi, mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEW_EVERY", 0.05)
    window = mine.take([[share("a", 1, 1)]])
    taken = window.sure_until
    until(lambda: window.sure_until > taken)
    fake.remove(f"{LEASES}/{lease_name(('a', 0))}")
    until(lambda: bool(window.lost))
    last = window.sure_until
    with pytest.raises(LeaseLost) as caught:
        window.release()

    assert taken < caught.value.since == last < datetime.datetime.now(datetime.UTC)


def test_nobody_takes_a_lease_for_a_while_after_it_could_not_be_renewed(
    cluster: Cluster, fake: FakeApi, mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEW_EVERY", 0.05)
    monkeypatch.setattr(leases, "DURATION", 0.2)
    window = mine.take([[share("a", 1, 1)]])
    fake.refuse("PATCH", "/leases/", 503, times=99)
    before = datetime.datetime.now(datetime.UTC)
    until(lambda: bool(window.lost))

    assert before < window.sure_until
    with pytest.raises(LeaseLost):
        window.release()


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


def odd(name: str, **more: object) -> Object:
    """A Lease with our labels and a name of ours that none of us has made so."""
    notes = {"aicr-pytest/node": "a", "aicr-pytest/accelerator": "0"}
    metadata = {"name": name, "labels": OURS, "annotations": notes}
    return {"metadata": metadata, "spec": {"holderIdentity": "x"}} | more


def with_notes(lease: Object, **notes: str | None) -> Object:
    """The same with other annotations; None takes one away."""
    names = {"node": "aicr-pytest/node", "index": "aicr-pytest/accelerator"}
    given = {**lease["metadata"]["annotations"]}
    given |= {names[key]: value for key, value in notes.items()}
    kept = {key: value for key, value in given.items() if value is not None}
    return {**lease, "metadata": {**lease["metadata"], "annotations": kept}}


FIRST = lease_name(("a", 0))
ODD = {
    "index x": with_notes(odd(FIRST), index="x"),
    "index of 400 digits": with_notes(odd(FIRST), index="1" * 400),
    "index in Arabic digits": with_notes(odd(FIRST), index="\u0660"),
    "negative index": with_notes(odd(FIRST), index="-1"),
    "no node": with_notes(odd(FIRST), node=None),
    "another node": with_notes(odd(FIRST), node="b"),
    "another index": with_notes(odd(FIRST), index="7"),
    "no annotations": {**odd(FIRST), "metadata": {"name": FIRST, "labels": OURS}},
    "no spec": {"metadata": odd(FIRST)["metadata"]},
    "no labels of ours": {**odd(FIRST), "metadata": {"name": FIRST}},
}


@pytest.mark.parametrize("lease", ODD.values(), ids=ODD.keys())
def test_odd_lease_blocks_its_own_slot_and_nobody(
    fake: FakeApi, cluster: Cluster, mine: Leases, lease: Object
) -> None:
    fake.put(LEASES, copy.deepcopy(lease))

    assert slot_of(lease) is None
    with mine.take([[share("a", 1, 2)]]) as window:
        assert window.nodes == ("a",)
        assert held(cluster) == ["aicr-pytest-a-0", "aicr-pytest-a-1"]
    assert held(cluster) == ["aicr-pytest-a-0"]
    assert len(fake.asked("POST", "/leases")) <= 2


def test_lease_that_names_another_nodes_slot_takes_nothing_there(
    fake: FakeApi, cluster: Cluster, mine: Leases
) -> None:
    fake.put(LEASES, with_notes(odd(FIRST), node="b"))

    with mine.take([[share("b", 1, 1)]]):
        assert held(cluster) == ["aicr-pytest-a-0", "aicr-pytest-b-0"]


@pytest.mark.parametrize("name", ["no labels of ours", "no spec"])
def test_odd_leases_on_all_slots_are_told_at_once(fake: FakeApi, mine: Leases, name: str) -> None:
    fake.put(LEASES, copy.deepcopy(ODD[name]))

    with pytest.raises(NoCapacity, match=r"none of ours have the names of ours: aicr-pytest-a-0"):
        mine.take([[share("a", 1, 1)]])
    assert len(fake.asked("POST", "/leases")) <= 1


def test_whoever_waits_beside_an_odd_lease_is_told_of_it_and_gets_what_becomes_free(
    fake: FakeApi, mine: Leases, theirs: Leases, recorder: Recorder
) -> None:
    fake.put(LEASES, copy.deepcopy(ODD["no labels of ours"]))
    window = mine.take([[share("a", 1, 2)]])
    fake.later(1.5, window.release)

    theirs.take([[share("a", 1, 2)]]).release()

    assert any(
        "holds 1 of a; none of ours, but in the way: aicr-pytest-a-0" in seen
        for _, seen in recorder.awaited
    )


def test_odd_lease_that_is_gone_is_no_obstacle_any_more() -> None:
    obstacles = Obstacles()
    obstacles.see(FIRST, [ODD["no labels of ours"]])

    assert obstructed([[share("a", 1, 1)]], obstacles.among([])) == {("a", 0)}
    obstacles.see(FIRST, [])
    assert obstructed([[share("a", 1, 1)]], obstacles.among([])) == set()


def test_lease_that_admission_changes_is_taken_back(
    fake: FakeApi, cluster: Cluster, mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = fake.put

    def stripping(collection: str, obj: Object) -> Object:
        return put(collection, {**obj, "metadata": {**obj["metadata"], "annotations": {}}})

    monkeypatch.setattr(fake, "put", stripping)

    with pytest.raises(Inconclusive, match="the cluster changes what we create"):
        mine.take([[share("a", 1, 2)]])
    assert held(cluster) == []


@pytest.mark.parametrize(
    ("duration", "believed"),
    [
        (30, 30),
        (60, 60),
        (2147483647, 120),
        (float("inf"), 120),
        (float("nan"), 30),
        (-1, 30),
        (0, 30),
        (1, 30),
        (None, 30),
        ("sixty", 30),
        ([], 30),
        (True, 30),
    ],
)
def test_lease_that_nobody_renews_is_believed_for_two_minutes_at_most(
    duration: object, believed: float
) -> None:
    now = 0.0
    staleness = Staleness(clock=lambda: now)
    one = lease("1999-01-01T00:00:00Z")
    one["spec"]["leaseDurationSeconds"] = duration

    assert not staleness.expired(one)
    now = believed
    assert not staleness.expired(one)
    now = believed + 1
    assert staleness.expired(one)


def test_lease_that_is_being_deleted_cannot_be_taken_over() -> None:
    now = 0.0
    staleness = Staleness(clock=lambda: now)
    one = lease("1999-01-01T00:00:00Z")
    one["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"

    assert not staleness.expired(one)
    now = 10_000.0
    assert not staleness.expired(one)
