"""What exporters are seen to say, and what the checks say of it."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors import amd
from aicr_pytest.accelerators.vendors.nvidia import EXPORTER, PROFILE
from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import (
    DoesNotApply,
    EndpointSilent,
    InvalidExposition,
    NoAccelerators,
    ProbeFailed,
    WaitTimeout,
)
from aicr_pytest.requirements.accelerator_metrics.exporters import Exporters, platforms_own
from aicr_pytest.requirements.accelerator_metrics.readings import Exposed, Offered
from aicr_pytest.requirements.accelerator_metrics.trial import Metrics
from tests.conformance import test_accelerator_metrics as suite
from tests.unit.kept import Kept
from tests.unit.requirements.accelerator_metrics.test_readings import (
    COUNTED,
    MEMORY,
    TWO,
    UTILIZATION,
    both,
    exposed,
    gpu,
)
from tests.unit.requirements.judging import words_of

GOOD = exposed(*both("GPU-a"), *both("GPU-b"))


class Cluster:
    observer = SimpleNamespace(awaiting=lambda *_: None)


class Nodes:
    """Nodes, and what the exporter of each answers."""

    profile = EXPORTER

    def __init__(self, *answers: Exposed, offered: Offered = TWO) -> None:
        self.told = {"node-0": (offered, list(answers))}

    def nodes(self) -> Any:
        return [SimpleNamespace(name=name) for name in self.told]

    def offered(self, node: Any) -> Offered:
        return self.told[node.name][0]

    def exposed(self, node: str) -> list[Exposed]:
        return self.told[node][1]

    def gather(self, look: Callable[[Any], list[str]]) -> list[str]:
        return [fault for node in self.nodes() for fault in look(node)]

    def invalid(self) -> list[str]:
        return ["the endpoint claims text/html"]

    def claimed_types(self) -> dict[str, str]:
        return {"gpu/dcgm-1": "text/html", "gpu/dcgm-2": ""}


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def metrics(nodes: Nodes, prometheus: Any = None) -> tuple[Metrics, Kept]:
    kept = Kept()
    cluster: Any = Cluster()
    waiter = Waiter(cluster, deadlines=Deadlines(monitoring_follows=0.05, reading_follows=0.3))
    monitoring: Any = SimpleNamespace(prometheus=prometheus)
    accelerators: Any = None
    made = Metrics(cluster, waiter, accelerators, monitoring, lambda: kept)  # type: ignore[arg-type, return-value]
    made.exporters = nodes  # type: ignore[assignment]
    return made, kept


def rows(kept: Kept) -> list[list[str]]:
    """What is shown of accelerators, by its headings."""
    columns = ["node", "offered", "utilization of", "memory of"]
    shown = kept.shown["Accelerators as offered and as exposed"]
    assert all(list(row) == columns for row in shown)
    return [list(row.values()) for row in shown]


def test_content_types_are_told_beside_what_is_wrong() -> None:
    looked_at, kept = metrics(Nodes())

    assert looked_at.answers_that_are_no_metrics() == ["the endpoint claims text/html"]
    assert kept.facts["content type of gpu/dcgm-2"] == "none"


def test_accelerators_without_series_are_seen_and_shown() -> None:
    fine, _ = metrics(Nodes(GOOD))
    lacking, kept = metrics(Nodes(exposed(*both("GPU-a"))))

    assert fine.accelerators_without_series() == []
    assert len(lacking.accelerators_without_series()) == 2
    assert rows(kept) == [["node-0", "GPU-a", "GPU-a", "GPU-a"], ["node-0", "GPU-b", "", ""]]


def test_accelerators_of_every_node_are_shown_each_as_it_is_told() -> None:
    nodes = Nodes(
        exposed(*both("GPU-a"), gpu(MEMORY, "GPU-x", 1.0), gpu(UTILIZATION, "GPU-y", 1.0))
    )
    counted = Offered(node="node-1", identities=frozenset(), count=3)
    nodes.told["node-1"] = (counted, [exposed(*both("GPU-c"), gpu(MEMORY, "GPU-d", 1.0))])
    nodes.told["node-2"] = (Offered(node="node-2", identities=frozenset({"GPU-e"}), count=1), [])
    looked_at, kept = metrics(nodes)

    assert len(looked_at.accelerators_without_series()) == 5
    assert rows(kept) == [
        ["node-0", "GPU-a", "GPU-a", "GPU-a"],
        ["node-0", "GPU-b", "", ""],
        ["node-0", "", "", "GPU-x"],
        ["node-0", "", "GPU-y", ""],
        ["node-1", "3", "1", "2"],
        ["node-2", "GPU-e", "", ""],
    ]


def test_count_that_may_be_of_shares_is_not_held_against_an_exporter() -> None:
    untold = Offered(node="node-0", identities=frozenset(), count=8, told=False)
    two = exposed(*both("GPU-a"), *both("GPU-b"))

    with pytest.raises(ProbeFailed, match=r"counts 8 .* shows 2, .* whether each is shared by 4"):
        metrics(Nodes(two, offered=untold))[0].accelerators_without_series()


@pytest.mark.parametrize(
    ("offered", "samples", "faults"),
    [
        # No sharing makes three of two; where labels tell, or slices, there is no doubt.
        ({"count": 3, "told": False}, [*both("GPU-a"), *both("GPU-b")], 2),
        ({"count": 8}, [*both("GPU-a"), *both("GPU-b")], 2),
        ({"count": 2, "told": False}, both("GPU-a")[:1], 2),
        ({"count": 2, "told": False}, [], 2),
    ],
)
def test_what_sharing_does_not_explain_is_a_fault(
    offered: dict[str, Any], samples: list[Any], faults: int
) -> None:
    counted = Offered(node="node-0", identities=frozenset(), **offered)
    looked_at, _ = metrics(Nodes(exposed(*samples), offered=counted))

    assert len(looked_at.accelerators_without_series()) == faults


def test_nodes_that_show_the_same_accelerators_are_seen() -> None:
    nodes = Nodes()
    for name in ("node-0", "node-1"):
        nodes.told[name] = (Offered(node=name, identities=frozenset(), count=2), [GOOD])

    assert [one[:17] for one in metrics(nodes)[0].accelerators_without_series()] == [
        "node-0 offers 2 a",
        "node-1 offers 2 a",
    ]


@pytest.mark.parametrize(
    ("offered", "identities", "count", "apart"),
    [
        ({"total": 2, "beside": ("7 nvidia.com/mig-1g.5gb",)}, (), 2, True),
        ({"total": 2}, (), 2, False),
        ({"total": 8, "units_per_device": 4}, (), 2, False),
        ({"total": 7, "unit": "partition", "beside": ("2 others",)}, (), 1, False),
        ({"total": 2, "devices": ("GPU-a", "GPU-b")}, ("GPU-a", "GPU-b"), 2, False),
        # Slices call parts by their own UUIDs, exporters by their parents and a number.
        ({"total": 2, "unit": "partition", "devices": ("MIG-a", "MIG-b")}, (), 1, False),
    ],
)
@pytest.mark.parametrize("exporter", [EXPORTER, amd.EXPORTER])
def test_node_offers_what_slices_or_counts_say(
    offered: dict[str, Any], identities: tuple[str, ...], count: int, apart: bool, exporter: Any
) -> None:
    whole = AcceleratorNode(
        name="node-0",
        profile=PROFILE,
        mechanism="dra",
        device_class="",
        pool_label="",
        model="",
        ready=True,
        hindrance="",
        schedulable=True,
        taints=(),
        devices=(),
        unallocated=(),
        total=0,
        free=0,
    )
    given = dict(offered)
    devices: Any = tuple(SimpleNamespace(identity=one) for one in given.pop("devices", ()))
    node = dataclasses.replace(whole, **{**given, "devices": devices})
    profile = SimpleNamespace(vendor="any", exporter=exporter)
    accelerators: Any = SimpleNamespace(stock=[SimpleNamespace(profile=profile)])
    seen = Exporters(None, None, accelerators, lambda: None)  # type: ignore[arg-type, return-value]

    # AMD's exporter tells serial numbers, which slices do not know.
    known = frozenset(identities) if exporter is EXPORTER else frozenset()
    assert seen.offered(node) == Offered(
        node="node-0", identities=known, count=count, parts_apart=apart, told=False
    )


def test_where_only_a_count_is_published_counts_are_shown() -> None:
    counted = Offered(node="node-0", identities=frozenset(), count=2)
    looked_at, kept = metrics(Nodes(exposed(*both("GPU-a")), offered=counted))

    assert len(looked_at.accelerators_without_series()) == 2
    assert rows(kept) == [["node-0", "2", "1", "1"]]


def test_sensors_that_nobody_offers_say_nothing_and_senseless_ones_are_seen() -> None:
    cold, kept = metrics(Nodes(exposed(gpu("DCGM_FI_DEV_GPU_TEMP", "GPU-a", 0.0))))

    assert len(cold.sensors_without_sensible_values()) == 1
    assert kept.facts["temperature"] == "0 to 0 on 1 accelerators (DCGM_FI_DEV_GPU_TEMP)"
    assert kept.facts["power"] == "not offered by the exporter"
    with pytest.raises(DoesNotApply, match="offers none of temperature, power, interconnect"):
        metrics(Nodes(GOOD))[0].sensors_without_sensible_values()


def test_sensors_are_told_with_their_values() -> None:
    hot = exposed(*(gpu("DCGM_FI_DEV_GPU_TEMP", f"GPU-{n}", 30.0 + n) for n in range(3)))
    warm, kept = metrics(Nodes(hot))

    assert warm.sensors_without_sensible_values() == []
    assert kept.facts["temperature"] == "30 to 32 on 3 accelerators (DCGM_FI_DEV_GPU_TEMP)"


def test_old_answers_are_seen() -> None:
    old = exposed(gpu(UTILIZATION, "GPU-a", 5, at=400.0))

    assert metrics(Nodes(GOOD))[0].stale_answers() == []
    looked_at, kept = metrics(Nodes(old))
    assert "600 s old" in looked_at.stale_answers()[0]
    assert kept.facts == {
        "samples on node-0": "1, 1 with a time of their own: the oldest is 600 s old",
        "accelerators with a counter that always grows": "0",
    }


ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"


class Metered(Nodes):
    """Two nodes whose exporters show these energies of their two accelerators, look by look."""

    def __init__(self, offered: Offered, *looks: dict[str, tuple[float, float]]) -> None:
        super().__init__()
        self.looks, self.asked = list(looks), 0
        self.told = {name: (offered, []) for name in ("node-0", "node-1")}

    def page(self, node: str, look: int) -> list[Exposed]:
        a, b = self.looks[min(look, len(self.looks) - 1)][node]
        return [
            exposed(
                *both("GPU-a"), *both("GPU-b"), gpu(ENERGY, "GPU-a", a), gpu(ENERGY, "GPU-b", b)
            )
        ]

    def exposed(self, node: str) -> list[Exposed]:
        return self.page(node, 0)

    def exposed_now(self, node: str) -> list[Exposed]:
        self.asked += 1
        if self.asked == 1:
            raise EndpointSilent("not now")
        return self.page(node, self.asked // 2)


ONE = Offered(node="n", identities=frozenset({"GPU-a"}), count=1)
ONE_COUNTED = Offered(node="n", identities=frozenset(), count=1)
BOTH_GROW = {"node-0": (2.0, 2.0), "node-1": (2.0, 2.0)}
START = {"node-0": (1.0, 1.0), "node-1": (1.0, 1.0)}


@pytest.mark.parametrize(
    ("offered", "looks", "stand"),
    [
        (TWO, (START, START, BOTH_GROW), []),
        (COUNTED, (START, START, BOTH_GROW), []),
        (TWO, (START,), ["node-0 GPU-a", "node-0 GPU-b", "node-1 GPU-a", "node-1 GPU-b"]),
        (TWO, (START, {**BOTH_GROW, "node-1": (1.0, 1.0)}), ["node-1 GPU-a", "node-1 GPU-b"]),
        (TWO, (START, {**BOTH_GROW, "node-1": (2.0, 1.0)}), ["node-1 GPU-b"]),
        (COUNTED, (START, {**BOTH_GROW, "node-1": (2.0, 1.0)}), ["node-1 GPU-b"]),
        # One that is withheld may be off, and a sensor that is not there has 0.
        (ONE, (START, {**BOTH_GROW, "node-1": (2.0, 1.0)}), []),
        (ONE_COUNTED, (START, {**BOTH_GROW, "node-1": (2.0, 1.0)}), []),
        (TWO, ({"node-0": (0.0, 0.0), "node-1": (0.0, 0.0)},), []),
    ],
)
def test_every_accelerator_of_every_node_is_seen_to_use_energy(
    offered: Offered, looks: Any, stand: list[str]
) -> None:
    looked_at, _ = metrics(Metered(offered, *looks))

    told = looked_at.stale_answers()
    assert [f"{one.partition(':')[0]} {one.split()[3]}" for one in told] == stand
    assert all(one.endswith("stays at 1 for 0.3 s") for one in told)


@pytest.mark.parametrize("idling", [True, False])
def test_load_trial_is_played_by_the_actors_that_there_are(idling: bool) -> None:
    class Cast(dict[str, Any]):
        def together(self, *names: str) -> list[Any]:
            return [f"{self[name]} beside others" for name in names]

    cast: Any = Cast({"loaded": "L", "idling": "I", "rest": "R"} if idling else {"loaded": "L"})
    looked_at, _ = metrics(Nodes(GOOD))

    trial: Any = looked_at.load_trial(cast)

    wanted = ("L beside others", "I beside others") if idling else ("L", None)
    assert trial._cast() == wanted
    assert trial._rest() == (f"{cast['rest']}" if idling else None)
    assert trial._exporters is looked_at.exporters
    assert trial._waiter.deadlines.monitoring_follows == 0.05
    assert isinstance(trial._evidence(), Kept)


def test_exporters_are_those_of_the_platform_in_the_namespace_that_is_named() -> None:
    nodes = [
        SimpleNamespace(name="a", hindrance=""),
        SimpleNamespace(name="b", hindrance="not Ready"),
        SimpleNamespace(name="c", hindrance="cordoned"),
        SimpleNamespace(name="d", hindrance="tainted node.kubernetes.io/network-unavailable"),
    ]
    accelerators: Any = SimpleNamespace(stock=nodes)
    asked: list[tuple[str, str | None]] = []

    class Listing:
        observer = SimpleNamespace(awaiting=lambda *_: None)

        def list(self, kind: Kind, namespace: str | None = None, **_: Any) -> list[Any]:
            asked.append((kind.name, namespace))
            return [pod("gpu", name, "DaemonSet", node=name) for name in "ac"]

    cluster: Any = Listing()
    profile = SimpleNamespace(exporter=EXPORTER, vendor="nvidia")
    for node in nodes:
        node.profile = profile
    nothing: Any = None
    made = Metrics(cluster, Waiter(cluster, 0.0), accelerators, nothing, nothing, exporter="gpu")

    assert [node.name for node in made.exporters.nodes()] == ["a", "c"]
    assert {endpoint.node for endpoint in made.exporters.endpoints()} == {"a", "c"}
    assert ("Pod", "gpu") in asked


# -- exporters -------------------------------------------------------------------------------------


def exporters(*nodes: Any, kept: Kept | None = None) -> Exporters:
    stand_in: Any = SimpleNamespace(stock=nodes)
    evidence: Any = kept or Kept()
    return Exporters(None, None, stand_in, lambda: evidence)  # type: ignore[arg-type]


def fine(name: str) -> Any:
    return SimpleNamespace(name=name, hindrance="")


def test_where_no_node_is_ready_nothing_is_gathered() -> None:
    with pytest.raises(NoAccelerators):
        exporters(SimpleNamespace(name="a", hindrance="not Ready")).gather(lambda _: [])
    assert exporters(fine("a"), fine("b")).gather(lambda node: [node.name]) == ["a", "b"]


def test_a_node_whose_state_keeps_daemons_away_is_told_and_accuses_nobody() -> None:
    kept = Kept()
    ill = SimpleNamespace(name="b", hindrance="tainted node.cilium.io/agent-not-ready")

    looked_at = exporters(fine("a"), ill, kept=kept).gather(lambda node: [node.name])

    assert looked_at == ["a"]
    assert kept.facts == {"not looked at: b": "it is tainted node.cilium.io/agent-not-ready"}


def test_answer_that_is_no_exposition_is_a_fault_and_silence_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def exposed_on(self: Exporters, node: str) -> list[Exposed]:
        raise {"html": InvalidExposition("it is a page"), "dead": WaitTimeout("silent")}[node]

    monkeypatch.setattr(Exporters, "exposed", exposed_on)

    assert exporters(fine("html")).invalid() == ["it is a page"]
    with pytest.raises(WaitTimeout, match="silent"):
        exporters(fine("dead")).invalid()


def pod(namespace: str, name: str, owner: str = "", node: str = "node-0") -> Any:
    owners = [{"kind": owner, "name": f"{owner}-x", "controller": True}] if owner else []
    metadata = {"namespace": namespace, "name": name, "ownerReferences": owners}
    return {"metadata": metadata, "spec": {"nodeName": node, "containers": []}}


def test_pods_that_anybody_labels_are_not_the_platforms_exporter() -> None:
    own, stray = pod("gpu", "a", "DaemonSet"), pod("team", "b", "ReplicaSet")

    assert platforms_own([own, stray], {"node-0"}) == [own]
    assert platforms_own([stray], {"node-0"}) == [stray]
    elsewhere, other = (
        pod("cpu", "c", "DaemonSet", node="node-9"),
        pod("team", "b", "DaemonSet"),
    )
    beside = pod("gpu", "second", "DaemonSet")
    assert platforms_own([own, elsewhere], {"node-0"}) == [own]
    assert platforms_own([own, beside], {"node-0"}) == [own, beside]
    with pytest.raises(ProbeFailed, match=r"there are several: gpu/DaemonSet-x, team/DaemonSet-x"):
        platforms_own([own, other], {"node-0"})


# -- what the checks say ---------------------------------------------------------------------------

LISTS: list[tuple[Any, str]] = [
    (
        suite.test_metrics_endpoint_answers_what_its_content_type_claims,
        "answers_that_are_no_metrics",
    ),
    (
        suite.test_every_accelerator_has_utilization_and_memory_of_its_own,
        "accelerators_without_series",
    ),
    (
        suite.test_temperature_power_and_interconnect_have_values,
        "sensors_without_sensible_values",
    ),
    (suite.test_samples_are_fresh, "stale_answers"),
    (
        suite.test_readings_follow_the_workload_of_the_allocated_accelerator,
        "readings_that_do_not_follow",
    ),
    (suite.test_readings_of_an_idle_accelerator_do_not_move, "idle_accelerators_that_move"),
]


@pytest.mark.parametrize(("check", "look"), LISTS)
@pytest.mark.parametrize("found", [[], ["node-0: GPU-a"]])
def test_no_node_may_fall_short(check: Any, look: str, found: list[str]) -> None:
    seen = SimpleNamespace(**{look: lambda: found})

    assert bool(words_of(lambda: check(seen))) is bool(found)
