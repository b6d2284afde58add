"""Gangs that start together are told from those that do not, by the suite's own checks."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive, NoCapacity, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.gang_scheduling.observed import (
    Binding,
    Freed,
    Rivals,
    Served,
    Starved,
)
from tests.conformance import test_gang_scheduling as suite

from .small_cluster import (
    Member,
    Policy,
    SmallCluster,
    all_or_none,
    each_for_itself,
    nobody,
    on_trial,
)

STARVED, SERVED, COMPETING, FREED = CHECKS = [
    inspect.unwrap(check)
    for check in (
        suite.test_no_member_is_bound_while_there_is_room_for_one_less,
        suite.test_all_members_start_once_there_is_room,
        suite.test_two_gangs_that_compete_for_the_room_both_finish,
        suite.test_accelerators_of_gangs_are_free_again_afterwards,
    )
]


@pytest.mark.parametrize("total", [1, 2, 3, 8])
def test_gangs_that_start_together_pass_every_check(total: int) -> None:
    cluster = SmallCluster(all_or_none, total)
    trial = on_trial(cluster)

    for check in CHECKS:
        check(trial)
    assert cluster.members == []


def test_what_is_seen_of_a_gang_is_its_room_and_its_members() -> None:
    trial = on_trial(SmallCluster(all_or_none, 8))

    starved = trial.starved()
    assert (starved.room, starved.needed, starved.bound) == (2, 3, ())
    served = trial.served()
    assert (served.running, served.members, served.completed) == (3, 3, 3)
    rivals = trial.competing()
    assert [(one.gang, one.completed) for one in rivals.served] == [("rival-a", 2), ("rival-b", 2)]
    freed = trial.freed()
    assert (freed.free, freed.held) == (8, 8)


def test_members_that_are_scheduled_for_themselves() -> None:
    trial = on_trial(SmallCluster(each_for_itself))

    said = (
        r"gang-0 was bound to node-0 after \d\.\d s though there was room for 2 of the 3 "
        r"accelerators that gang needs\n\s*gang-1 was bound"
    )
    with pytest.raises(AssertionError, match=said):
        STARVED(trial)
    said = (
        r"hold a part of the room each, so that none can start: rival-a-\d was bound .*; "
        r"rival-b-\d was bound"
    )
    with pytest.raises(AssertionError, match=said):
        COMPETING(trial)


def one_late(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """Binds all but one member, long after it has looked at them."""
    if len(waiting) == 3 and all(one.obj["status"].get("conditions") for one in waiting):
        return waiting[-1:]
    return []


def test_a_single_member_that_is_bound_in_the_window() -> None:
    with pytest.raises(AssertionError, match="gang-2 was bound to node-0 after"):
        STARVED(on_trial(SmallCluster(one_late)))


def test_a_scheduler_that_says_nothing_proves_nothing() -> None:
    cluster = SmallCluster(nobody)
    cluster.speaks = False
    trial = on_trial(cluster)

    with pytest.raises(Inconclusive, match="Nobody has said why members of gang wait"):
        STARVED(trial)


def test_members_that_found_room_of_others_accuse_nobody() -> None:
    cluster = SmallCluster(each_for_itself)
    cluster.held_by_others = 1

    def schedules(now: SmallCluster, waiting: list[Member]) -> list[Member]:
        if any(one.obj["status"].get("conditions") for one in waiting):
            now.held_by_others = 0
        return each_for_itself(now, waiting) if now.held_by_others == 0 else []

    cluster.schedules = schedules
    with pytest.raises(Inconclusive, match="Others gave back accelerators of node-0"):
        STARVED(on_trial(cluster))


def test_a_gang_that_never_starts() -> None:
    trial = on_trial(SmallCluster(nobody))
    STARVED(trial)

    said = r"gang: all 3 members are bound: not within .*\n.*0 of 3 bound; Unschedulable"
    with pytest.raises(WaitTimeout, match=said):
        SERVED(trial)


def test_without_a_gang_that_waited_none_is_served() -> None:
    with pytest.raises(Inconclusive, match="no gang that waited for room"):
        SERVED(on_trial(SmallCluster(all_or_none)))


def seeing_others(cluster: SmallCluster) -> None:
    cluster.mismatches["gang-1"] = ["node-0: pod ns/gang-1 was given 1, but its device nodes are"]


def sharing(cluster: SmallCluster) -> None:
    cluster.same_device = True


def failing(cluster: SmallCluster) -> None:
    cluster.ends_as = "Failed"


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (seeing_others, "gang-1 was given 1, but"),
        (sharing, "node-0: pod ns/gang-0 and node-0: pod ns/gang-1 both hold GPU-0"),
        (failing, r"gang-0.* ended as Failed\."),
    ],
)
def test_members_that_hold_or_end_otherwise(
    breaks: Callable[[SmallCluster], None], said: str
) -> None:
    cluster = SmallCluster(all_or_none)
    trial = on_trial(cluster)
    STARVED(trial)
    breaks(cluster)

    with pytest.raises(AssertionError, match=said):
        SERVED(trial)


def test_members_whose_program_has_ended_have_completed_before_their_phase_says_so() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.ends_as = "Running"
    trial = on_trial(cluster)

    STARVED(trial)
    SERVED(trial)


@pytest.mark.parametrize("ends_as", ["Succeeded", "Running"])
def test_evidence_shows_when_each_member_of_both_gangs_has_ended(ends_as: str) -> None:
    cluster = SmallCluster(all_or_none)
    cluster.ends_as = ends_as

    COMPETING(on_trial(cluster))

    title, table = list(cluster.evidence.tables.items())[-1]
    ended = {row[0]: row[3] for row in table.rows if row[1]}
    assert title == "Members of two gangs that were bound"
    assert set(ended) == {"rival-a-0", "rival-a-1", "rival-b-0", "rival-b-1"}
    assert all(ended.values())


def test_units_of_one_device_are_no_devices_that_are_held_twice() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.same_device, cluster.units = True, 4
    trial = on_trial(cluster)

    STARVED(trial)
    SERVED(trial)


def with_a_part_of_the_other(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """The first gang as a whole, and one member of the second with it, though there is no room."""
    ready = all(one.obj["status"].get("conditions") for one in waiting)
    first = [one for one in waiting if one.gang == "rival-a"]
    other = [one for one in waiting if one.gang == "rival-b"]
    if first:
        return [*first, *other[:1]] if ready else []
    return other


def test_a_member_of_the_other_gang_that_is_bound_meanwhile() -> None:
    with pytest.raises(AssertionError, match=r"rival-b-0 was bound .* while rival-a had the room"):
        COMPETING(on_trial(SmallCluster(with_a_part_of_the_other)))


@pytest.mark.parametrize("policy", [nobody, all_or_none])
def test_rivals_that_find_others_in_their_room_accuse_nobody(policy: Policy) -> None:
    cluster = SmallCluster(policy)

    def schedules(now: SmallCluster, waiting: list[Member]) -> list[Member]:
        now.held_by_others = 2
        return policy(now, waiting)

    trial = on_trial(cluster)
    cluster.schedules = schedules
    with pytest.raises(NoCapacity, match=r"^Others hold what rival-. needs: node-0"):
        COMPETING(trial)


def test_accelerators_that_are_not_offered_any_more() -> None:
    cluster = SmallCluster(all_or_none, 8)
    trial = on_trial(cluster)
    STARVED(trial)
    cluster.total = 7

    said = "1 of 8 accelerators of node-0, 8 free, are not offered any more since gangs used them"
    with pytest.raises(AssertionError, match=said):
        FREED(trial)


def test_accelerators_that_others_hold_by_now_are_not_lost() -> None:
    cluster = SmallCluster(all_or_none, 8)
    trial = on_trial(cluster)
    STARVED(trial)
    cluster.held_by_others = 3
    FREED(trial)
    cluster.held_by_others = 8
    with pytest.raises(NoCapacity, match="Others hold all accelerators"):
        FREED(trial)


def test_a_pod_that_is_given_less_than_is_free() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.short = 1

    with pytest.raises(AssertionError, match="a pod asks for 3 and holds 2"):
        FREED(on_trial(cluster))


def test_claims_that_stay() -> None:
    trial = on_trial(SmallCluster(all_or_none))
    claims: Any = SimpleNamespace(
        of_unbound=lambda gang: ["c of unbound pod gang-0 holds devices"],
        held_for_nobody=lambda: ["ResourceClaim c is still allocated, and its pod is gone"],
        stranded=list,
    )
    vars(trial)["_claims"] = claims

    with pytest.raises(AssertionError, match="c of unbound pod gang-0 holds devices"):
        STARVED(trial)
    with pytest.raises(AssertionError, match="ResourceClaim c is still allocated"):
        FREED(trial)


BOUND = Binding(pod="gang-0", node="node-0", seconds=1.0)
WHOLE = Served(gang="g", members=2, running=2, completed=2, mismatches=(), held_twice=())


@pytest.mark.parametrize(
    ("check", "fine", "wrong"),
    [
        (STARVED, Starved(gang="g", room=2, needed=3, bound=()), {"bound": (BOUND,)}),
        (STARVED, Starved(gang="g", room=2, needed=3, bound=()), {"claims": ("c",)}),
        (SERVED, WHOLE, {"running": 1}),
        (SERVED, WHOLE, {"completed": 1}),
        (SERVED, WHOLE, {"mismatches": ("m",)}),
        (SERVED, WHOLE, {"held_twice": ("h",)}),
        (COMPETING, Rivals(served=(WHOLE, WHOLE)), {"served": ()}),
        (COMPETING, Rivals(served=(WHOLE, WHOLE)), {"beside": (BOUND,)}),
        *(
            (COMPETING, Rivals(served=(WHOLE, WHOLE)), {"served": pair})
            for broken in (
                replace(WHOLE, completed=1),
                replace(WHOLE, mismatches=("m",)),
                replace(WHOLE, held_twice=("h",)),
            )
            for pair in ((WHOLE, broken), (broken, WHOLE))
        ),
        (FREED, Freed(free=3, held=3), {"stranded": ("c",)}),
        (FREED, Freed(free=3, held=3), {"lost": 1}),
        (FREED, Freed(free=3, held=3), {"held": 2}),
    ],
)
def test_each_comparison_decides_alone(
    check: Callable[[Any], None], fine: Any, wrong: dict[str, Any]
) -> None:
    look = {STARVED: "starved", SERVED: "served", COMPETING: "competing", FREED: "freed"}[check]

    check(SimpleNamespace(**{look: lambda: fine}))
    with pytest.raises(AssertionError):
        check(SimpleNamespace(**{look: lambda: replace(fine, **wrong)}))


def test_a_scheduler_that_somebody_else_set_is_not_the_one_on_trial() -> None:
    cluster = SmallCluster(each_for_itself)
    cluster.changed = {"schedulerName"}

    with pytest.raises(PolicyRefused, match="schedulerName"):
        STARVED(on_trial(cluster))


PRESSURE = "1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }"


@pytest.mark.parametrize("lacks", ["1 Insufficient cpu", PRESSURE, "1 Too many pods"])
@pytest.mark.parametrize("are", ["available", "unavailable"])
def test_members_that_wait_for_something_else_than_the_scheduler_prove_nothing(
    lacks: str, are: str
) -> None:
    cluster = SmallCluster(nobody)
    trial = on_trial(cluster)
    STARVED(trial)
    cluster.says = f"0/1 nodes are {are}: {lacks}."

    for check in (SERVED, COMPETING):
        with pytest.raises(NoCapacity, match="waits, whatever schedules it") as caught:
            check(trial)
        assert lacks in str(caught.value)
        assert caught.value.held is False
    with pytest.raises(NoCapacity, match="waits, whatever schedules it"):
        STARVED(on_trial(cluster))


@pytest.mark.parametrize(
    "said",
    [
        "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        "0/1 nodes are available: 1 cannot allocate all claims.",
        "pod group is not ready, 3 Pending, 3 minAvailable",
        "The pod requests 1 GPUs, 100 mCPU and 0.5 GB memory; no node has enough GPUs",
        "",
    ],
)
def test_members_that_wait_for_accelerators_or_for_their_scheduler_accuse(said: str) -> None:
    cluster = SmallCluster(nobody)
    trial = on_trial(cluster)
    cluster.says = said
    if said:
        STARVED(trial)
    else:
        cluster.says = "not yet"
        STARVED(trial)
        cluster.says = said

    with pytest.raises(WaitTimeout):
        SERVED(trial)
    with pytest.raises(AssertionError):
        COMPETING(trial)


def test_a_member_whose_gate_its_scheduler_does_not_take_away_accuses() -> None:
    cluster = SmallCluster(nobody)
    trial = on_trial(cluster)
    STARVED(trial)
    cluster.says = "Scheduling is blocked due to non-empty scheduling gates"
    cluster.reason = "SchedulingGated"

    with pytest.raises(WaitTimeout):
        SERVED(trial)


def test_a_member_that_others_took_away_accuses_nobody() -> None:
    cluster = SmallCluster(all_or_none)
    trial = on_trial(cluster)
    STARVED(trial)
    cluster.ends_as = "Failed"

    def taken() -> None:
        raise Inconclusive("Pod ns/gang-2: was deleted under us")

    cluster.members[-1].pod.see_that_it_is_ours = taken
    with pytest.raises(Inconclusive, match="gang-2: was deleted under us"):
        SERVED(trial)
