"""Idle, busy, idle again: what an exporter shows meanwhile, by everything that may be wrong."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import EXPORTER
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import (
    AccessDenied,
    ApiUnreachable,
    DoesNotApply,
    EndpointSilent,
    NoCapacity,
    ProbeFailed,
)
from aicr_pytest.requirements.accelerator_metrics import load_trial
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial
from aicr_pytest.requirements.accelerator_metrics.readings import Exposed
from tests.unit.requirements.accelerator_metrics.test_readings import (
    MEMORY,
    UTILIZATION,
    exposed,
    gpu,
)


class Kept:
    """Evidence: timelines and facts."""

    def __init__(self) -> None:
        self.timelines: list[Any] = []
        self.sources: list[str] = []
        self.awaited: dict[str, None] = {}
        self.facts: dict[str, str] = {}

    def timeline(self, timeline: Any, *, source: str) -> None:
        self.timelines.append(timeline)
        self.sources.append(source)

    def fact(self, name: str, value: str) -> None:
        self.facts[name] = value


@dataclasses.dataclass
class Node:
    """Two accelerators of one node, of which GPU-a gets load, and their exporter."""

    profile = EXPORTER
    idle: dict[str, float | None]
    busy: dict[str, float | None]
    memory: tuple[float, float] = (0.0, 40.0)
    after: dict[str, float | None] | None = None
    of_others: float = 0.0
    """What the vendor's tool shows while nothing of ours runs."""
    tires: bool = False
    """Whether its load ends by itself."""
    loaded: bool = False
    ended: bool = False
    switched: list[str] = dataclasses.field(default_factory=list)

    def exposed_now(self, node: str) -> list[Exposed]:
        shown = self.busy if self.loaded else (self.ended and self.after) or self.idle
        samples = [gpu(UTILIZATION, name, v) for name, v in shown.items() if v is not None]
        samples.append(gpu(MEMORY, "GPU-a", self.memory[self.loaded]))
        return [exposed(*samples)]

    def on(self) -> None:
        self.switched.append("on")
        self.loaded = True

    def off(self) -> None:
        self.switched.append("off")
        self.loaded, self.ended = False, True

    def seen(self) -> float:
        return 0.97 if self.loaded else self.of_others

    def lasting(self) -> float:
        if self.tires:
            raise ProbeFailed("its load has ended by itself")
        return self.seen()


def pod(name: str, *held: str, total: int = 2, node: str = "node-0", unit: str = "device") -> Any:
    class Pod:
        on = SimpleNamespace(
            name=node,
            total=total,
            unit=unit,
            profile=SimpleNamespace(tool="nvidia-smi"),
        )
        left_out = ""
        pod = SimpleNamespace(name=name, namespace="ns")

        def held(self) -> tuple[str, ...]:
            return held

        def leave_out(self, why: Exception) -> None:
            self.left_out = str(why)

        def __str__(self) -> str:
            return f"{node}: pod ns/{name}"

    return Pod()


QUIET: dict[str, float | None] = {"GPU-a": 0.0, "GPU-b": 0.0}
BUSY: dict[str, float | None] = {"GPU-a": 97.0, "GPU-b": 0.0}


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def story(
    monkeypatch: pytest.MonkeyPatch,
    node: Node,
    busy: Any = None,
    idle: Any = "default",
    patience: float = 0.05,
) -> tuple[LoadTrial, Kept]:
    def load(pod: Any, waiter: Waiter) -> Node:
        assert pod in loaded
        assert waiter.deadlines.reading_follows == patience
        return node

    monkeypatch.setattr(load_trial, "Load", load)
    kept = Kept()
    loaded = busy if isinstance(busy, tuple) else (busy or pod("loaded", "GPU-a"),)
    other = pod("idling", "GPU-b") if idle == "default" else idle
    observer = SimpleNamespace(awaiting=lambda what, *_: kept.awaited.setdefault(what))
    cluster: Any = SimpleNamespace(observer=observer)
    pods = (
        SimpleNamespace(pods=loaded),
        SimpleNamespace(pods=other if isinstance(other, tuple) else (other,)) if other else None,
    )
    waiter = Waiter(cluster, deadlines=Deadlines(reading_follows=patience))
    made: Any = LoadTrial(node, waiter, lambda: kept, lambda: pods)  # type: ignore[arg-type, return-value]
    return made, kept


def test_readings_that_follow_are_fine_and_the_load_is_run_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(idle=QUIET, busy=BUSY)
    looked_at, kept = story(monkeypatch, node)

    assert looked_at.readings_that_do_not_follow() == []
    assert looked_at.idle_accelerators_that_move() == []
    assert node.switched == ["on", "off"]
    assert len(kept.timelines) == 1
    assert list(kept.facts) == [
        "seconds until busy on node-0",
        "seconds until idle again on node-0",
        "GPU-b on node-0, held idle, was shown at",
    ]


@pytest.mark.parametrize(
    ("node", "words", "switched"),
    [
        (
            Node(idle={"GPU-a": 42.0}, busy={"GPU-a": 42.0}),
            "holds GPU-a, nothing runs on it, and the exporter shows 42%",
            [],
        ),
        (
            Node(idle={"GPU-a": None, "GPU-b": 0.0}, busy=BUSY),
            "nothing runs on it, and the exporter shows no value of it",
            [],
        ),
        (
            Node(idle=QUIET, busy=QUIET),
            "loads it: nvidia-smi shows 97%, the exporter 0%",
            ["on"],
        ),
        (
            Node(idle=QUIET, busy={"GPU-a": 0.0, "GPU-b": 97.0}),
            "the exporter 0%; instead it shows GPU-b at 97%",
            ["on"],
        ),
        (Node(idle=QUIET, busy={**QUIET, "GPU-a": 49.0}), "the exporter 49%", ["on"]),
        (
            Node(idle=QUIET, busy=BUSY, memory=(10.0, 10.0)),
            "its memory in use stays at 10",
            ["on", "off"],
        ),
        (
            Node(idle=QUIET, busy=BUSY, after={"GPU-a": 97.0}),
            "its load has ended, and the exporter still shows 97%",
            ["on", "off"],
        ),
    ],
)
def test_reading_that_does_not_follow_is_seen(
    monkeypatch: pytest.MonkeyPatch, node: Node, words: str, switched: list[str]
) -> None:
    tried = dataclasses.replace(node, switched=[])
    looked_at, kept = story(monkeypatch, tried)

    (fault,) = looked_at.readings_that_do_not_follow()

    assert words in fault
    assert tried.switched == switched
    assert len(kept.timelines) == 1, "what was seen is kept, whatever it was"


def test_load_that_has_ended_by_itself_accuses_no_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at, kept = story(monkeypatch, Node(idle=QUIET, busy=QUIET, tires=True))

    with pytest.raises(ProbeFailed, match="ended by itself"):
        looked_at.readings_that_do_not_follow()
    assert len(kept.timelines) == 1


@pytest.mark.parametrize(("shown", "fine"), [(10.0, True), (11.0, False), (97.0, False)])
def test_idle_accelerator_that_is_shown_busy_is_seen(
    monkeypatch: pytest.MonkeyPatch, shown: float, fine: bool
) -> None:
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy={"GPU-a": 97.0, "GPU-b": shown}))

    found = looked_at.idle_accelerators_that_move()

    assert (found == []) is fine
    assert fine or f"holds GPU-b idle, and the exporter shows it at {shown:.0f}%" in found[0]


def test_idle_accelerator_without_series_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alone: dict[str, float | None] = {"GPU-a": 97.0}
    looked_at, _ = story(monkeypatch, Node(idle={"GPU-a": 0.0}, busy=alone))

    with pytest.raises(ProbeFailed, match="GPU-b has no series, so that it cannot move"):
        looked_at.idle_accelerators_that_move()


def test_two_accelerators_are_needed_for_one_to_stay_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_at(busy: Any, idle: Any) -> LoadTrial:
        return story(monkeypatch, Node(idle=QUIET, busy=BUSY), busy, idle)[0]

    single = pod("loaded", "GPU-a", total=1)
    with pytest.raises(DoesNotApply, match="It takes two accelerators on one node"):
        looked_at(single, None).idle_accelerators_that_move()
    with pytest.raises(NoCapacity, match="It takes two free accelerators"):
        looked_at(pod("loaded", "GPU-a"), None).idle_accelerators_that_move()
    with pytest.raises(DoesNotApply, match="both given GPU-a: it is shared"):
        looked_at(pod("loaded", "GPU-a"), pod("idling", "GPU-a")).idle_accelerators_that_move()


@pytest.mark.parametrize("total", [1, 2])
@pytest.mark.parametrize("order", [1, -1])
def test_a_node_without_room_for_two_excuses_no_other_node(
    monkeypatch: pytest.MonkeyPatch, total: int, order: int
) -> None:
    small = pod("loaded-1", "GPU-a", total=total, node="node-1")
    busy = (small, pod("loaded", "GPU-a"))[::order]
    shown: dict[str, float | None] = {"GPU-a": 97.0, "GPU-b": 97.0}
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=shown), busy)

    (found,) = looked_at.idle_accelerators_that_move()

    assert found.startswith("node-0: pod ns/idling holds GPU-b idle")
    assert ("two free accelerators on one node" in small.left_out) is (total == 2)


@pytest.mark.parametrize(
    ("held", "seen"), [((), "0: none"), (("GPU-a", "GPU-b"), "2: GPU-a, GPU-b")]
)
def test_pod_that_does_not_see_one_accelerator_cannot_be_judged(
    monkeypatch: pytest.MonkeyPatch, held: tuple[str, ...], seen: str
) -> None:
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=BUSY), pod("loaded", *held))

    with pytest.raises(ProbeFailed, match=f"accelerator and sees {seen}$"):
        looked_at.readings_that_do_not_follow()


def unseen(name: str, error: Exception, **more: Any) -> Any:
    """A pod that cannot be looked into."""
    made = pod(name, **more)

    def held() -> tuple[str, ...]:
        raise error

    made.held = held
    return made


FULL = NoCapacity("node-1 is full", held=False)


@pytest.mark.parametrize("order", [1, -1])
def test_a_node_whose_pod_cannot_start_hides_no_other_node(
    monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    other = unseen("loaded-1", FULL, node="node-1")
    busy = (other, pod("loaded", "GPU-a"))[::order]
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=QUIET), busy)

    (fault,) = looked_at.readings_that_do_not_follow()
    assert fault.startswith("node-0: pod ns/loaded holds GPU-a and loads it")
    assert other.left_out == "node-1 is full"
    other.left_out = ""
    assert looked_at.idle_accelerators_that_move() == []
    assert other.left_out == "node-1 is full"


def test_where_no_pod_can_start_nothing_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=BUSY), unseen("loaded", FULL))

    with pytest.raises(NoCapacity, match="node-1 is full"):
        looked_at.readings_that_do_not_follow()


def test_what_is_no_matter_of_one_node_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (AccessDenied("no exec"), ApiUnreachable("gone")):
        busy = (unseen("loaded-1", error, node="node-1"), pod("loaded", "GPU-a"))
        looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=BUSY), busy)

        with pytest.raises(type(error)):
            looked_at.readings_that_do_not_follow()


def test_an_idle_pod_that_cannot_start_hides_nothing_of_the_loaded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle = unseen("idling", FULL)
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=BUSY), None, idle)

    assert looked_at.readings_that_do_not_follow() == []
    with pytest.raises(NoCapacity, match="node-1 is full"):
        looked_at.idle_accelerators_that_move()


def test_part_of_an_accelerator_cannot_be_told_from_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parts(self: Node, node: str) -> list[Exposed]:
        return [exposed(gpu(UTILIZATION, "GPU-a", 0.0, GPU_I_ID="1"))]

    monkeypatch.setattr(Node, "exposed_now", parts)
    looked_at, _ = story(monkeypatch, Node(idle=QUIET, busy=BUSY))

    with pytest.raises(ProbeFailed, match="GPU-a is partitioned"):
        looked_at.readings_that_do_not_follow()


@pytest.mark.parametrize(
    ("idle", "busy", "after", "fine"),
    [
        (10.0, 50.0, 10.0, True),
        (10.1, 50.0, 10.0, False),
        (10.0, 49.9, 10.0, False),
        (10.0, 50.0, 10.1, False),
    ],
)
def test_a_tenth_of_full_load_is_idle_and_half_of_it_is_busy(
    monkeypatch: pytest.MonkeyPatch, idle: float, busy: float, after: float, fine: bool
) -> None:
    node = Node(idle={"GPU-a": idle}, busy={"GPU-a": busy}, after={"GPU-a": after})

    faults = story(monkeypatch, node, idle=None)[0].readings_that_do_not_follow()

    assert (faults == []) is fine


def test_load_goes_on_for_three_readings_and_is_marked_with_what_the_tool_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(idle=QUIET, busy=BUSY)
    looked_at, kept = story(monkeypatch, node, patience=30.0)
    looked_at.readings_that_do_not_follow()
    looked_at.idle_accelerators_that_move()

    assert list(kept.awaited) == [
        "node-0: GPU-a shown idle",
        "node-0: GPU-a shown busy",
        "node-0: 3 more readings under load",
        "node-0: GPU-a shown idle again",
    ]
    (timeline,) = kept.timelines
    assert timeline.title == "Readings on node-0 while GPU-a is loaded"
    assert [mark.text for mark in timeline.marks] == [
        "load on in pod loaded",
        "load off in pod loaded",
    ]
    shown = [point.values for point in timeline.points]
    tool = [one["busy accelerator, vendor's tool"] for one in shown if len(one) == 1]
    busy = [one["busy accelerator, exporter"] for one in shown if len(one) > 1]
    assert (tool, busy) == ([97.0, 0.0], [0.0, 97.0, 97.0, 97.0, 97.0, 0.0])
    assert kept.facts["GPU-b on node-0, held idle, was shown at"] == (
        "0% at most, while GPU-a was loaded"
    )
    assert kept.sources == [
        "/metrics of the exporter on node-0, asked every second; nvidia-smi in pod ns/loaded"
    ]


def test_exporter_that_is_silent_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuttering(Node):
        asked = 0

        def exposed_now(self, node: str) -> list[Exposed]:
            self.asked += 1
            if self.asked % 2:
                raise EndpointSilent("no answer")
            return super().exposed_now(node)

    looked_at, _ = story(monkeypatch, Stuttering(idle=QUIET, busy=BUSY), patience=30.0)

    assert looked_at.readings_that_do_not_follow() == []


def test_accelerators_that_move_are_told_of_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, float | None] = {"GPU-a": 97.0, "GPU-b": 97.0}
    loaded = tuple(pod(f"loaded-{name}", "GPU-a", node=name) for name in ("n0", "n1"))
    idling = tuple(pod(f"idling-{name}", "GPU-b", node=name) for name in ("n1", "n0"))
    looked_at, kept = story(monkeypatch, Node(idle=QUIET, busy=shown), loaded, idling)

    first, second = looked_at.idle_accelerators_that_move()

    assert first.startswith("n0: pod ns/idling-n0 holds GPU-b idle")
    assert second.startswith("n1: pod ns/idling-n1 holds GPU-b idle")
    assert {"GPU-b on n0, held idle, was shown at", "GPU-b on n1, held idle, was shown at"} <= set(
        kept.facts
    )


@pytest.mark.parametrize(
    "node",
    [
        Node(idle={"GPU-a": 80.0}, busy=BUSY, of_others=0.8),
        Node(idle=QUIET, busy=BUSY, after={"GPU-a": 80.0}, of_others=0.8),
    ],
)
def test_load_of_others_on_an_accelerator_accuses_no_exporter(
    monkeypatch: pytest.MonkeyPatch, node: Node
) -> None:
    looked_at, _ = story(monkeypatch, node)

    with pytest.raises(ProbeFailed, match="nvidia-smi shows 80%: somebody else uses it"):
        looked_at.readings_that_do_not_follow()


def test_load_of_others_hides_no_accelerator_that_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at, _ = story(monkeypatch, Node(idle={"GPU-b": 0.0}, busy=BUSY, of_others=0.8))

    (fault,) = looked_at.readings_that_do_not_follow()
    assert "shows no value of it" in fault


def test_shared_accelerator_moves_for_whoever_has_a_share_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moving: dict[str, float | None] = {"GPU-a": 97.0, "GPU-b": 80.0}
    ours, shared = pod("idling", "GPU-b"), pod("idling", "GPU-b", unit="share")

    alone, _ = story(monkeypatch, Node(idle=QUIET, busy=moving), idle=ours)
    (fault,) = alone.idle_accelerators_that_move()
    assert "holds GPU-b idle, and the exporter shows it at 80%" in fault
    among_others, _ = story(monkeypatch, Node(idle=QUIET, busy=moving), idle=shared)
    with pytest.raises(ProbeFailed, match="is shared, and moves for whoever has a share"):
        among_others.idle_accelerators_that_move()
