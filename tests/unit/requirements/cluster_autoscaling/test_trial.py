"""A node that comes and goes is told from one that was there, stays, or is of no use.

The checks are those of the suite; the platform is played by the views of each wait.
"""

import inspect
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.errors import Inconclusive, WaitTimeout
from aicr_pytest.requirements.cluster_autoscaling.capacity import Offers
from aicr_pytest.requirements.cluster_autoscaling.observed import Grown, NodeSeen, Shrunk
from tests.conformance import test_cluster_autoscaling as suite

from .fleet import (
    EARLIER,
    OLD,
    RUNS,
    WAITS,
    Platform,
    Scaler,
    Views,
    node,
    nodes_only,
    on_trial,
    pod,
    views,
)

GROWS = inspect.unwrap(suite.test_accelerator_pod_that_fits_nowhere_gets_a_new_node)
SHRINKS = inspect.unwrap(suite.test_node_goes_again_once_nobody_uses_it)


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


def test_a_node_that_was_made_for_others_accuses_nobody() -> None:
    others = views([pod("new")], OLD, node("new", created=EARLIER))

    with pytest.raises(Inconclusive, match="new was made for others"):
        GROWS(on_trial(Platform([WAITS, others])))


def test_pools_that_would_keep_their_nodes_accuse_nobody() -> None:
    with pytest.raises(Inconclusive, match="No node of these was asked for: pool a"):
        GROWS(on_trial(Platform([WAITS]), Scaler(left_out="pool a")))


STAYS = [nodes_only(OLD, node("new"))]


def test_a_node_that_stays() -> None:
    trial = on_trial(Platform([WAITS, RUNS], STAYS))
    GROWS(trial)

    with pytest.raises(AssertionError, match="Node new: still there 30 s after the last pod that"):
        SHRINKS(trial)


def test_a_node_that_is_kept_or_used_accuses_nobody() -> None:
    user = {
        "metadata": {"namespace": "others", "name": "job"},
        "spec": {"nodeName": "new"},
        "status": {"phase": "Running"},
    }
    used = on_trial(Platform([WAITS, RUNS], STAYS, others=[user]))
    kept = on_trial(Platform([WAITS, RUNS], STAYS), Scaler("an annotation"))
    for trial, said in ((used, "others/job"), (kept, "settings keep new: an annotation of new")):
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


def test_who_gave_the_pod_its_node_is_shown() -> None:
    ours = {"involvedObject": {"uid": "uid-wanting"}}
    nominated = {
        **ours,
        "lastTimestamp": "2026-11-28T20:00:20Z",
        "source": {"component": "karpenter"},
        "reason": "Nominated",
        "message": "Pod should schedule on: nodeclaim/x",
    }
    refused = {
        **ours,
        "eventTime": "2026-11-28T20:00:10Z",
        "reportingComponent": "default-scheduler",
        "reason": "FailedScheduling",
        "message": "0/2 nodes",
    }
    platform = Platform([WAITS, RUNS], events=[nominated, refused])

    GROWS(on_trial(platform))

    assert platform.evidence.tables["Events of pod wanting"].rows == [
        ("2026-11-28T20:00:10Z", "default-scheduler", "FailedScheduling", "0/2 nodes"),
        (
            "2026-11-28T20:00:20Z",
            "karpenter",
            "Nominated",
            "Pod should schedule on: nodeclaim/x",
        ),
    ]


def test_a_pod_that_others_delete_while_it_waits_is_told_at_once() -> None:
    with pytest.raises(Inconclusive, match="Pod ns/wanting: was deleted under us"):
        GROWS(on_trial(Platform([WAITS, views([], OLD)])))


@pytest.mark.parametrize(
    ("told", "count"), [("8", 8), ("8e0", 8), ("1k", 1000), ("0", 0), (None, 0), ("", 0)]
)
def test_what_a_node_offers_is_any_quantity_of_kubernetes(told: object, count: int) -> None:
    nothing: Any = None
    one = {"metadata": {"name": "n"}, "status": {"allocatable": {"nvidia.com/gpu": told}}}

    assert Offers(nothing, PROFILE).of(one) == count
