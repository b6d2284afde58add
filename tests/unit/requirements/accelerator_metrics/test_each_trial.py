"""All that we hold on a node is idle, then busy: one of several that is shown wrong is named."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors import amd
from aicr_pytest.accelerators.vendors.nvidia import EXPORTER
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import DoesNotApply, EndpointSilent, NoCapacity, ProbeFailed
from aicr_pytest.requirements.accelerator_metrics import each_trial
from aicr_pytest.requirements.accelerator_metrics.each_trial import EachTrial
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial
from aicr_pytest.requirements.accelerator_metrics.readings import Exposed
from tests.unit.requirements.accelerator_metrics.test_readings import UTILIZATION, exposed, gpu
from tests.unit.requirements.kept import Kept

A, B, C = "GPU-a", "GPU-b", "GPU-c"


@dataclasses.dataclass
class Node:
    """A node whose containers hold one accelerator each, and its exporter."""

    wrong: dict[str, float | None] = dataclasses.field(default_factory=dict)
    """What is shown of some, whatever runs on them; None: nothing."""
    parts: tuple[str, ...] = ()
    """What is shown as a part of another."""
    lazy: tuple[str, ...] = ()
    """What does not become busy."""
    tires: tuple[str, ...] = ()
    """What was busy, and is not any more."""
    used: tuple[str, ...] = ()
    """What others keep busy."""
    profile: Any = EXPORTER
    holders: dict[str, str] = dataclasses.field(default_factory=dict)
    """Container that the exporter names as the holder of one, which it calls otherwise."""
    silent: int = 0
    loaded: bool = False
    switched: list[str] = dataclasses.field(default_factory=list)

    def exposed_now(self, node: str) -> list[Exposed]:
        if self.silent:
            self.silent -= 1
            raise EndpointSilent("no answer")
        shown = {one: self.wrong.get(one, 100 * self.seen(one)) for one in (A, B, C)}
        samples = [
            gpu(UTILIZATION, self.called(one), value, None, **self.labels(one))
            for one, value in shown.items()
            if value is not None
        ]
        samples += [gpu(UTILIZATION, one, 0.0, GPU_I_ID="1") for one in self.parts]
        return [exposed(*samples)]

    def called(self, identity: str) -> str:
        return identity if self.profile.as_published else f"serial of {identity}"

    def labels(self, identity: str) -> dict[str, str]:
        if not (container := self.holders.get(identity)):
            return {}
        return {"namespace": "ns", "pod": "idling", "container": container}

    def seen(self, identity: str) -> float:
        if identity in self.used:
            return 0.8
        return 0.97 if self.loaded and identity not in self.lazy else 0.0

    def lasting(self, identity: str) -> float:
        if identity in self.tires:
            raise ProbeFailed(f"{identity}: its load has ended by itself")
        return self.seen(identity)

    def load(self, pod: Any, waiter: Waiter, container: str) -> Any:
        (identity,) = pod.held(container)

        def on() -> None:
            self.loaded = True
            self.switched.append("on")
            if identity in self.lazy:
                raise ProbeFailed(f"The workload does not make {identity} busy")

        def let_go() -> None:
            self.loaded = False
            self.switched.append("off")

        return SimpleNamespace(
            on=on,
            let_go=let_go,
            seen=lambda: self.seen(identity),
            lasting=lambda: self.lasting(identity),
        )


def pod(each: dict[str, Any], total: int = 4) -> Any:
    class Pod:
        on = SimpleNamespace(
            name="n0",
            total=total,
            free=len(each) + 1,
            devices=(),
            unallocated=(),
            profile=SimpleNamespace(tool="nvidia-smi"),
        )
        pod = SimpleNamespace(name="idling", namespace="ns")
        running = True
        evidence = Kept()

        def asking_containers(self) -> list[str]:
            return list(each)

        def held(self, container: str) -> tuple[str, ...]:
            if isinstance(each[container], Exception):
                raise each[container]
            return tuple(each[container].split())

        def __str__(self) -> str:
            return "n0: pod ns/idling"

    return Pod()


EACH = {"idle-0": A, "idle-1": B, "idle-2": C}


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def trial(monkeypatch: pytest.MonkeyPatch, node: Node) -> tuple[EachTrial, Kept]:
    monkeypatch.setattr(each_trial, "Load", node.load)
    observer = SimpleNamespace(awaiting=lambda *_: None)
    cluster: Any = SimpleNamespace(observer=observer)
    waiter, kept = Waiter(cluster, deadlines=Deadlines(reading_follows=0.05)), Kept()
    exporters: Any = node
    return EachTrial(exporters, waiter, lambda: kept), kept  # type: ignore[arg-type, return-value]


def test_readings_of_all_that_follow_are_fine_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(silent=1)
    looked_at, kept = trial(monkeypatch, node)

    assert looked_at.faults(pod(EACH)) == []
    assert node.switched == ["on", "on", "on", "off"]
    table = kept.tables["Each accelerator that we held on n0, idle and busy"]
    assert list(table.rows)[1] == (B, "idling, idle-1", "0%", "97%", "97%")
    assert kept.left_out == []


@pytest.mark.parametrize("tires", [(B,), (A, B, C)])
def test_load_that_has_ended_by_itself_accuses_no_exporter(
    monkeypatch: pytest.MonkeyPatch, tires: tuple[str, ...]
) -> None:
    looked_at, kept = trial(monkeypatch, Node(wrong=dict.fromkeys(tires, 0.0), tires=tires))

    if len(tires) == 3:
        with pytest.raises(ProbeFailed, match="ended by itself"):
            looked_at.faults(pod(EACH))
    else:
        assert looked_at.faults(pod(EACH)) == []
    assert len(kept.left_out) == len(tires)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (Node(wrong={B: 97.0}), "nothing runs on it, and the exporter shows 97%"),
        (Node(wrong={B: 11.0}), "nothing runs on it, and the exporter shows 11%"),
        (Node(wrong={B: None}), "nothing runs on it, and the exporter shows no value of it"),
        (Node(wrong={B: 0.0}), "and loads it: nvidia-smi shows 97%, the exporter 0%"),
        (Node(wrong={B: 10.0}), "and loads it: nvidia-smi shows 97%, the exporter 10%"),
    ],
)
def test_the_one_that_is_shown_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, node: Node, words: str
) -> None:
    (fault,) = trial(monkeypatch, node)[0].faults(pod(EACH))

    assert fault == (
        f"n0: pod ns/idling, container idle-1 holds {B}{', ' * (words[0] == 'n')}"
        f"{' ' * (words[0] == 'a')}{words}"
    )
    assert node.switched[-1] == "off"


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (Node(used=(B,)), "somebody else uses it: the vendor's tool shows 80%"),
        (Node(lazy=(B,)), "The workload does not make GPU-b busy"),
        (Node(wrong={B: None}, parts=(B,)), "GPU-b is partitioned, and which of its parts"),
    ],
)
def test_one_of_which_nothing_can_be_said_is_left_out(
    monkeypatch: pytest.MonkeyPatch, node: Node, words: str
) -> None:
    looked_at, kept = trial(monkeypatch, node)

    assert looked_at.faults(pod(EACH)) == []
    ((where, why),) = kept.left_out
    assert where == f"{B} of n0"
    assert why.startswith(words)


def test_containers_that_cannot_be_looked_into_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at, kept = trial(monkeypatch, Node())
    blind = ProbeFailed("no tool")

    assert looked_at.faults(pod({"idle-0": A, "idle-1": blind, "idle-2": f"{B} {C}"})) == []
    assert kept.left_out == [
        ("container idle-1 of idling on n0", "no tool"),
        (
            "container idle-2 of idling on n0",
            f"n0: pod ns/idling, container idle-2 sees not one, but {B}, {C}",
        ),
    ]
    with pytest.raises(ProbeFailed, match="no tool"):
        looked_at.faults(pod({"idle-0": blind}))


def test_parts_of_which_no_series_is_known_accuse_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    part = "MIG-af513b48-ad4f-57be-97e5-526ff86b9864"

    with pytest.raises(ProbeFailed, match="which series is of it nothing tells"):
        trial(monkeypatch, Node())[0].faults(pod({"idle-0": part}))


def test_where_no_load_comes_up_no_reading_can_be_expected_to_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(lazy=(A, B, C))

    with pytest.raises(ProbeFailed, match="does not make GPU-a busy"):
        trial(monkeypatch, node)[0].faults(pod(EACH))
    assert node.switched[-1] == "off"


def test_what_others_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    here = pod(EACH, total=8)
    trial(monkeypatch, Node())[0].faults(here)

    assert here.evidence.left_out == [("4 of 8 accelerators of n0", "4 were free")]


def test_where_no_series_is_known_to_be_of_an_accelerator_nothing_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = "tells accelerators by serial_number, and no series names the container that holds it"
    with pytest.raises(ProbeFailed, match=told):
        trial(monkeypatch, Node(profile=amd.EXPORTER))[0].faults(pod(EACH))


BY_HOLDER = dataclasses.replace(EXPORTER, as_published=False)


def test_series_of_other_names_are_known_by_the_container_that_holds_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(profile=BY_HOLDER, holders={A: "idle-0", B: "idle-1", C: "idle-2"})
    assert trial(monkeypatch, node)[0].faults(pod(EACH)) == []

    node = dataclasses.replace(node, wrong={B: 97.0}, loaded=False)
    (fault,) = trial(monkeypatch, node)[0].faults(pod(EACH))
    assert f"container idle-1 holds {B}, nothing runs on it, and the exporter shows 97%" in fault


def test_the_one_whose_series_names_no_holder_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(profile=BY_HOLDER, holders={A: "idle-0", C: "idle-2"}, wrong={B: 97.0})
    looked_at, kept = trial(monkeypatch, node)

    assert looked_at.faults(pod(EACH)) == []
    assert [where for where in kept.left_out if B in str(where)]


# Beside the load whose readings are followed


def beside(idle: Any, courses: Any = list) -> LoadTrial:
    nothing: Any = None
    busy: Any = SimpleNamespace(pods=[SimpleNamespace(on="n0: 1 free")])
    made = LoadTrial(nothing, nothing, nothing, lambda: (busy, idle))
    made._courses = courses
    return made


def test_the_others_are_looked_at_after_they_were_held_idle() -> None:
    course: list[str] = []

    class Idle:
        def requiring_exclusive_devices(self) -> "Idle":
            return self

        def on_each_node(self, look: Any) -> list[str]:
            course.append(look.__name__)
            return ["wrong"]

    def played() -> Any:
        course.append("played")
        raise NoCapacity("what it saw is told by other checks")

    assert beside(Idle(), played).accelerators_not_shown_idle_and_busy() == ["wrong"]
    assert course == ["played", "faults"]

    joined: Any = SimpleNamespace(joined_by=lambda rest: {"rest": Idle()}[rest])
    trial = beside(joined, played)
    trial._rest = lambda: "rest"  # type: ignore[assignment, return-value]  # a stand-in
    assert trial.accelerators_not_shown_idle_and_busy() == ["wrong"]


def test_where_nothing_else_is_free_there_is_nothing_to_look_at() -> None:
    with pytest.raises(DoesNotApply, match=r"No accelerator is free beside .* n0: 1 free"):
        beside(None).accelerators_not_shown_idle_and_busy()
