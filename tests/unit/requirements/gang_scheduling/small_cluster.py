"""A cluster of one node and one scheduler: just enough to see gangs come together, or not."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.errors import WaitTimeout
from aicr_pytest.requirements.gang_scheduling.recorder import Gang

Views = list[Any]
Policy = Callable[["SmallCluster", list["Member"]], list["Member"]]
"""Which of the members that wait are bound now, of those that have a gang."""


def node(total: int, free: int, **other: Any) -> AcceleratorNode:
    """A node with accelerators that a device plugin counts."""
    return AcceleratorNode(
        name="node-0",
        profile=PROFILE,
        mechanism="device-plugin",
        device_class="",
        pool_label="",
        model="",
        ready=True,
        schedulable=True,
        taints=(),
        devices=(),
        unallocated=(),
        total=total,
        free=free,
        **other,
    )


class Member:
    """A pod of the experiment, as the trial handles it."""

    def __init__(self, cluster: "SmallCluster", name: str, obj: Object, count: int) -> None:
        self.cluster = cluster
        self.count = count
        self.obj = obj
        self.gang: str = obj["metadata"]["labels"].get(Gang.LABEL, "")
        self.why_shared = lambda _: f"{cluster.units} shares" if cluster.units > 1 else ""
        self.devices: tuple[str, ...] = ()
        self.asks_for_nothing = not count
        self.pod = SimpleNamespace(
            name=name,
            container="main",
            created=obj,
            object=lambda: obj,
            run=self._end,
            delete=lambda: cluster.members.remove(self) if self in cluster.members else None,
            gone=lambda: None,
        )

    def __str__(self) -> str:
        return f"node-0: pod ns/{self.pod.name}"

    @property
    def holds(self) -> bool:
        """Whether it takes room."""
        return bool(self.obj["spec"]) and self.obj["status"]["phase"] == "Running"

    @property
    def running(self) -> Object:
        self.cluster.tick()
        if not self.obj["spec"]:
            raise WaitTimeout(f"Pod ns/{self.pod.name}: no node within 30 s")
        return self.obj

    def bind(self) -> None:
        self.obj["spec"] = {"nodeName": "node-0"}
        self.obj["status"] = {"phase": "Running"}
        self.devices = tuple(self.cluster.take(self.count))

    def held(self) -> tuple[str, ...]:
        return self.devices

    def mismatches(self) -> list[str]:
        return self.cluster.mismatches.get(self.pod.name, [])

    def grant(self) -> Any:
        return SimpleNamespace(count=len(self.devices) - self.cluster.short)

    def release(self) -> None:
        self.pod.delete()

    def _end(self, *command: str) -> None:
        self.obj["status"] = {"phase": self.cluster.ends_as}
        if self.cluster.ends_as == "Running":  # for a moment, or where a sidecar goes on
            ended = {"name": "main", "state": {"terminated": {"exitCode": 0}}}
            self.obj["status"]["containerStatuses"] = [ended]


class SmallCluster:
    """The platform of a trial; its attributes are what a test may break."""

    def __init__(self, schedules: Policy, total: int = 3) -> None:
        self.schedules = schedules
        self.total = total
        self.speaks = True
        """Whether the scheduler says why a pod waits."""
        self.ends_as = "Succeeded"
        self.units = 1
        self.same_device = False
        self.short = 0
        """Accelerators that a pod is given too few."""
        self.held_by_others = 0
        self.mismatches: dict[str, list[str]] = {}
        self.members: list[Member] = []
        self.observer = Unobserved()
        self.run_id = "run"
        self.scale = 1.0
        self.deadlines = Deadlines()
        self.cluster: Any = self
        self.waiter: Any = self
        self.namespace = "ns"
        self.settings = SimpleNamespace(queue=None)
        self.accelerators = SimpleNamespace(look=lambda: [node(self.total, self.free)])
        self.evidence = SimpleNamespace(
            **{name: lambda *_, **__: None for name in ("fact", "timeline", "table", "yaml")}
        )
        self.workspaces = SimpleNamespace(at=lambda: self, place_on=self.place_on)

    # What the scheduler sees and does

    @property
    def free(self) -> int:
        """Accelerators that nobody holds."""
        return self.total - self.held_by_others - sum(m.count for m in self.members if m.holds)

    def take(self, count: int) -> list[str]:
        """Devices for a pod."""
        held = {device for one in self.members if one.holds for device in one.devices}
        everything = [f"GPU-{index}" for index in range(self.total)]
        return everything[:count] if self.same_device else sorted(set(everything) - held)[:count]

    def tick(self) -> None:
        """Let the scheduler run once."""
        waiting = [one for one in self.members if not one.obj["spec"]]
        for one in waiting:
            if not one.gang and one.count <= self.free:
                one.bind()
        for one in self.schedules(self, [one for one in waiting if one.gang]):
            one.bind()
        for one in waiting:
            if self.speaks and not one.obj["spec"]:
                reason = {"reason": "Unschedulable", "message": "0/1 nodes are available"}
                condition = {"type": "PodScheduled", "status": "False", **reason}
                one.obj["status"] = {"phase": "Pending", "conditions": [condition]}

    # What the trial asks

    def place_on(
        self,
        on: AcceleratorNode,
        actor: str,
        *,
        name: str,
        as_member: Callable[[Object], Object],
        values: dict[str, str] | None = None,
        **_: object,
    ) -> Member:
        obj = as_member(
            {"metadata": {"name": name, "labels": {}}, "spec": {}, "status": {"phase": "Pending"}}
        )
        count = int(values["count"]) if values else int(not actor.endswith("companion"))
        self.members.append(Member(self, name, obj, count))
        return self.members[-1]

    def apply(self, objects: Sequence[Object]) -> list[Object]:
        return list(objects)

    def list(self, *_: object, **__: object) -> list[Object]:
        return [one.obj for one in self.members]

    def until(
        self,
        what: str,
        subjects: object,
        *,
        judge: Callable[[Views], Any],
        describe: Callable[[Views], str],
        timeout: float,
        expired: Callable[[Views], None] = lambda _: None,
    ) -> Any:
        views: Views = []
        for _ in range(20):
            self.tick()
            views = [{one.pod.name: one.obj for one in self.members if one.gang}]
            if (result := judge(views)) is not None:
                return result
        expired(views)
        raise WaitTimeout(f"{what}: not within {timeout:g} s.\n  Last seen: {describe(views)}")

    def poll(
        self, what: str, look: Callable[[], Any], *, until: Callable[[Any], bool], **_: object
    ) -> Any:
        if until(seen := look()):
            return seen
        raise WaitTimeout(what)


def all_or_none(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """A gang scheduler: one gang that fits as a whole."""
    for name in sorted({one.gang for one in waiting}):
        gang = [one for one in waiting if one.gang == name]
        if sum(one.count for one in gang) <= cluster.free:
            return gang
    return []


def each_for_itself(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """A plain scheduler: whoever fits, in the order in which they came."""
    bound, free = [], cluster.free
    for one in waiting:
        if one.count <= free:
            free -= one.count
            bound.append(one)
    return bound


def nobody(cluster: SmallCluster, waiting: list[Member]) -> list[Member]:
    """A quota that lets no gang through."""
    return []
