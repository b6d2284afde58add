"""The experiments of ``gang_scheduling`` on one gang scheduler and one node.

Scarcity is made by a pod of ours, the blocker, so that the gang finds room for fewer members than
it needs. What is judged is which pods were bound, followed by a watch, never what a gang object
says about itself.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.request import one_each
from aicr_pytest.cluster import pod_state, responsibility
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.errors import (
    DoesNotApply,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    SchedulerSilent,
    WaitTimeout,
)
from aicr_pytest.requirements.gang_scheduling.claims import Claims
from aicr_pytest.requirements.gang_scheduling.observed import Freed, Rivals, Served, Starved
from aicr_pytest.requirements.gang_scheduling.recorder import Gang, GangRecorder
from aicr_pytest.requirements.gang_scheduling.sizes import Sizes, reserve_node
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import GangScheduler, Group
from aicr_pytest.requirements.gang_scheduling.status import GangStatus
from aicr_pytest.requirements.solutions import Solutions
from aicr_pytest.requirements.trials import Trials

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.steps import Steps

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
        self._claims = Claims(platform, node)
        self._said = GangStatus(scheduler, platform)
        self._first: AcceleratorNode | None = None
        self._placed: list[AcceleratorPod] = []
        self._gathered: list[Gang] = []
        self._numbers = itertools.count()
        self._apart = False
        """Whether a container is given one accelerator at most, as shares may be."""

    # The steps

    def starved(self) -> Starved:
        """Which members are bound while there is room for one less than a gang needs.

        Raises:
            Inconclusive: the scheduler has said nothing, or others gave back accelerators.
        """
        free = self._room()
        self._first = node = self._look(self._prepare())
        sizes = Sizes.out_of(free)
        self._blocker = self._block(free - sizes.room)
        (gang,) = self._gather(["gang"], sizes.size, single=sizes.single)
        self._gang = gang
        recorder = self._recorder("Members of the gang that were bound", gang)
        room = f"room for {sizes.room} of {gang.accelerators} accelerators"
        recorder.blocked(self._blocker.pod.name, room)
        try:
            bound = recorder.follow_window(WINDOW, said=lambda: self._said.messages(gang))
        finally:
            self._said.record(recorder, gang)
        if bound:
            self._refuse_if_others_left(node.free - (free - sizes.room), gang)
        else:
            self._refuse_if_kept([gang], every=True)
        return Starved(
            gang=gang.name,
            room=sizes.room,
            needed=gang.accelerators,
            bound=tuple(bound),
            claims=() if bound else tuple(self._claims.of_unbound(gang)),
        )

    def served(self) -> Served:
        """What becomes of the gang once there is room.

        Raises:
            WaitTimeout: not all members are bound.
        """
        if self._gang is None or self._blocker is None:
            raise Inconclusive("There was no gang that waited for room.")
        gang = self._gang
        recorder = self._recorder("Members of the gang that were bound once there was room", gang)
        blocker, room = self._blocker, f"room for less than {gang.accelerators} accelerators"
        recorder.blocked(blocker.pod.name, room)
        self._release(blocker)
        recorder.freed(blocker.pod.name)
        served = self._complete(self._start(gang, recorder), gang, recorder)
        recorder.record_spread(gang)
        self._said.record(recorder, gang)
        self._end(gang)
        return served

    def competing(self) -> Rivals:
        """What becomes of two gangs that each need more than half of the room.

        Raises:
            WaitTimeout: the second one is not bound though the first is gone.
        """
        self.clear()
        self._claims.held_for_nobody()  # what comes free later would be room that nobody counted
        free = self._room()
        node = self._look(self._prepare())
        sizes = Sizes.out_of(free)
        blocked = free - sizes.rivals_room
        blocker = self._block(blocked) if blocked else None
        rivals = self._gather(["rival-a", "rival-b"], 2, single=sizes.single)
        recorder = self._recorder("Members of two gangs that were bound", *rivals)
        room = f"room for {sizes.rivals_room}, both gangs need {2 * rivals[0].accelerators}"
        if blocker:
            recorder.blocked(blocker.pod.name, room)
        else:
            recorder.mark(room)
        try:
            seen = self._one_after_the_other(rivals, recorder, node.free - blocked)
        finally:
            self._said.record(recorder, *rivals)
        self.clear()
        return seen

    def freed(self) -> Freed:
        """What is held and offered when all gangs are gone, and what one pod can then hold.

        Raises:
            WaitTimeout: a pod that asks for everything does not start.
            NoCapacity: others hold all accelerators by now.
        """
        self.clear()
        if stranded := self._claims.held_for_nobody():
            return Freed(stranded=tuple(stranded))
        free, node = self._room(), self._look(self._prepare())
        if self._first and node.free < self._first.free:
            if lost := self._first.total - node.total:
                had = f"of {self._first.total} accelerators of {node.name}, {self._first.free} free"
                because = f"{lost} {had}, are not offered any more since gangs used them: {node}"
                return Freed(lost=lost, because=because)
            self._platform.evidence.fact(
                "held by others meanwhile", f"{self._first.free - node.free} of {node.name}"
            )
        if free < 1:
            raise NoCapacity(f"Others hold all accelerators by now: {node}.")
        everything = self._block(free)
        held = sum(everything.grant(one).count for one in everything.pod.containers)
        self._platform.evidence.fact("held again by one pod", f"{held} of {node.name}")
        self._release(everything)
        return Freed(free=free, held=held)

    # What they are made of

    def _prepare(self) -> AcceleratorNode:
        """The node, asked for its accelerators as this scheduler can count them."""
        if self._prepared is None:
            node = self._node
            if node.mechanism == "dra" and not self._scheduler.understands_claims:
                if not self._platform.accelerators.extended(node):
                    raise DoesNotApply(
                        f"{self._scheduler.name} does not count ResourceClaims, and no DeviceClass "
                        f"of {node.name} maps {node.extended_resource}."
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
            if now.offer == node.offer:
                return dataclasses.replace(now, mechanism=node.mechanism)
        raise NoCapacity(f"{node.name} offers no accelerators any more.")

    def _block(self, count: int) -> AcceleratorPod:
        """A pod that holds so many accelerators."""
        try:
            return self._hold(count)
        except PolicyRefused as refused:
            if self._apart or count == 1 or self._prepare().mechanism != "device-plugin":
                raise
            self._platform.evidence.fact("accelerators are asked for one by one", str(refused))
        self._apart = True
        self._release(self._placed[-1])
        return self._hold(count)

    def _hold(self, count: int) -> AcceleratorPod:
        blocker = self._platform.workspaces.place_on(
            self._prepare(),
            "gang_scheduling/blocker",
            name=f"blocker-{next(self._numbers)}",  # its claim template cannot be changed later
            as_member=self._outside_gang,
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

    def _outside_gang(self, pod: Object) -> Object:
        resource = self._prepare().extended_resource
        return self._scheduler.outside_gang(one_each(pod, resource) if self._apart else pod)

    def _gather(self, names: Sequence[str], size: int, *, single: bool) -> list[Gang]:
        """Gangs whose members are created in turns, the first of each, then the second of each.

        Args:
            single: only the first member of each asks for an accelerator.
        """
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
                gang.members.append(self._member(group, number, single=single))
        return gangs

    def _member(self, group: Group, number: int, *, single: bool) -> AcceleratorPod:
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
        # Another scheduler, set by a webhook for all pods, knows nothing of this product's gangs.
        member.see_that_it_is_as_sent(also=["schedulerName"])
        return member

    def _recorder(self, title: str, *gangs: Gang) -> GangRecorder:
        return GangRecorder(
            title,
            gangs,
            self._platform.waiter,
            namespace=self._platform.workspaces.at().namespace,
        )

    def _start(self, gang: Gang, recorder: GangRecorder) -> Served:
        """Wait until all members are bound and run."""

        def expired() -> None:
            now = self._look(self._prepare())
            if stranded := self._claims.stranded():
                raise WaitTimeout(f"{gang.name} finds no room. {'; '.join(stranded)}")
            if now.free + self._held([gang]) < gang.accelerators:
                raise NoCapacity(f"Others hold what {gang.name} needs: {now}.")
            self._refuse_if_kept([gang])

        recorder.until_all_bound(gang, expired=expired)
        members = gang.with_accelerators
        return Served(
            gang=gang.name,
            members=len(gang.members),
            mismatches=tuple(told for member in members for told in member.mismatches()),
            held_twice=tuple(self._held_twice(members)),
            running=sum(bool(member.running) for member in gang.members),
        )

    def _complete(self, served: Served, gang: Gang, recorder: GangRecorder) -> Served:
        """Tell every member to end, and wait until all have."""
        for member in gang.members:
            member.pod.run("sh", "-c", "kill -TERM 1")
        if why := recorder.until_all_succeeded(gang):
            for member in gang.members:
                member.pod.see_that_it_is_ours()
        return dataclasses.replace(served, completed=recorder.completed(gang), incomplete=why)

    def _held_twice(self, members: Sequence[AcceleratorPod]) -> list[str]:
        """Devices that two members hold; units of one and the same are shown, and right."""
        found: list[str] = []
        seen: dict[str, str] = {}
        for member in members:
            for identity in map(member.on.known_as, member.held()):
                if identity in seen and (why := member.why_shared(identity)):
                    both = f"its units went to {seen[identity]} and {member}"
                    self._platform.evidence.fact(f"{identity} is shared", f"{both}: {why}")
                elif identity in seen:
                    found.append(f"{seen[identity]} and {member} both hold {identity}")
                seen[identity] = str(member)
        return found

    def _one_after_the_other(
        self, rivals: Sequence[Gang], recorder: GangRecorder, room: int
    ) -> Rivals:
        try:
            first = recorder.until_one_bound(rivals)
        except WaitTimeout as error:
            now = self._look(self._prepare())
            if now.free + self._held(rivals) < rivals[0].accelerators:
                raise NoCapacity(f"Others hold what {rivals[0].name} needs: {now}.") from error
            self._refuse_if_kept(rivals)
            return Rivals(deadlock=f"{error}\n  {'; '.join(self._said.messages(*rivals))}")
        second = next(gang for gang in rivals if gang is not first)
        started = self._start(first, recorder)
        recorder.look()  # at the last moment at which the first has the room
        if beside := recorder.bound_members(second):
            self._refuse_if_others_left(room, *rivals)
        served = self._complete(started, first, recorder)
        self._end(first)
        recorder.mark(f"{first.name} is gone")
        then = self._complete(self._start(second, recorder), second, recorder)
        return Rivals(served=(served, then), beside=tuple(beside))

    def _refuse_if_others_left(self, room: int, *gangs: Gang) -> None:
        now, held = self._look(self._prepare()), self._held(gangs)
        if now.free + held > room:
            raise Inconclusive(
                f"Others gave back accelerators of {now.name} meanwhile: {now.free + held} were "
                f"to be had, and not {room}.",
                hint="Run it again when nobody else uses this node, or see --aicr-nodes.",
            )

    def _refuse_if_kept(self, gangs: Sequence[Gang], *, every: bool = False) -> None:
        """Raise where nodes or a policy keep members waiting, which tells nothing of a scheduler.

        Args:
            every: only where all members wait for that, so that no scheduler could have bound any.
        """
        members = [member for gang in gangs for member in gang.with_accelerators]
        waiting = [m.pod for m in members if not pod_state.node_of(m.pod.object())]
        found = [(pod, pod.whose_pending_now()) for pod in waiting]
        kept = [(pod, finding) for pod, finding in found if responsibility.is_of_nodes(finding)]
        if kept and (len(kept) == len(found) or not every):
            pod, finding = kept[0]
            raise finding.excuse(f"{pod} waits, whatever schedules it")

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


def gang_trials(
    solutions: Solutions[GangScheduler], platform: "Platform", steps: "Steps[GangTrial]"
) -> Trials[GangTrial]:
    """The experiments with every installed gang scheduler, until one passes them all.

    Raises:
        NoCapacity: no node has an accelerator to give.
    """
    node = reserve_node(platform)
    return Trials(
        solutions,
        lambda candidate: GangTrial(candidate.solution, platform, node),
        tuple(steps),
        leave=GangTrial.clear,
    )
