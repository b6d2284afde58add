"""A cluster of one node and one scheduler: just enough to see gangs come together, or not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

from aicr_pytest.accelerators.inventory import AcceleratorNode, Mechanism
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster import pod_state, responsibility
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Deadlines
from aicr_pytest.errors import PolicyRefused, SchedulerSilent, WaitTimeout
from aicr_pytest.requirements.gang_scheduling.recorder import Gang
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import Group
from aicr_pytest.requirements.gang_scheduling.trial import GangTrial
from tests.unit.requirements.kept import Kept

Views = list[Any]
Policy = Callable[["SmallCluster", list["Member"]], list["Member"]]
"""Which of the members that wait are bound now, of those that have a gang."""


ASKS = {"gang_scheduling/member": 1, "gang_scheduling/companion": 0}
"""Accelerators that pods of a manifest ask for; a blocker is told how many."""


class Placed(NamedTuple):
    """A pod that was created: how it asks, what has to be free for it, how many it asks for."""

    name: str
    actor: str
    mechanism: str
    needs: int | None
    asks: int


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
        self.on = SimpleNamespace(known_as=str)
        self.pod = SimpleNamespace(
            name=name,
            container="main",
            containers=("main",),
            created=obj,
            object=lambda: obj,
            see_that_it_is_ours=lambda: (obj, []),
            whose_pending_now=self._whose_pending,
            run=self._end,
            delete=self._delete,
            gone=lambda: cluster.deleted.append(name),
        )

    def __str__(self) -> str:
        return f"node-0: pod ns/{self.pod.name}"

    def _delete(self) -> None:
        if self in self.cluster.members:
            self.cluster.members.remove(self)

    @property
    def holds(self) -> bool:
        """Whether it takes room."""
        return bool(self.obj["spec"]) and self.obj["status"]["phase"] == "Running"

    @property
    def running(self) -> Object:
        if self.count > 1 and self.cluster.refusals:
            self.cluster.refusals -= 1
            raise PolicyRefused(f"Pod ns/{self.pod.name}: one share at most")
        self.cluster.tick()
        if not self.obj["spec"]:
            if self.cluster.silent:
                raise SchedulerSilent(f"Pod ns/{self.pod.name}: nothing is said of it")
            raise WaitTimeout(f"Pod ns/{self.pod.name}: no node within 30 s")
        return self.obj

    def see_that_it_is_as_sent(self, also: Sequence[str]) -> None:
        """Refuse what somebody changed of what the trial names."""
        if found := sorted(self.cluster.changed & set(also)):
            raise PolicyRefused(f"{self} is not as it was sent: {', '.join(found)}")

    def bind(self) -> None:
        self.obj["spec"] = {"nodeName": "node-0"}
        self.obj["status"] = {"phase": "Running"}
        self.devices = tuple(self.cluster.take(self.count))

    def held(self) -> tuple[str, ...]:
        return self.devices

    def mismatches(self) -> list[str]:
        return self.cluster.mismatches.get(self.pod.name, [])

    def grant(self, _: str) -> Any:
        return SimpleNamespace(count=len(self.devices) - self.cluster.short)

    def release(self) -> None:
        self.pod.delete()
        self.pod.gone()

    def _whose_pending(self) -> Finding:
        said = pod_state.unschedulable(self.obj)
        return responsibility.of_pending(self.obj, said, asked={"nvidia.com/gpu"})

    def _end(self, *command: str) -> None:
        if command != ("sh", "-c", "kill -TERM 1"):
            return
        self.obj["status"] = {"phase": self.cluster.ends_as}
        if self.cluster.ends_as == "Running":  # for a moment, or where a sidecar goes on
            ended = {"name": "main", "state": {"terminated": {"exitCode": 0}}}
            self.obj["status"]["containerStatuses"] = [ended]


class SmallScheduler:
    """A gang scheduler of which each gang is an object, and another object says how it fares."""

    name = "small"
    understands_claims = True
    keeps_members = False
    """Whether members go only once what says how the gang fares is deleted."""
    unmanaged = ""
    """Why it leaves pods alone."""

    def __init__(self) -> None:
        self.nodes: list[AcceleratorNode] = []
        """As they were when their room was asked for."""

    def queues(
        self, cluster: "SmallCluster", node: AcceleratorNode, name: str, queue: str | None
    ) -> list[Object]:
        cluster.looked += 1
        spec = {"free": node.free, "of": queue}
        return [{"kind": "Queue", "metadata": {"name": name}, "spec": spec}]

    def room(self, cluster: "SmallCluster", node: AcceleratorNode, queue: str | None) -> int:
        cluster.looked += 1
        self.nodes.append(node)
        return node.free if queue is None else min(node.free, len(queue))

    def group(self, group: Group) -> list[Object]:
        spec = {"size": group.size, "queue": group.queue}
        return [{"kind": "Group", "metadata": {"name": group.name}, "spec": spec}]

    def status_objects(self, cluster: "SmallCluster", group: Group) -> list[Object]:
        cluster.looked += 1
        return [{"kind": "Status", "metadata": {"name": f"{group.name}-status"}}]

    def member(self, pod: Object, group: Group) -> Object:
        annotations = {"group": f"{group.name} of {group.size}"}
        return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}

    def outside_gang(self, pod: Object) -> Object:
        return pod

    def unmanaged_reason(self, pod: Object) -> str:
        return self.unmanaged and f"{pod['metadata']['name']}: {self.unmanaged}"

    def message(self, obj: Object) -> str:
        return str(obj["status"])


class SmallCluster:
    """The platform of a trial; its attributes are what a test may break."""

    def __init__(self, schedules: Policy, total: int = 3) -> None:
        self.schedules = schedules
        self.total = total
        self.speaks = True
        """Whether the scheduler says why a pod waits."""
        self.reason, self.says = "Unschedulable", "0/1 nodes are available"
        self.ends_as = "Succeeded"
        self.units = 1
        self.same_device = False
        self.short = 0
        """Accelerators that a pod is given too few."""
        self.held_by_others = 0
        self.refusals = 0
        """How many pods that ask for several are refused."""
        self.containers: dict[str, list[str]] = {}
        """By pod."""
        self.changed: set[str] = set()
        """Fields of every pod that somebody changes on admission."""
        self.mismatches: dict[str, list[str]] = {}
        self.members: list[Member] = []
        self.mechanism: Mechanism = "device-plugin"
        self.extended = True
        """Whether a DeviceClass maps the extended resource."""
        self.silent = False
        """Whether the scheduler does not look at pods that are no members."""
        self.told = ""
        """What gangs' objects say."""
        self.placed: list[Placed] = []
        self.made: dict[str, Object] = {}
        """Objects by kind and name, as the API server has them."""
        self.deleted: list[str] = []
        """Members and objects, in the order in which they went."""
        self.looked = 0
        self.observer = Unobserved()
        self.run_id = "run"
        self.scale = 1.0
        self.deadlines = Deadlines()
        self.cluster: Any = self
        self.waiter: Any = self
        self.namespace = "ns"
        self.settings = SimpleNamespace(queue=None)
        self.accelerators = SimpleNamespace(
            look=lambda: [replace(node(self.total, self.free), mechanism=self.mechanism)],
            extended=lambda on: self.extended and on.name == "node-0",
        )
        self.evidence = Kept()
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
            if not one.gang and not self.silent and one.count <= self.free:
                one.bind()
        for one in self.schedules(self, [one for one in waiting if one.gang]):
            one.bind()
        for one in waiting:
            if self.speaks and not one.obj["spec"]:
                reason = {"reason": self.reason, "message": self.says}
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
        needs: int | None = None,
    ) -> Member:
        labels = {"aicr-pytest/of": "manifest"}
        metadata = {"name": name, "labels": labels}
        count = int(values["count"]) if values else ASKS[actor]
        limits = {"nvidia.com/gpu": str(count)}
        spec = {"containers": [{"name": "main", "resources": {"limits": limits}}]}
        obj = as_member({"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}})
        self.containers[name] = [one["name"] for one in obj["spec"]["containers"]]
        obj["spec"] = {}
        self.placed.append(Placed(name, actor, on.mechanism, needs, count))
        self.members.append(Member(self, name, obj, count))
        return self.members[-1]

    def apply(self, objects: Sequence[Object]) -> list[Object]:
        for obj in objects:
            key = f"{obj['kind']} {obj['metadata']['name']}"
            answered = {**obj, "metadata": {**obj["metadata"], "uid": f"uid of {key}"}}
            self.made[key] = answered
        return [self.made[f"{obj['kind']} {obj['metadata']['name']}"] for obj in objects]

    def list(self, *_: object, **__: object) -> list[Object]:
        return [one.obj for one in self.members]

    def kind_of(self, obj: Object) -> Kind:
        return Kind("small.test", "v1", obj["kind"], f"{obj['kind']}s", True)

    def find(self, kind: Kind, name: str, namespace: str) -> Object:
        metadata = {"name": name, "namespace": namespace}
        return {"kind": kind.name, "metadata": metadata, "status": self.told}

    def delete(self, kind: Kind, name: str, namespace: str, *, uid: str | None) -> None:
        assert namespace == self.namespace
        key = f"{kind.name} {name}"
        made = self.made.pop(key, None)
        assert uid == (made["metadata"]["uid"] if made else None), "or another run's may go"
        self.deleted.append(key)

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


def on_trial(cluster: SmallCluster, scheduler: SmallScheduler | None = None) -> GangTrial:
    """A gang scheduler on this cluster."""
    platform: Any = cluster
    tried: Any = scheduler or SmallScheduler()
    offered = replace(node(cluster.total, cluster.total), mechanism=cluster.mechanism)
    return GangTrial(tried, platform, offered)


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
