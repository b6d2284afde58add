"""The experiments of ``gang_scheduling`` on one gang scheduler and one node.

Scarcity is made by a pod of ours, the blocker, so that the gang finds room for fewer members than
it needs. What is judged is which pods were bound, followed by a watch, never what a gang object
says about itself.
"""

import dataclasses
import datetime
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.cluster import pod_state
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.errors import (
    DoesNotApply,
    Inconclusive,
    NoCapacity,
    SchedulerSilent,
    WaitTimeout,
)
from aicr_pytest.requirements.gang_scheduling.claims import Claims
from aicr_pytest.requirements.gang_scheduling.recorder import Gang, GangRecorder
from aicr_pytest.requirements.gang_scheduling.sizes import Sizes, reserve_node
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import GangScheduler, Group
from aicr_pytest.requirements.gang_scheduling.status import GangStatus
from aicr_pytest.requirements.solutions import Solutions
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform

WINDOW = 8.0
"""Seconds for which a gang without room must have no member bound."""


class GangTrial:
    """One gang scheduler; the steps are run in the order in which they stand here."""

    def __init__(
        self, scheduler: GangScheduler, platform: "Platform", node: AcceleratorNode
    ) -> None:
        self._scheduler = scheduler
        self._platform = platform
        self._node = node
        self._prepared: AcceleratorNode | None = None
        self._blocker: AcceleratorPod | None = None
        self._gang: Gang | None = None
        self._sizes: Sizes | None = None
        self._claims = Claims(platform, node)
        self._said = GangStatus(scheduler, platform)
        self._first: AcceleratorNode | None = None
        self._placed: list[AcceleratorPod] = []
        self._gathered: list[Gang] = []
        self._numbers = itertools.count()

    # The steps

    def starved(self) -> list[str]:
        """With room for one member less than it needs, no member is bound in the whole window."""
        free = self._room()
        self._first = node = self._look(self._prepare())
        self._sizes = sizes = Sizes.out_of(free)
        self._blocker = self._block(free - sizes.room)
        self._gang = gang = self._gather("gang", sizes.size)
        muster = self._muster("Members of the gang that were bound", gang)
        muster.note(f"room for {sizes.room} of {gang.accelerators} accelerators")
        try:
            bound = muster.follow_window(WINDOW, said=lambda: self._said.words(gang))
        finally:
            self._said.tell(muster, gang)
        if not bound:
            return self._claims.of_unbound(gang)
        self._refuse_if_others_left(node.free - (free - sizes.room), gang)
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
        self._said.tell(muster, gang)
        self._end(gang)
        return faults

    def competing(self) -> list[str]:
        """Two gangs that each need more than half of the room finish, one after the other."""
        self.clear()
        self._claims.held_for_nobody()  # what comes free later would be room that nobody counted
        free = self._room()
        node = self._look(self._prepare())
        self._sizes = sizes = Sizes.out_of(free)
        blocked = free - sizes.rivals_room
        blocker = self._block(blocked) if blocked else None
        rivals = self._gather_in_turns(("rival-a", "rival-b"), 2)
        muster = self._muster("Members of two gangs that were bound", *rivals)
        muster.note(f"room for {sizes.rivals_room}, both gangs need {2 * rivals[0].accelerators}")
        try:
            faults = self._one_after_the_other(rivals, muster, node.free - blocked)
        finally:
            self._said.tell(muster, *rivals)
        for gang in rivals:
            self._end(gang)
        if blocker:
            self._release(blocker)
        return faults

    def freed(self) -> list[str]:
        """When all gangs are gone, nothing is held for them, and a pod can hold everything."""
        self.clear()
        faults = self._claims.held_for_nobody()
        if faults:
            return faults
        free, node = self._room(), self._look(self._prepare())
        if self._first and node.free < self._first.free:
            if lost := self._first.total - node.total:
                had = f"of {self._first.total} accelerators of {node.name}, {self._first.free} free"
                return [f"{lost} {had}, are not offered any more since gangs used them: {node}"]
            self._platform.evidence.fact(
                "held by others meanwhile", f"{self._first.free - node.free} of {node.name}"
            )
        if free < 1:
            raise NoCapacity(f"Others hold all accelerators by now: {node}.")
        everything = self._block(free)
        self._platform.evidence.fact(
            "held again by one pod", f"{everything.grant().count} of {node.name}"
        )
        self._release(everything)
        return []

    # What they are made of

    def _prepare(self) -> AcceleratorNode:
        """The node, asked for its accelerators as this scheduler can count them."""
        if self._prepared is None:
            node = self._node
            if node.mechanism == "dra" and not self._scheduler.understands_claims:
                if not self._platform.accelerators.extended(node):
                    raise DoesNotApply(
                        f"{self._scheduler.name} does not count ResourceClaims, and no DeviceClass "
                        f"of {node.name} maps {node.profile.extended_resource}."
                    )
                node = dataclasses.replace(node, mechanism="extended-resource")
            self._prepared = node
        return self._prepared

    def _room(self) -> int:
        """Accelerators that nobody holds, as this scheduler counts them.

        A queue of ours lets all of them through, and no more; others may have come or gone since.
        """
        node = self._look(self._prepare())
        workspace, queue = self._platform.workspaces.at(), self._platform.settings.queue
        name = cluster_name(self._platform.cluster.run_id)
        workspace.apply(self._scheduler.queues(workspace.cluster, node, name, queue))
        return self._scheduler.room(workspace.cluster, node, queue)

    def _look(self, node: AcceleratorNode) -> AcceleratorNode:
        """The node as it is now.

        Raises:
            NoCapacity: it is gone.
        """
        for now in self._platform.accelerators.look():
            if now.name == node.name:
                return dataclasses.replace(now, mechanism=node.mechanism)
        raise NoCapacity(f"{node.name} offers no accelerators any more.")

    def _block(self, count: int) -> AcceleratorPod:
        blocker = self._platform.workspaces.place_on(
            self._prepare(),
            "gang_scheduling/blocker",
            name=f"blocker-{next(self._numbers)}",  # its claim template cannot be changed later
            as_member=self._scheduler.outside_gang,
            values={"count": str(count)},
        )
        self._placed.append(blocker)
        if unmanaged_reason := self._scheduler.unmanaged_reason(blocker.pod.created):
            raise Inconclusive(unmanaged_reason)
        try:
            assert blocker.running
        except SchedulerSilent as error:
            raise WaitTimeout(str(error)) from error  # it is the scheduler that is on trial
        return blocker

    def _gather(self, name: str, size: int) -> Gang:
        (gang,) = self._gather_in_turns((name,), size)
        return gang

    def _gather_in_turns(self, names: Sequence[str], size: int) -> list[Gang]:
        """Gangs whose members are created in turns, the first of each, then the second of each."""
        workspace = self._platform.workspaces.at()
        groups = [
            Group(name=name, size=size, queue=self._platform.settings.queue) for name in names
        ]
        gangs = []
        for group in groups:
            objects = workspace.apply(self._scheduler.group(group))
            status_objects = self._scheduler.status_objects(workspace.cluster, group)
            gangs.append(Gang(name=group.name, objects=objects, status_objects=status_objects))
        self._gathered += gangs
        for number in range(size):
            for group, gang in zip(groups, gangs, strict=True):
                gang.members.append(self._member(group, number))
        return gangs

    def _member(self, group: Group, number: int) -> AcceleratorPod:
        single = self._sizes is not None and self._sizes.single
        actor = "companion" if single and number else "member"

        def as_member(pod: Object) -> Object:
            labels = {**pod["metadata"].get("labels", {}), Gang.LABEL: group.name}
            pod = {**pod, "metadata": {**pod["metadata"], "labels": labels}}
            return self._scheduler.member(pod, group)

        member = self._platform.workspaces.place_on(
            self._prepare(),
            f"gang_scheduling/{actor}",
            name=f"{group.name}-{number}",
            as_member=as_member,
            needs=1 if single else group.size,
        )
        self._placed.append(member)
        return member

    def _muster(self, title: str, *gangs: Gang) -> GangRecorder:
        return GangRecorder(
            title,
            gangs,
            self._platform.waiter,
            namespace=self._platform.workspaces.at().namespace,
            clock=lambda: datetime.datetime.now(datetime.UTC),
        )

    def _start(self, gang: Gang, muster: GangRecorder) -> list[str]:
        """Wait until all members are bound and run; what is wrong with what they hold."""

        def expired() -> None:
            now = self._look(self._prepare())
            if stranded := self._claims.stranded():
                raise WaitTimeout(f"{gang.name} finds no room. {'; '.join(stranded)}")
            if now.free + self._held([gang]) < gang.accelerators:
                raise NoCapacity(f"Others hold what {gang.name} needs: {now}.")

        muster.until_all_bound(gang, expired=expired)
        return self._holdings(gang)

    def _holdings(self, gang: Gang) -> list[str]:
        faults: list[str] = []
        seen: dict[str, str] = {}
        for member in gang.with_accelerators:
            faults += member.mismatches()
            for identity in member.held():
                if identity in seen and member.on.units_per_device > 1:
                    self._platform.evidence.fact(
                        f"{identity} is shared", f"its units went to {seen[identity]} and {member}"
                    )
                elif identity in seen:
                    faults.append(f"{seen[identity]} and {member} both hold {identity}")
                seen[identity] = str(member)
        for member in gang.members:
            assert member.running  # those without an accelerator, too
        return faults

    def _complete(self, gang: Gang, muster: GangRecorder) -> list[str]:
        """Tell every member to end; those that do not succeed."""
        for member in gang.members:
            member.pod.run("sh", "-c", "kill -TERM 1")
        return muster.until_all_succeeded(gang)

    def _one_after_the_other(
        self, rivals: Sequence[Gang], muster: GangRecorder, room: int
    ) -> list[str]:
        try:
            first = muster.until_one_bound(rivals)
        except WaitTimeout as error:
            now = self._look(self._prepare())
            if now.free + self._held(rivals) < rivals[0].accelerators:
                raise NoCapacity(f"Others hold what {rivals[0].name} needs: {now}.") from error
            return [f"{error}\n  {'; '.join(self._said.words(*rivals))}"]
        second = next(gang for gang in rivals if gang is not first)
        faults = self._start(first, muster)
        muster.look()  # at the last moment at which the first has the room
        if beside := muster.bound_members(second):
            self._refuse_if_others_left(room, *rivals)
        faults += [f"{line} while {first.name} had the room" for line in beside]
        faults += self._complete(first, muster)
        self._end(first)
        muster.note(f"{first.name} is gone")
        faults += self._start(second, muster) + self._complete(second, muster)
        return faults

    def _refuse_if_others_left(self, room: int, *gangs: Gang) -> None:
        now, held = self._look(self._prepare()), self._held(gangs)
        if now.free + held > room:
            raise Inconclusive(
                f"Others gave back accelerators of {now.name} meanwhile: {now.free + held} were "
                f"to be had, and not {room}.",
                hint="Run it again when nobody else uses this node, or see --aicr-nodes.",
            )

    def _held(self, gangs: Sequence[Gang]) -> int:
        """How many accelerators their members hold now, by the pods that are bound."""
        pods = [member.pod.object() for gang in gangs for member in gang.with_accelerators]
        ended = ("Succeeded", "Failed")
        return sum(bool(pod_state.node_of(p)) and pod_state.phase(p) not in ended for p in pods)

    def _end(self, gang: Gang) -> None:
        """Delete the members, wait until they are gone, then the gang's objects."""
        self._take_away(gang.members, [gang])

    def _take_away(self, pods: Sequence[AcceleratorPod], gangs: Sequence[Gang]) -> None:
        for pod in pods:
            pod.pod.delete()
        if self._scheduler.keeps_members:
            self._delete(obj for gang in gangs for obj in gang.status_objects)
        for pod in pods:
            pod.pod.gone()
        self._placed = [pod for pod in self._placed if pod not in pods]
        self._delete(obj for gang in gangs for obj in gang.objects)
        self._gathered = [gang for gang in self._gathered if gang not in gangs]

    def _delete(self, objects: Iterable[Object]) -> None:
        workspace = self._platform.workspaces.at()
        for obj in objects:
            kind = workspace.cluster.kind_of(obj)
            name, uid = obj["metadata"]["name"], obj["metadata"].get("uid")
            workspace.cluster.delete(kind, name, workspace.namespace, uid=uid)

    def _release(self, pod: AcceleratorPod) -> None:
        pod.release()
        if pod in self._placed:
            self._placed.remove(pod)

    def clear(self) -> None:
        """Take away what a step that failed has left; another solution may come next."""
        self._take_away(list(self._placed), list(self._gathered))
        self._gang = self._blocker = None


def gang_trials(solutions: Solutions[GangScheduler], platform: "Platform") -> Trials[GangTrial]:
    """The experiments with every installed gang scheduler, until one passes them all.

    Raises:
        NoCapacity: no node has an accelerator to give.
    """
    node = reserve_node(platform)
    return Trials(
        solutions,
        lambda candidate: GangTrial(candidate.solution, platform, node),
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
