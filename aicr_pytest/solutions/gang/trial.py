"""The experiments of ``gang_scheduling`` on one gang scheduler and one node.

Scarcity is made by a pod of ours, the blocker, so that the gang finds room for fewer members than
it needs. What is judged is which pods were bound, followed by a watch, never what a gang object
says about itself.
"""

import dataclasses
import datetime
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import POD, RESOURCE_CLAIM, Object
from aicr_pytest.errors import DoesNotApply, Inconclusive, NoCapacity, WaitTimeout
from aicr_pytest.solutions.frame import Solutions
from aicr_pytest.solutions.gang.gang import GangScheduler, Group
from aicr_pytest.solutions.gang.gangs import Gang, Muster
from aicr_pytest.solutions.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.accelerators.finder import Accelerators
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.exclusive import Exclusive
    from aicr_pytest.workspaces import Workspaces

WINDOW = 8.0
"""Seconds for which a gang without room must have no member bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many members and how much room, out of what a node has free."""

    size: int
    """Members of the gang that finds too little room."""
    room: int
    """Accelerators that it finds; one more would do."""
    rivals_room: int
    """Accelerators for which two gangs compete, each of which needs more than half."""
    single: bool
    """Whether there is one accelerator at all: a gang is then one member with and one without."""

    @classmethod
    def out_of(cls, free: int) -> "Sizes":
        """The sizes for so many free accelerators.

        Raises:
            NoCapacity: there is none.
        """
        if free < 1:
            raise NoCapacity("A gang needs an accelerator, and none is free.")
        size = min(3, max(2, free))
        return cls(
            size=size,
            room=0 if free == 1 else size - 1,
            rivals_room=min(2, free),
            single=free == 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the experiments take place."""

    node: AcceleratorNode
    """Whose accelerators are ours alone, as far as our own checks go."""
    accelerators: "Accelerators"
    workspaces: "Workspaces"
    waiter: "Waiter"
    queue: str | None
    """The user's queue of the whole cluster."""
    run_id: str
    """Names what belongs to the whole cluster."""

    @classmethod
    def on(
        cls,
        exclusive: "Exclusive",
        *,
        accelerators: "Accelerators",
        workspaces: "Workspaces",
        waiter: "Waiter",
        queue: str | None,
    ) -> "Stage":
        """A stage on a node whose accelerators no other check of ours holds; it is waited for."""
        looked_at = accelerators.looked_at()
        usable = [node for node in accelerators.stock if node.ready and node.schedulable]
        # Those that --aicr-nodes means come first; among equals the one with most room.
        ordered = sorted(usable, key=lambda node: (node not in looked_at, -node.free))
        window = exclusive.all_of_one(ordered)
        node = next(node for node in ordered if node.name in window.nodes)
        return cls(
            node=node,
            accelerators=accelerators,
            workspaces=workspaces,
            waiter=waiter,
            queue=queue,
            run_id=workspaces.run_id,
        )


class GangTrial:
    """One gang scheduler; the steps are run in the order in which they stand here."""

    def __init__(self, scheduler: GangScheduler, stage: Stage) -> None:
        self._scheduler = scheduler
        self._stage = stage
        self._prepared: AcceleratorNode | None = None
        self._blocker: AcceleratorPod | None = None
        self._gang: Gang | None = None
        self._sizes: Sizes | None = None
        self._placed: list[AcceleratorPod] = []
        self._numbers = itertools.count()

    # The steps

    def starved(self) -> list[str]:
        """With room for one member less than it needs, no member is bound in the whole window."""
        node = self._prepare()
        free = self._look(node).free
        self._sizes = sizes = Sizes.out_of(free)
        self._blocker = self._block(free - sizes.room)
        self._gang = gang = self._gather("gang", sizes.size)
        muster = self._muster("Members of the gang that were bound", gang)
        muster.note(f"room for {sizes.room} of {gang.accelerators} accelerators")
        bound = muster.follow_window(WINDOW)
        self._tell(muster, gang)
        if not bound:
            return self._claimed(gang)
        self._refuse_if_others_left(node, sizes.room, len(bound))
        told = f"though there was room for {sizes.room} of the {gang.accelerators} accelerators"
        return [f"{line} {told} that {gang.name} needs" for line in bound]

    def served(self) -> list[str]:
        """Once room appears, all members start, each with its accelerator, and complete."""
        if self._gang is None or self._blocker is None:
            raise Inconclusive("There was no gang that waited for room.")
        gang = self._gang
        muster = self._muster("Members of the gang that were bound once there was room", gang)
        self._release(self._blocker)
        muster.note("the blocker is gone")
        faults = self._start(gang, muster)
        faults += self._complete(gang, muster)
        muster.tell_spread(gang)
        self._tell(muster, gang)
        self._end(gang)
        return faults

    def competing(self) -> list[str]:
        """Two gangs that each need more than half of the room finish, one after the other."""
        node = self._prepare()
        self.clear()
        self._held_for_nobody()  # what comes free later would be room that nobody counted
        free = self._look(node).free
        sizes = Sizes.out_of(free)
        blocker = self._block(free - sizes.rivals_room) if free > sizes.rivals_room else None
        rivals = self._gather_in_turns(("rival-a", "rival-b"), 2)
        muster = self._muster("Members of two gangs that were bound", *rivals)
        muster.note(f"room for {sizes.rivals_room}, both gangs need {2 * rivals[0].accelerators}")
        try:
            faults = self._one_after_the_other(rivals, muster, sizes.rivals_room)
        finally:
            self._tell(muster, *rivals)
        for gang in rivals:
            self._end(gang)
        if blocker:
            self._release(blocker)
        return faults

    def freed(self) -> list[str]:
        """When all gangs are gone, nothing is held for them, and a pod can hold everything."""
        node = self._prepare()
        self.clear()
        faults = self._held_for_nobody()
        if faults:
            return faults
        everything = self._block(self._look(node).free)
        self._stage.workspaces.evidence.fact(
            "held again by one pod", f"{everything.grant().count} of {node.name}"
        )
        self._release(everything)
        return []

    # What they are made of

    def _prepare(self) -> AcceleratorNode:
        """The node, asked for its accelerators as this scheduler can count them."""
        if self._prepared is None:
            node = self._stage.node
            if node.mechanism == "dra" and not self._scheduler.understands_claims:
                if not self._stage.accelerators.extended(node):
                    raise DoesNotApply(
                        f"{self._scheduler.name} does not count ResourceClaims, and no DeviceClass "
                        f"of {node.name} maps {node.profile.extended_resource}."
                    )
                node = dataclasses.replace(node, mechanism="extended-resource")
            self._prepared = node
            workspace = self._stage.workspaces.at()
            queues = self._scheduler.queues(
                workspace.cluster,
                self._look(node),
                f"aicr-{self._stage.run_id}",
                self._stage.queue,
            )
            workspace.apply(queues)
        return self._prepared

    def _look(self, node: AcceleratorNode) -> AcceleratorNode:
        """The node as it is now.

        Raises:
            NoCapacity: it is gone.
        """
        for now in self._stage.accelerators.look():
            if now.name == node.name:
                return dataclasses.replace(now, mechanism=node.mechanism)
        raise NoCapacity(f"{node.name} offers no accelerators any more.")

    def _block(self, count: int) -> AcceleratorPod:
        blocker = self._stage.workspaces.place_on(
            self._prepare(),
            "gang_scheduling/blocker",
            name=f"blocker-{next(self._numbers)}",  # its claim template cannot be changed later
            tie=self._scheduler.alone,
            values={"count": str(count)},
        )
        self._placed.append(blocker)
        assert blocker.running
        return blocker

    def _gather(self, name: str, size: int) -> Gang:
        (gang,) = self._gather_in_turns((name,), size)
        return gang

    def _gather_in_turns(self, names: Sequence[str], size: int) -> list[Gang]:
        """Gangs whose members are created in turns, the first of each, then the second of each."""
        workspace = self._stage.workspaces.at()
        groups = [Group(name=name, size=size, queue=self._stage.queue) for name in names]
        gangs = []
        for group in groups:
            objects = workspace.apply(self._scheduler.group(group))
            gangs.append(
                Gang(name=group.name, objects=objects, told_by=self._scheduler.told_by(group))
            )
        for number in range(size):
            for group, gang in zip(groups, gangs, strict=True):
                gang.members.append(self._member(group, number))
        return gangs

    def _member(self, group: Group, number: int) -> AcceleratorPod:
        single = self._sizes is not None and self._sizes.single
        actor = "companion" if single and number else "member"

        def tie(pod: Object) -> Object:
            labels = {**pod["metadata"].get("labels", {}), Gang.LABEL: group.name}
            pod = {**pod, "metadata": {**pod["metadata"], "labels": labels}}
            return self._scheduler.member(pod, group)

        member = self._stage.workspaces.place_on(
            self._prepare(),
            f"gang_scheduling/{actor}",
            name=f"{group.name}-{number}",
            tie=tie,
            needs=1 if single else group.size,
        )
        self._placed.append(member)
        return member

    def _muster(self, title: str, *gangs: Gang) -> Muster:
        return Muster(
            title,
            gangs,
            self._stage.waiter,
            namespace=self._stage.workspaces.at().namespace,
            clock=lambda: datetime.datetime.now(datetime.UTC),
        )

    def _start(self, gang: Gang, muster: Muster) -> list[str]:
        """Wait until all members are bound and run; what is wrong with what they hold."""

        def expired() -> None:
            now = self._look(self._prepare())
            bound = sum(1 for member in gang.members if member.pod.node)
            if stranded := self._stranded():
                raise WaitTimeout(f"{gang.name} finds no room. {'; '.join(stranded)}")
            if now.free + bound < gang.accelerators:
                raise NoCapacity(f"Others hold what {gang.name} needs: {now}.")

        muster.until_all_bound(gang, expired=expired)
        return self._holdings(gang)

    def _holdings(self, gang: Gang) -> list[str]:
        faults: list[str] = []
        seen: dict[str, str] = {}
        for member in gang.with_accelerators:
            faults += member.differences()
            for identity in member.held():
                if identity in seen:
                    faults.append(f"{seen[identity]} and {member} both hold {identity}")
                seen[identity] = str(member)
        for member in gang.members:
            assert member.running  # those without an accelerator, too
        return faults

    def _complete(self, gang: Gang, muster: Muster) -> list[str]:
        """Tell every member to end; those that do not succeed."""
        for member in gang.members:
            member.pod.run("sh", "-c", "kill -TERM 1")
        return muster.until_all_succeeded(gang)

    def _one_after_the_other(self, rivals: Sequence[Gang], muster: Muster, room: int) -> list[str]:
        try:
            first = muster.until_one_bound(rivals)
        except WaitTimeout as error:
            return [f"{error}\n  {'; '.join(self._words(*rivals))}"]
        second = next(gang for gang in rivals if gang is not first)
        beside = muster.bound_members(second)
        if beside:
            self._refuse_if_others_left(self._prepare(), room, first.accelerators + len(beside))
        faults = [f"{line} while {first.name} had the room" for line in beside]
        faults += self._start(first, muster) + self._complete(first, muster)
        self._end(first)
        muster.note(f"{first.name} is gone")
        faults += self._start(second, muster) + self._complete(second, muster)
        return faults

    def _refuse_if_others_left(self, node: AcceleratorNode, room: int, bound: int) -> None:
        now = self._look(node)
        if now.free + bound > room:
            raise Inconclusive(
                f"Others gave back accelerators of {node.name} meanwhile: {now.free + bound} were "
                f"to be had, and not {room}.",
                hint="Run it again when nobody else uses this node, or see --aicr-nodes.",
            )

    def _claimed(self, gang: Gang) -> list[str]:
        """Claims of unbound members that hold something."""
        names = {member.pod.name for member in gang.members}
        return [
            f"{claim['metadata']['name']} of unbound pod {owner} holds devices"
            for claim in self._claims()
            for owner in _owners(claim)
            if owner in names and (claim.get("status") or {}).get("allocation")
        ]

    def _claims(self) -> list[Object]:
        workspace = self._stage.workspaces.at()
        if self._stage.node.mechanism == "device-plugin":
            return []
        return workspace.cluster.list(RESOURCE_CLAIM, workspace.namespace)

    def _held_for_nobody(self) -> list[str]:
        """Claims of ours that stay allocated although their pods are gone."""
        waiter = self._stage.waiter
        try:
            waiter.poll(
                "Accelerators of the gangs: given back",
                self._stranded,
                until=lambda held: not held,
                describe=lambda held: "; ".join(held) or "none is held",
                timeout=waiter.deadlines.claim_released,
                every=0.5,
            )
        except WaitTimeout:
            return self._stranded()
        return []

    def _stranded(self) -> list[str]:
        """Claims of ours that are allocated and whose pods are gone or have ended, as sentences."""
        workspace = self._stage.workspaces.at()
        running = {
            pod["metadata"]["name"]
            for pod in workspace.cluster.list(POD, workspace.namespace)
            if pod_state.phase(pod) not in ("Succeeded", "Failed")
        }
        return [
            f"ResourceClaim {claim['metadata']['name']} is still allocated, and its pod is gone"
            for claim in self._claims()
            if (claim.get("status") or {}).get("allocation")
            and not running.intersection(_owners(claim))
        ]

    def _end(self, gang: Gang) -> None:
        """Delete the members, wait until they are gone, then the gang's objects."""
        for member in gang.members:
            member.pod.delete()
        for member in gang.members:
            member.pod.gone()
            if member in self._placed:
                self._placed.remove(member)
        workspace = self._stage.workspaces.at()
        for obj in gang.objects:
            kind = workspace.cluster.kind_of(obj)
            workspace.cluster.delete(kind, obj["metadata"]["name"], workspace.namespace)

    def _release(self, pod: AcceleratorPod) -> None:
        pod.release()
        if pod in self._placed:
            self._placed.remove(pod)

    def clear(self) -> None:
        """Take away what a step that failed has left; another solution may come next."""
        for pod in self._placed:
            pod.pod.delete()
        for pod in self._placed:
            pod.pod.gone()
        self._placed.clear()
        self._gang = self._blocker = None

    def _words(self, *gangs: Gang) -> list[str]:
        told = [self._scheduler.words(obj) for gang in gangs for obj in self._telling(gang)]
        return [words for words in told if words]

    def _telling(self, gang: Gang) -> list[Object]:
        """The objects that say how a gang fares, as they are now."""
        workspace = self._stage.workspaces.at()
        return [
            now
            for obj in gang.told_by
            if (
                now := workspace.cluster.find(
                    workspace.cluster.kind_of(obj), obj["metadata"]["name"], workspace.namespace
                )
            )
        ]

    def _tell(self, muster: Muster, *gangs: Gang) -> None:
        """Timeline, reasons and gang objects, into the evidence of the check that runs."""
        evidence = self._stage.workspaces.evidence
        muster.tell(evidence)
        for obj in (obj for gang in gangs for obj in self._telling(gang)):
            name, where = obj["metadata"]["name"], obj["metadata"]["namespace"]
            source = f"kubectl get {obj['kind'].lower()} -n {where} {name} -o yaml"
            evidence.yaml(f"{obj['kind']} {name}", obj, source=source)


def _owners(claim: Object) -> list[str]:
    return [owner["name"] for owner in claim["metadata"].get("ownerReferences") or ()]


def gang_trials(solutions: Solutions[GangScheduler], stage: Stage) -> Trials[GangTrial]:
    """The experiments with every installed gang scheduler, until one passes them all."""
    return Trials(
        solutions,
        lambda candidate: GangTrial(candidate.solution, stage),
        STEPS,
        leave=GangTrial.clear,
    )


STEPS: tuple[Callable[[GangTrial], list[str]], ...] = (
    GangTrial.starved,
    GangTrial.served,
    GangTrial.competing,
    GangTrial.freed,
)
"""In the order in which they build on each other."""
