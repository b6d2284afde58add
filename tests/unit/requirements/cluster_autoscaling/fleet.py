"""A fleet of nodes and an autoscaler, played by the views of each wait."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.kinds import EVENT, NODE, POD, Kind, Object
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.cluster.watching import Subject
from aicr_pytest.requirements.cluster_autoscaling import trial
from aicr_pytest.requirements.cluster_autoscaling.solutions.autoscaler import (
    Fact,
    ScalableNodePools,
)
from aicr_pytest.requirements.cluster_autoscaling.trial import ScalingTrial
from tests.unit.requirements.kept import Kept

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

    deadlines = Deadlines()

    def __init__(self, *waits: Sequence[Views]) -> None:
        self.scale = 1.0
        self.waits = list(waits)
        self.asked: list[tuple[str, list[Subject], float]] = []
        """What was awaited, by which subjects, and for how many seconds before they are scaled."""

    def until(
        self,
        what: str,
        subjects: list[Subject],
        *,
        judge: Callable[[Views], object],
        describe: Callable[[Views], str],
        timeout: float,
        expired: Callable[[Views], None],
    ) -> object:
        self.asked.append((what, subjects, timeout))
        seen: Views = []
        for seen in self.waits.pop(0):
            if (result := judge(seen)) is not None:
                return result
        describe(seen)
        expired(seen)
        raise AssertionError("a wait that expires says why")


class Scaler:
    """An autoscaler, as what a test says of it."""

    name, verified_in_lab = "small", True

    def __init__(self, keeps: str = "", **reach: Any) -> None:
        self.reached = ScalableNodePools(**reach)
        self.kept_for = keeps
        self.offering: list[str] = []
        self.told = ""

    def reach(
        self, cluster: "Platform", offering: Sequence[Object], *, scale_in_timeout: float
    ) -> ScalableNodePools:
        assert cluster.nodes
        self.offering = [one["metadata"]["name"] for one in offering]
        self.told = f"has to go within {scale_in_timeout:g} s"
        return self.reached

    def keeps(self, cluster: "Platform", node: Object) -> str:
        assert cluster.nodes
        return self.kept_for and f"{self.kept_for} of {node['metadata']['name']}"

    def facts(self, cluster: "Platform") -> list[Fact]:
        return [Fact(title="Pools", content=len(cluster.nodes), source="GET pools")]


class Wanting(Pod):
    """The pod that wants a node."""

    def __init__(self, platform: Any) -> None:
        super().__init__(platform, platform.waiter, pod())
        self.platform: Platform = platform

    def start_judge(self) -> Any:
        return lambda seen: seen[0] or None

    def whose_pending(self, views: Any) -> Finding:
        assert len(views) == 3
        return self.platform.finding

    def object(self) -> Object:
        return pod("new")

    def delete(self) -> None:
        self.platform.did.append("delete")

    def gone(self) -> None:
        self.platform.did.append("gone")


class Pending:
    """Makes the pods."""

    def __init__(self, autoscaler: Scaler, platform: "Platform") -> None:
        self.platform = platform
        self.autoscaler = autoscaler

    def mark(self, nodes: Sequence[Object]) -> None:
        names = ", ".join(one["metadata"]["name"] for one in nodes)
        self.platform.did.append(f"mark {names}")

    def unmark(self) -> None:
        self.platform.did.append("unmark")

    def create(self, reach: ScalableNodePools) -> Wanting:
        assert reach is self.autoscaler.reached
        self.platform.did.append("create")
        return Wanting(self.platform)


class Platform:
    """A cluster as the trial asks it."""

    def __init__(
        self,
        *waits: Sequence[Views],
        others: Sequence[Object] = (),
        events: Sequence[Object] = (),
    ) -> None:
        self.nodes = [OLD]
        self.pods = list(others)
        self.events = list(events)
        self.came: list[Object] = []
        self.finding = Finding(who="platform", reason="no node")
        self.did: list[str] = []
        """What was done with pods, in its order."""
        self.watched: list[float] = []
        """For how many seconds."""
        self.waiter = Waiter(*waits)
        self.settings = SimpleNamespace(scale_in_timeout=30.0)
        self.evidence = Kept()
        self.accelerators = SimpleNamespace(wanted_profile=lambda: PROFILE)
        self.cluster = self

    def spoken(self, kind: Kind) -> Kind:
        return kind

    def serves(self, group: str, version: str) -> list[str]:
        return []

    def list(self, kind: Kind, namespace: str | None = None, *, fields: str = "") -> list[Object]:
        if kind is NODE:
            return self.nodes
        key, _, name = fields.partition("=")
        if kind is POD:
            assert (namespace, key) == (None, "spec.nodeName")
            return [one for one in self.pods if one["spec"]["nodeName"] == name]
        if (kind, namespace, key) == (EVENT, "ns", "involvedObject.uid"):
            return [one for one in self.events if one["involvedObject"].get("uid") == name]
        assert (kind, namespace, key) == (EVENT, "default", "involvedObject.name")
        return [one for one in self.events if one["involvedObject"]["name"] == name]

    def watch(self, kind: Kind, *, timeout: float) -> Sequence[tuple[str, Object]]:
        assert kind is NODE
        self.watched.append(timeout)
        return [("ADDED", one) for one in self.came]


def on_trial(platform: Platform, scaler: Scaler | None = None) -> ScalingTrial:
    """An autoscaler on this platform."""
    given: Any = (scaler or Scaler(), platform)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "PendingPod", Pending)
        return ScalingTrial(*given)


def nodes_only(*nodes: Object) -> Views:
    return [{one["metadata"]["name"]: one for one in nodes}]
