"""A node that comes and goes is told from one that was there, stays, or is of no use.

The checks are those of the suite; the platform is played by the views of each wait.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.kinds import NODE, Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.errors import Inconclusive, WaitTimeout
from aicr_pytest.requirements.cluster_autoscaling.capacity import Offers
from aicr_pytest.requirements.cluster_autoscaling.observed import Grown, NodeSeen, Shrunk
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import ScalableNodePools
from aicr_pytest.requirements.cluster_autoscaling.trial import ScalingTrial
from tests.conformance import test_cluster_autoscaling as suite

GROWS = inspect.unwrap(suite.test_accelerator_pod_that_fits_nowhere_gets_a_new_node)
SHRINKS = inspect.unwrap(suite.test_node_goes_again_once_nobody_uses_it)

Views = list[dict[str, Object]]

MADE, LATER, EARLIER = "2026-11-28T20:00:10Z", "2026-11-28T20:00:20Z", "2026-11-28T20:00:00Z"


def node(
    name: str, *, gpus: int = 8, ready: bool = True, created: str = LATER, uid: str = ""
) -> Object:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {"name": name, "uid": uid or f"uid-{name}", "creationTimestamp": created},
        "spec": {},
        "status": {"allocatable": {"nvidia.com/gpu": str(gpus)}, "conditions": [condition]},
    }


def pod(on: str = "", *, waits: bool = False) -> Object:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {
        "metadata": {
            "name": "wanting",
            "namespace": "ns",
            "uid": "uid-wanting",
            "creationTimestamp": MADE,
        },
        "spec": {"nodeName": on} if on else {},
        "status": {"conditions": [{**scheduled, "message": "0/2 nodes"}] if waits else []},
    }


def views(pods: list[Object], *nodes: Object) -> Views:
    named = [{one["metadata"]["name"]: one for one in some} for some in (pods, [], nodes)]
    return [named[0], named[1], named[2]]


OLD = node("old", gpus=0, created=EARLIER)
WAITS = views([pod(waits=True)], OLD)
RUNS = views([pod("new")], OLD, node("new"))


class Waiter:
    """Shows what each wait sees, view by view; the last one at the deadline."""

    scale = 1.0
    deadlines = SimpleNamespace(node_provisioned=1.0)

    def __init__(self, *waits: Sequence[Views]) -> None:
        self.waits = list(waits)

    def until(
        self,
        what: str,
        subjects: object,
        *,
        judge: Callable[[Views], object],
        describe: Callable[[Views], str],
        timeout: float,
        expired: Callable[[Views], None],
    ) -> object:
        seen: Views = []
        for seen in self.waits.pop(0):
            if (result := judge(seen)) is not None:
                return result
        describe(seen)
        expired(seen)
        raise AssertionError("a wait that expires says why")


class Platform:
    """A cluster as the trial asks it."""

    def __init__(self, *waits: Sequence[Views], others: Sequence[Object] = ()) -> None:
        self.nodes = [OLD]
        self.pods = list(others)
        self.came: list[Object] = []
        self.tables: list[Sequence[Sequence[str]]] = []
        self.waiter = Waiter(*waits)
        self.settings = SimpleNamespace(scale_in_timeout=30.0)
        self.evidence = SimpleNamespace(
            yaml=lambda *_, **__: None,
            fact=lambda *_: None,
            timeline=lambda *_, **__: None,
            table=lambda title, columns, rows, **__: self.tables.append(rows),
        )
        self.cluster = SimpleNamespace(
            list=lambda kind, *_, **__: self.nodes if kind is NODE else self.pods,
            watch=lambda *_, **__: [("ADDED", one) for one in self.came],
        )


def on_trial(platform: Platform, *, keeps: str = "", left_out: str = "") -> ScalingTrial:
    autoscaler: Any = SimpleNamespace(
        reach=lambda *_, **__: ScalableNodePools(left_out=left_out),
        keeps=lambda *_: keeps,
        facts=lambda _: [],
    )
    anything: Any = platform
    trial = ScalingTrial(autoscaler, anything)

    class Wanting(Pod):
        def start_judge(self) -> Any:
            return lambda seen: seen[0] or None

        def whose_pending(self, views: Any) -> Finding:
            return Finding(who="platform", reason="no node")

        def object(self) -> Object:
            return pod("new")

        def delete(self) -> None: ...

        def gone(self) -> None: ...

    vars(trial).update(
        _pending=SimpleNamespace(
            mark=lambda _: None,
            unmark=lambda: None,
            create=lambda _: Wanting(anything.cluster, anything.waiter, pod()),
        ),
        _offers=SimpleNamespace(
            look=lambda: None, of=lambda one: int(one["status"]["allocatable"]["nvidia.com/gpu"])
        ),
    )
    return trial


def nodes_only(*nodes: Object) -> Views:
    return [{one["metadata"]["name"]: one for one in nodes}]


def test_a_node_that_comes_and_goes_passes() -> None:
    platform = Platform([WAITS, RUNS], [nodes_only(OLD, node("new")), nodes_only(OLD)])
    trial = on_trial(platform)

    GROWS(trial)
    SHRINKS(trial)


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (
            [WAITS, views([pod("old")], OLD)],
            "old is no new node: it was there before Pod ns/wanting was created",
        ),
        ([RUNS], "Pod ns/wanting was never Unschedulable: it found room without a new node"),
        (
            [WAITS, views([pod("new")], OLD, node("new", gpus=0))],
            r"new offers no accelerator: no device is published, allocatable is \{'nvidia.com/gpu'",
        ),
    ],
)
def test_a_node_that_is_not_new_or_of_no_use(wait: list[Views], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        GROWS(on_trial(Platform(wait)))


def test_another_node_of_the_same_name_is_new() -> None:
    again = views([pod("old")], node("old", uid="another"))

    GROWS(on_trial(Platform([WAITS, again])))


@pytest.mark.parametrize(
    "wait",
    [
        [WAITS],
        [WAITS, views([pod("new")], OLD, node("new", ready=False))],
    ],
)
def test_no_new_node_that_is_ready(wait: list[Views]) -> None:
    with pytest.raises(WaitTimeout, match=r"no new node runs it\. new nodes: (none|new \(not R)"):
        GROWS(on_trial(Platform(wait)))


def test_a_pod_that_others_delete_while_it_waits_is_told_at_once() -> None:
    with pytest.raises(Inconclusive, match="Pod ns/wanting: was deleted under us"):
        GROWS(on_trial(Platform([WAITS, views([], OLD)])))


def test_a_node_that_was_made_for_others_accuses_nobody() -> None:
    others = views([pod("new")], OLD, node("new", created=EARLIER))

    with pytest.raises(Inconclusive, match="new was made for others"):
        GROWS(on_trial(Platform([WAITS, others])))


def test_pools_that_would_keep_their_nodes_accuse_nobody() -> None:
    with pytest.raises(Inconclusive, match="No node of these was asked for: pool a"):
        GROWS(on_trial(Platform([WAITS]), left_out="pool a"))


STAYS = [nodes_only(OLD, node("new"))]


def test_a_node_that_stays() -> None:
    trial = on_trial(Platform([WAITS, RUNS], STAYS))
    GROWS(trial)

    with pytest.raises(AssertionError, match="Node new: still there 30 s after the last pod that"):
        SHRINKS(trial)


def test_a_node_that_is_kept_or_used_accuses_nobody() -> None:
    user = {"metadata": {"namespace": "others", "name": "job"}, "status": {"phase": "Running"}}
    used = on_trial(Platform([WAITS, RUNS], STAYS, others=[user]))
    kept = on_trial(Platform([WAITS, RUNS], STAYS), keeps="an annotation")
    for trial, said in ((used, "others/job"), (kept, "settings keep new: an annotation")):
        GROWS(trial)
        with pytest.raises(Inconclusive, match=said):
            SHRINKS(trial)


def test_a_node_that_comes_instead() -> None:
    platform = Platform([WAITS, RUNS], [nodes_only(OLD)])
    platform.came = [OLD, node("plain", gpus=0), node("another")]
    trial = on_trial(platform)
    GROWS(trial)

    with pytest.raises(AssertionError, match=r"^another came though no pod wants it"):
        SHRINKS(trial)


def test_without_a_new_node_none_can_go() -> None:
    with pytest.raises(Inconclusive, match="no new node that could go"):
        SHRINKS(on_trial(Platform()))


NEW = NodeSeen(name="new", uid="1")
FINE = Grown(
    pod="Pod ns/wanting",
    unschedulable="0/2 nodes",
    before=frozenset({NodeSeen(name="new", uid="0")}),
    node=NEW,
    ready=True,
    accelerators=1,
    allocatable="{}",
)


@pytest.mark.parametrize(
    "wrong",
    [{"before": frozenset({NEW})}, {"unschedulable": ""}, {"ready": False}, {"accelerators": 0}],
)
def test_each_comparison_of_a_new_node_decides_alone(wrong: dict[str, Any]) -> None:
    trial: Any = SimpleNamespace(grows=lambda: FINE)
    GROWS(trial)
    trial.grows = lambda: replace(FINE, **wrong)
    with pytest.raises(AssertionError):
        GROWS(trial)


@pytest.mark.parametrize("wrong", [Shrunk(gone=False), Shrunk(gone=True, newcomers=("another",))])
def test_each_comparison_of_a_node_that_goes_decides_alone(wrong: Shrunk) -> None:
    trial: Any = SimpleNamespace(shrinks=lambda: Shrunk(gone=True))
    SHRINKS(trial)
    trial.shrinks = lambda: wrong
    with pytest.raises(AssertionError):
        SHRINKS(trial)


@pytest.mark.parametrize(
    ("told", "count"), [("8", 8), ("8e0", 8), ("1k", 1000), ("0", 0), (None, 0), ("", 0)]
)
def test_what_a_node_offers_is_any_quantity_of_kubernetes(told: object, count: int) -> None:
    nothing: Any = None
    one = {"metadata": {"name": "n"}, "status": {"allocatable": {"nvidia.com/gpu": told}}}

    assert Offers(nothing, PROFILE).of(one) == count
