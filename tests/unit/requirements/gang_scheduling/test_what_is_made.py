"""What a gang scheduler is asked for, what is kept of it, and that nothing stays."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.errors import DoesNotApply, Inconclusive, NoCapacity, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.gang_scheduling.recorder import Gang
from aicr_pytest.requirements.gang_scheduling.trial import GangTrial, gang_trials
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from tests.unit.requirements.kept import Kept

from .small_cluster import (
    Member,
    Placed,
    SmallCluster,
    SmallScheduler,
    all_or_none,
    each_for_itself,
    nobody,
    node,
    on_trial,
)


@pytest.mark.parametrize(
    ("mechanism", "understands", "asked"),
    [
        ("dra", True, "dra"),
        ("dra", False, "extended-resource"),
        ("device-plugin", True, "device-plugin"),
        ("device-plugin", False, "device-plugin"),
    ],
)
def test_pods_ask_as_the_scheduler_counts(mechanism: Any, understands: bool, asked: str) -> None:
    cluster, scheduler = SmallCluster(all_or_none), SmallScheduler()
    cluster.mechanism, scheduler.understands_claims = mechanism, understands

    on_trial(cluster, scheduler).starved()

    assert {one.mechanism for one in cluster.placed} == {asked}
    assert {one.mechanism for one in scheduler.nodes} == {asked}


def test_scheduler_that_counts_none_of_the_ways_to_ask_is_not_judged() -> None:
    cluster, scheduler = SmallCluster(all_or_none), SmallScheduler()
    cluster.mechanism, cluster.extended, scheduler.understands_claims = "dra", False, False

    said = "small does not count ResourceClaims, and no DeviceClass of node-0 maps nvidia.com/gpu"
    with pytest.raises(DoesNotApply, match=said):
        on_trial(cluster, scheduler).starved()


def test_queue_of_ours_has_what_is_free_and_a_name_that_no_other_run_has() -> None:
    cluster = SmallCluster(all_or_none, 5)
    on_trial(cluster).starved()

    assert cluster.made[f"Queue {cluster_name('run')}"]["spec"] == {"free": 5, "of": None}


def test_queue_of_the_user_decides_how_much_there_is() -> None:
    cluster = SmallCluster(nobody, 8)
    cluster.settings.queue = "team"  # which has four

    starved = on_trial(cluster).starved()

    assert (starved.room, starved.needed) == (2, 3)
    assert [one.asks for one in cluster.placed if one.name == "blocker-0"] == [2]
    assert cluster.made["Group gang"]["spec"] == {"size": 3, "queue": "team"}
    assert cluster.made[f"Queue {cluster_name('run')}"]["spec"]["of"] == "team"


@pytest.mark.parametrize(
    ("total", "placed"),
    [
        (
            1,
            [
                ("blocker-0", "gang_scheduling/blocker", None, 1),
                ("gang-0", "gang_scheduling/member", 1, 1),
                ("gang-1", "gang_scheduling/companion", 1, 0),
            ],
        ),
        (
            2,
            [
                ("blocker-0", "gang_scheduling/blocker", None, 1),
                ("gang-0", "gang_scheduling/member", 2, 1),
                ("gang-1", "gang_scheduling/member", 2, 1),
            ],
        ),
    ],
)
def test_members_are_made_for_the_room_that_their_gang_needs(
    total: int, placed: list[tuple[str, str, int | None, int]]
) -> None:
    cluster = SmallCluster(all_or_none, total)
    on_trial(cluster).starved()

    by = "device-plugin"
    assert cluster.placed == [Placed(n, actor, by, needs, asks) for n, actor, needs, asks in placed]
    member = cluster.members[-1].obj["metadata"]
    assert member["labels"] == {"aicr-pytest/of": "manifest", Gang.LABEL: "gang"}
    assert member["annotations"] == {"group": "gang of 2"}


@pytest.mark.parametrize("total", [1, 2])
def test_rivals_that_need_all_there_is_have_no_blocker_beside_them(total: int) -> None:
    cluster = SmallCluster(all_or_none, total)
    on_trial(cluster).competing()

    assert {one.name.rpartition("-")[0] for one in cluster.placed} == {"rival-a", "rival-b"}
    assert [one.name for one in cluster.placed[:2]] == ["rival-a-0", "rival-b-0"], "in turns"


def test_where_a_container_gets_one_share_at_most_the_blocker_has_many() -> None:
    cluster = SmallCluster(all_or_none, 8)
    cluster.refusals = 1
    trial = on_trial(cluster)

    assert trial.starved().bound == ()
    assert trial.served().running == 3

    assert cluster.containers["blocker-0"] == ["main"]
    assert cluster.containers["blocker-1"] == [f"main-{number}" for number in range(6)]
    assert cluster.deleted[0] == "blocker-0"
    assert "one share at most" in str(cluster.evidence.facts)


def test_blocker_that_is_refused_in_any_form_proves_nothing() -> None:
    cluster = SmallCluster(all_or_none, 8)
    cluster.refusals = 2

    with pytest.raises(PolicyRefused, match="blocker-1: one share at most"):
        on_trial(cluster).starved()


def test_pods_that_the_scheduler_leaves_alone_prove_nothing() -> None:
    scheduler = SmallScheduler()
    scheduler.unmanaged = "is left alone"

    with pytest.raises(Inconclusive, match=r"^blocker-0: is left alone"):
        on_trial(SmallCluster(all_or_none), scheduler).starved()


def test_scheduler_that_does_not_look_at_the_blocker_is_accused() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.silent = True

    with pytest.raises(WaitTimeout, match="Pod ns/blocker-0: nothing is said of it"):
        on_trial(cluster).starved()


def test_scheduler_that_speaks_by_the_gangs_object_alone_has_spoken() -> None:
    cluster = SmallCluster(nobody)
    cluster.speaks, cluster.told = False, "waits for quota"

    assert on_trial(cluster).starved().bound == ()


def test_node_that_goes_meanwhile_accuses_nobody() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.accelerators.look = list

    with pytest.raises(NoCapacity, match=r"^node-0 offers no accelerators any more\.$"):
        on_trial(cluster).starved()


@pytest.mark.parametrize("ended", ["Succeeded", "Failed"])
def test_member_that_has_ended_holds_nothing_that_others_gave_back(ended: str) -> None:
    def schedules(now: SmallCluster, waiting: list[Member]) -> list[Member]:
        for one in now.members:
            if one.gang and one.holds:
                one.obj["status"] = {"phase": ended}
        return each_for_itself(now, waiting)

    bound = on_trial(SmallCluster(schedules)).starved().bound

    assert [one.pod for one in bound] != [], "the platform is to blame, and nobody else"


def both_but_one(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """Binds two of three members once there is room for all of them."""
    return waiting[:2] if len(waiting) == 3 and cluster.free == 3 else []


def test_gang_that_has_its_room_and_is_bound_in_part_accuses_the_scheduler() -> None:
    trial = on_trial(SmallCluster(both_but_one))
    trial.starved()

    with pytest.raises(WaitTimeout, match=r"gang: 2 of 3 bound"):
        trial.served()


def test_gang_whose_room_others_hold_accuses_nobody() -> None:
    cluster = SmallCluster(nobody)
    trial = on_trial(cluster)
    trial.starved()
    cluster.held_by_others = 1

    with pytest.raises(NoCapacity, match=r"^Others hold what gang needs: node-0: 3 x "):
        trial.served()


def test_gang_that_finds_no_room_for_claims_that_stay_says_so() -> None:
    trial = on_trial(SmallCluster(nobody))
    trial.starved()
    vars(trial)["_claims"] = SimpleNamespace(stranded=lambda: ["claim a stays", "claim b stays"])

    with pytest.raises(WaitTimeout, match=r"^gang finds no room. claim a stays; claim b stays$"):
        trial.served()


def beside_the_first(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """Binds one of the second gang with the first, in room that others have given back."""
    if not all(one.obj["status"].get("conditions") for one in waiting):
        return []
    cluster.held_by_others = 0
    first = [one for one in waiting if one.gang == "rival-a"]
    return [*first, *[one for one in waiting if one not in first][:1]] if first else []


def test_rivals_beside_each_other_in_room_of_others_accuse_nobody() -> None:
    cluster = SmallCluster(beside_the_first, 4)
    cluster.held_by_others = 1

    said = "Others gave back accelerators of node-0 meanwhile: 3 were to be had, and not 2"
    with pytest.raises(Inconclusive, match=said) as caught:
        on_trial(cluster).competing()
    assert caught.value.hint.startswith("Run it again when nobody else uses this node")


def test_gang_that_could_not_be_made_does_not_wait_for_room() -> None:
    class Refused(SmallScheduler):
        def group(self, group: Any) -> Any:
            raise Inconclusive("not now")

    trial = on_trial(SmallCluster(all_or_none), Refused())
    with pytest.raises(Inconclusive, match="not now"):
        trial.starved()

    with pytest.raises(Inconclusive, match="no gang that waited for room"):
        trial.served()


# What is kept of it


def whole(cluster: SmallCluster, scheduler: SmallScheduler | None = None) -> GangTrial:
    """A trial that has gone through all of its steps."""
    trial = on_trial(cluster, scheduler)
    for step in (trial.starved, trial.served, trial.competing, trial.freed):
        step()
    return trial


def test_evidence_says_who_was_bound_and_for_what_room_it_was_made() -> None:
    cluster = SmallCluster(all_or_none, 8)
    whole(cluster)

    kept = cluster.evidence
    assert [(title, *_ends(table.rows[0])) for title, table in kept.tables.items()] == [
        ("Members of the gang that were bound", "blocker-0", "room for 2 of 3 accelerators"),
        (
            "Members of the gang that were bound once there was room",
            "blocker-0",
            "room for less than 3 accelerators",
        ),
        ("Members of two gangs that were bound", "blocker-1", "room for 2, both gangs need 4"),
    ]
    waited, ran, rivals = ([row[0] for row in one.rows[1:]] for one in kept.tables.values())
    assert waited == ran == ["gang-0", "gang-1", "gang-2"]
    assert rivals == ["rival-a-0", "rival-a-1", "rival-b-0", "rival-b-1"]
    ended = [one.rows[0][3] != "" for one in kept.tables.values()]
    assert ended == [False, True, False], "when the blocker was gone"
    assert {one.source.split(" with ")[0] for one in kept.tables.values()} == {
        "watch of pods in ns"
    }
    gang, others = "Status gang-status", ["Status rival-a-status", "Status rival-b-status"]
    assert kept.titles == [gang, gang, *others]
    assert kept.facts == {"held again by one pod": "8 of node-0"}


def _ends(row: tuple[Any, ...]) -> tuple[Any, Any]:
    return row[0], row[-1]


def test_evidence_says_what_others_hold_by_the_end() -> None:
    cluster = SmallCluster(all_or_none, 8)
    trial = on_trial(cluster)
    trial.starved()
    cluster.held_by_others = 3

    freed = trial.freed()

    assert (freed.free, freed.held) == (5, 5)
    assert cluster.evidence.facts["held by others meanwhile"] == "3 of node-0"


def test_accelerators_that_are_lost_are_counted() -> None:
    cluster = SmallCluster(all_or_none, 8)
    trial = on_trial(cluster)
    trial.starved()
    cluster.total = 6

    assert trial.freed().lost == 2


def test_units_of_one_device_are_told() -> None:
    cluster = SmallCluster(all_or_none)
    cluster.same_device, cluster.units = True, 2
    trial = on_trial(cluster)
    trial.starved()

    assert trial.served().held_twice == ()
    pods = "node-0: pod ns/gang-1 and node-0: pod ns/gang-2"
    assert cluster.evidence.facts == {"GPU-0 is shared": f"its units went to {pods}: 2 shares"}


# What goes again


@pytest.mark.parametrize("keeps", [False, True])
def test_everything_goes_once_and_what_keeps_members_goes_before_they_are_waited_for(
    keeps: bool,
) -> None:
    cluster, scheduler = SmallCluster(all_or_none, 8), SmallScheduler()
    scheduler.keeps_members = keeps
    trial = whole(cluster, scheduler)
    trial.clear()

    gone = cluster.deleted
    assert len(gone) == len(set(gone)), "each once"
    assert cluster.members == []
    assert [key for key in cluster.made if not key.startswith("Queue")] == []
    for gang in ("gang", "rival-a", "rival-b"):
        assert gone.index(f"{gang}-1") < gone.index(f"Group {gang}")
        assert (f"Status {gang}-status" in gone) is keeps
        if keeps:
            assert gone.index(f"Status {gang}-status") < gone.index(f"{gang}-0")


def test_what_a_step_that_failed_has_left_goes_too() -> None:
    cluster = SmallCluster(each_for_itself)
    trial = on_trial(cluster)
    trial.starved()

    trial.clear()
    left = list(cluster.deleted)
    trial.clear()

    assert cluster.members == []
    assert sorted(left) == ["Group gang", "blocker-0", "gang-0", "gang-1", "gang-2"]
    assert cluster.deleted == left, "nothing a second time"
    with pytest.raises(Inconclusive, match="no gang that waited for room"):
        trial.served()


# Several schedulers


def test_schedulers_are_tried_in_turn_on_one_reserved_node() -> None:
    cluster = SmallCluster(each_for_itself)
    offered = node(3, 3, capacity=3)
    cluster.accelerators.stock = [offered]
    cluster.accelerators.sample_nodes = lambda: [offered]
    cluster.accelerators.named = False
    cluster.accelerators.now = list
    platform: Any = cluster
    platform.reservations = SimpleNamespace(with_room=lambda nodes, **_: nodes[0])
    candidates = [_candidate("plain", cluster), _candidate("gangs", cluster)]
    evidence: Any = Kept()
    steps: Any = (_starved, _served)

    trials = gang_trials(Solutions(candidates, lambda: evidence), platform, steps)
    trials.prove(_starved)
    trials.prove(_served)

    assert trials.in_use is trials.subjects[1]
    assert evidence.facts["tried gangs"] == "passes"
    assert "was bound" in evidence.facts["tried plain"]


def _starved(trial: GangTrial) -> None:
    seen = trial.starved()
    assert seen.bound == (), seen.because


def _served(trial: GangTrial) -> None:
    assert trial.served().completed == 3


def _candidate(name: str, cluster: SmallCluster) -> Candidate[Any]:
    policy: Callable[..., Any] = all_or_none if name == "gangs" else each_for_itself

    class Scheduler(SmallScheduler):
        verified_in_lab = True

        def group(self, group: Any) -> Any:
            cluster.schedules = policy
            return super().group(group)

    scheduler: Any = Scheduler()
    scheduler.name = name
    return Candidate(solution=scheduler, found=Found(where="here"))
