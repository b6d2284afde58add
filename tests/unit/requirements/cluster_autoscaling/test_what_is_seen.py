"""What is asked of an autoscaler and seen of its nodes, what is kept of it, and what is left."""

from typing import Any

import pytest

from aicr_pytest.cluster.kinds import EVENT, NODE, POD, Object
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.watching import Subject
from aicr_pytest.errors import ImageNotPullable, Inconclusive, PolicyRefused, WaitTimeout
from aicr_pytest.requirements.cluster_autoscaling import trial as module
from aicr_pytest.requirements.cluster_autoscaling.trial import ScalingTrial, scaling_trials
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from tests.unit.requirements.kept import Kept

from .fleet import (
    EARLIER,
    MADE,
    OLD,
    RUNS,
    WAITS,
    Pending,
    Platform,
    Scaler,
    Views,
    node,
    nodes_only,
    on_trial,
    pod,
    views,
)

POOL = {"key": "pool", "operator": "In", "values": ["gpus"]}


def of_pool(one: Object, pool: str = "gpus") -> Object:
    one["metadata"]["labels"] = {"pool": pool}
    return one


def event(reason: str, message: str, at: str = "", about: str = "new", **other: Any) -> Object:
    metadata = {"name": f"{reason}-{at}-{message}"}
    told = {"reason": reason, "message": message, "lastTimestamp": at}
    return {"metadata": metadata, "involvedObject": {"name": about}, **told, **other}


def with_events(seen: Views, *events: Object) -> Views:
    return [seen[0], {one["metadata"]["name"]: one for one in events}, seen[2]]


# A pod that fits nowhere


def test_pods_are_kept_off_nodes_that_offer_accelerators_and_are_served() -> None:
    platform, scaler = Platform([WAITS, RUNS]), Scaler(requirements=(POOL,))
    cordoned = of_pool(node("cordoned"))
    cordoned["spec"]["unschedulable"] = True
    nodes = [of_pool(node("a")), cordoned, of_pool(node("b", gpus=0)), of_pool(node("c"), "cpus")]
    platform.nodes = [*nodes, node("unlabelled"), of_pool(node("d"))]

    on_trial(platform, scaler).grows()

    assert platform.did == ["mark a, d", "create", "unmark"]
    assert scaler.offering == ["a", "cordoned", "c", "unlabelled", "d"]
    assert scaler.told == "has to go within 30 s"


def test_pod_its_events_and_nodes_are_followed_until_a_node_can_be_provisioned() -> None:
    platform = Platform([WAITS, RUNS])
    on_trial(platform).grows()

    ((what, subjects, timeout),) = platform.waiter.asked
    assert what == "Pod ns/wanting: runs on a new node"
    assert subjects == [
        Subject(kind=POD, namespace="ns", name="wanting"),
        Subject(kind=EVENT, namespace="ns", fields="involvedObject.uid=uid-wanting"),
        Subject(kind=NODE),
    ]
    assert timeout == platform.waiter.deadlines.node_provisioned


NOWHERE = views([pod()], OLD)
FAILED = event("FailedScheduling", "0/3 nodes")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([WAITS, RUNS], "Unschedulable: 0/2 nodes"),
        ([with_events(NOWHERE, FAILED), RUNS], "0/3 nodes"),
        ([WAITS, with_events(NOWHERE, FAILED), RUNS], "Unschedulable: 0/2 nodes"),
        ([with_events(NOWHERE, event("Scheduled", "to new")), RUNS], ""),
        ([with_events(NOWHERE, event("FailedScheduling", "")), RUNS], ""),
    ],
)
def test_what_the_scheduler_says_first_tells_that_the_pod_had_no_room(
    seen: list[Views], why: str
) -> None:
    grown = on_trial(Platform(seen)).grows()
    assert (grown.unschedulable, str(grown.node)) == (why, "new")


def test_node_that_is_not_told_of_yet_is_waited_for() -> None:
    unseen = views([pod("new")], OLD)
    grown = on_trial(Platform([WAITS, unseen, RUNS])).grows()
    assert (grown.ready, grown.accelerators) == (True, 8)


def test_pod_that_is_not_up_is_waited_for() -> None:
    on_its_way = views([pod("new")], OLD, node("new", ready=False))
    platform = Platform([WAITS, on_its_way])
    trial = on_trial(platform)

    with pytest.raises(WaitTimeout):
        trial.grows()
    with pytest.raises(Inconclusive, match="no new node that could go"):
        trial.shrinks()


def test_node_that_came_in_the_second_of_the_pod_is_its_own() -> None:
    at_once = views([pod("new")], OLD, node("new", created=MADE))
    assert on_trial(Platform([WAITS, at_once])).grows().node.name == "new"

    before = views([pod("new")], OLD, node("new", created=EARLIER))
    with pytest.raises(Inconclusive, match="made for others, just before Pod ns/wanting was"):
        on_trial(Platform([WAITS, before])).grows()


def test_node_that_says_nothing_of_itself_has_nothing() -> None:
    silent = {**OLD, "status": {"conditions": OLD["status"]["conditions"]}}
    grown = on_trial(Platform([WAITS, views([pod("old")], silent)])).grows()
    assert (grown.allocatable, grown.accelerators) == ("{}", 0)


# No node for it


EVENTS = [event(f"R{n}", f"m{n}", f"2026-11-28T20:00:0{5 - n}Z") for n in range(5)]


@pytest.mark.parametrize(
    ("events", "limits", "said"),
    [
        ([], "", "nothing"),
        ([], "pool has limits", "nothing\n  pool has limits"),
        (EVENTS, "", "R3: m3; R2: m2; R1: m1; R0: m0"),
    ],
)
def test_pod_without_a_node_says_what_was_said_of_it(
    events: list[Object], limits: str, said: str
) -> None:
    wait = [with_events(WAITS, *events)]
    with pytest.raises(WaitTimeout) as caught:
        on_trial(Platform(wait), Scaler(limits=limits)).grows()

    line = "new nodes: none; Pending; Unschedulable: 0/2 nodes"
    told = f"Pod ns/wanting: no new node runs it. {line}.\n  Said of it: {said}"
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("last", "line"),
    [
        (
            views([pod("down")], OLD, node("up"), node("down", ready=False)),
            "new nodes: up (Ready), down (not Ready); Pending; on down",
        ),
        (
            with_events(WAITS, event("Failed", "m", type="Warning")),
            "new nodes: none; Pending; Unschedulable: 0/2 nodes; event Failed: m",
        ),
    ],
)
def test_line_of_the_wait_is_of_new_nodes_and_the_pod(last: Views, line: str) -> None:
    with pytest.raises(WaitTimeout) as caught:
        on_trial(Platform([last])).grows()
    assert str(caught.value).startswith(f"Pod ns/wanting: no new node runs it. {line}.\n")


def test_image_that_is_still_pulled_accuses_nobody() -> None:
    pulls = with_events(WAITS, event("Pulling", "Pulling image"))
    with pytest.raises(ImageNotPullable, match=r"^Pod ns/wanting: the new node still pulls"):
        on_trial(Platform([pulls])).grows()


def test_policy_that_keeps_the_pod_accuses_nobody() -> None:
    platform = Platform([WAITS])
    platform.finding = Finding(who="policy", reason="gates")
    with pytest.raises(PolicyRefused, match=r"^Pod ns/wanting: gates"):
        on_trial(platform).grows()


# A node that nobody uses


STAYS = [nodes_only(OLD, node("new"))]
GONE = [nodes_only(OLD)]


def test_node_is_waited_for_as_long_as_the_user_gives() -> None:
    platform = Platform([WAITS, RUNS], [*STAYS, *GONE])
    platform.waiter.scale = 2.0
    trial = on_trial(platform)
    trial.grows()
    platform.did.clear()

    assert trial.shrinks().gone is True
    what, subjects, timeout = platform.waiter.asked[1]
    assert what == "Node new: gone, unused as it is"
    assert subjects == [Subject(kind=NODE)]
    assert timeout * platform.waiter.scale == 30.0, "the user's time is not scaled"
    assert platform.did == ["delete", "gone"]
    assert platform.watched == [10.0]


@pytest.mark.parametrize(("scale", "seconds"), [(0.5, 5.0), (1.0, 5.0), (3.0, 15.0)])
def test_window_without_newcomers_is_never_shorter(scale: float, seconds: float) -> None:
    platform = Platform([WAITS, RUNS], GONE)
    platform.waiter.scale = scale
    trial = on_trial(platform)
    trial.grows()
    trial.shrinks()

    assert platform.watched == [seconds]


def user(phase: str = "Running", *owners: str, on: str = "new") -> Object:
    references = [{"kind": kind} for kind in owners] or None
    metadata = {"namespace": "others", "name": "job", "ownerReferences": references}
    return {"metadata": metadata, "spec": {"nodeName": on}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("there", "uses"),
    [
        (user(), True),
        (user("Pending"), True),
        (user("Running", "ReplicaSet"), True),
        (user("Succeeded"), False),
        (user("Failed"), False),
        (user("Running", "DaemonSet"), False),
        (user("Running", "ReplicaSet", "Node"), False),
        (user(on="old"), False),
    ],
)
def test_node_stays_for_who_uses_it_and_not_for_what_belongs_to_it(
    there: Object, uses: bool
) -> None:
    stays = on_trial(Platform([WAITS, RUNS], STAYS, others=[there]))
    stays.grows()
    if not uses:
        assert stays.shrinks().gone is False
        return
    with pytest.raises(Inconclusive, match=r"^Others use new meanwhile.*'others/job'"):
        stays.shrinks()


def test_newcomer_that_others_use_accuses_nobody() -> None:
    platform = Platform([WAITS, RUNS], GONE, others=[user(on="another")])
    platform.came = [node("another")]
    trial = on_trial(platform)
    trial.grows()

    with pytest.raises(Inconclusive, match=r"^another came for others: \['others/job'\]"):
        trial.shrinks()


def test_newcomers_that_the_autoscaler_does_not_serve_are_not_its_own() -> None:
    platform = Platform([WAITS, views([pod("new")], OLD, of_pool(node("new")))], GONE)
    platform.came = [node("plain"), of_pool(node("cpus"), "cpus"), of_pool(node("mine"))]
    trial = on_trial(platform, Scaler(requirements=(POOL,)))
    trial.grows()

    assert trial.shrinks().newcomers == ("mine",)


def test_node_that_stays_says_what_was_said_of_it() -> None:
    events = [*EVENTS, event("Other", "of the old node", "2026-11-28T20:00:09Z", about="old")]
    platform = Platform([WAITS, RUNS], STAYS, events=events)
    trial = on_trial(platform)
    trial.grows()

    shrunk = trial.shrinks()
    said = "R3: m3; R2: m2; R1: m1; R0: m0"
    told = "Node new: still there 30 s after the last pod that wanted it was gone."
    assert (shrunk.gone, shrunk.because) == (False, f"{told}\n  Said of it: {said}")


def test_after_it_was_cleared_there_is_no_node_that_could_go() -> None:
    platform = Platform([WAITS, RUNS])
    trial = on_trial(platform)
    trial.grows()
    platform.did.clear()

    trial.clear()
    assert platform.did == ["unmark", "delete", "gone"]
    trial.clear()
    assert platform.did[3:] == ["unmark"], "the pod is gone"
    with pytest.raises(Inconclusive, match="no new node that could go"):
        trial.shrinks()


# What is kept


def test_evidence_is_of_nodes_that_came_and_went() -> None:
    meanwhile = views([pod("new")], OLD, node("new", ready=False), node("brief"))
    platform = Platform([WAITS, WAITS, meanwhile, RUNS], [*STAYS, *STAYS, *GONE])
    trial = on_trial(platform)
    trial.grows()
    trial.shrinks()

    kept = platform.evidence
    table = kept.tables["Pod and new nodes, from when to when"]
    lanes = [(name, begun != "", ended != "") for name, begun, ended in table.rows]
    assert lanes == [
        ("wanting waits", True, True),
        ("node brief", True, True),
        ("node new", True, True),
        ("wanting runs", True, True),
    ]
    assert table.columns == ("what", "seconds from", "seconds until")
    source = "watch of nodes, pods and events"
    assert (table.source, table.picture) == (source, "lanes")
    timeline, told = kept.timelines[-1]
    assert (timeline.title, told) == ("Nodes that the autoscaler serves", source)
    assert timeline.units == {"nodes": "nodes", "accelerators on offer": "accelerators"}
    assert [tuple(one.values.values()) for one in timeline.points] == [
        (1.0, 0.0),
        (3.0, 16.0),
        (2.0, 8.0),
        (1.0, 0.0),
    ], "what has not changed is not sampled again"
    assert timeline.moments(), "each has its time"
    assert [one.text for one in timeline.marks] == [
        "wanting asks for an accelerator",
        "Unschedulable: 0/2 nodes",
        "wanting is bound to new",
        "wanting is gone",
        "node new is gone",
    ]


def test_lanes_end_with_what_they_are_of() -> None:
    platform = Platform([WAITS, RUNS], STAYS)
    trial = on_trial(platform)
    trial.grows()
    rows = platform.evidence.tables["Pod and new nodes, from when to when"].rows
    assert [(name, ended != "") for name, _, ended in rows] == [
        ("wanting waits", True),
        ("node new", False),
        ("wanting runs", False),
    ]


def test_node_pod_and_pools_are_kept() -> None:
    platform = Platform([WAITS, RUNS])
    on_trial(platform).grows()

    kept = platform.evidence
    assert kept.objects == [
        ("Pools, before", 1, "GET pools"),
        ("Pools, after", 1, "GET pools"),
        ("Node new", node("new"), "GET /api/v1/nodes/new"),
        ("Pod wanting", pod("new"), "GET /api/v1/namespaces/ns/pods/wanting"),
    ]
    assert kept.facts == {"unschedulable first": "Unschedulable: 0/2 nodes"}


def test_pod_that_found_room_and_a_node_that_is_simulated_are_told() -> None:
    simulated = node("new")
    simulated["metadata"]["annotations"] = {"kwok.x-k8s.io/node": "fake"}
    platform = Platform([views([pod("new")], OLD, simulated)])
    on_trial(platform).grows()

    assert platform.evidence.facts == {
        "unschedulable first": "no",
        "simulated": "pods on new are simulated by KWOK: nothing runs in them",
    }


# Several autoscalers


def test_autoscalers_are_tried_in_turn_and_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PendingPod", Pending)
    platform = Platform([WAITS], [WAITS, RUNS], GONE)
    given: Any = platform
    solutions: Any = [_named("first"), _named("second")]
    candidates = [Candidate(solution=one, found=Found(where="here")) for one in solutions]
    evidence: Any = Kept()

    trials = scaling_trials(Solutions(candidates, lambda: evidence), given, _steps())
    trials.prove(_grows)
    trials.prove(_shrinks)

    assert trials.in_use is trials.subjects[1]
    assert platform.did[:4] == ["mark ", "create", "unmark", "delete"], "before the next is tried"
    assert evidence.facts["tried second"] == "passes"


def _named(name: str) -> Scaler:
    scaler = Scaler()
    scaler.name = name
    return scaler


def _steps() -> Any:
    return (_grows, _shrinks)


def _grows(trial: ScalingTrial) -> None:
    assert trial.grows().ready


def _shrinks(trial: ScalingTrial) -> None:
    assert trial.shrinks().gone
