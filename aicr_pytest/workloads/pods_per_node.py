"""The same actor on every looked-at accelerator node; checks speak of all of them at once."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from aicr_pytest.accelerators import each_device, reaching
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.probe import View
from aicr_pytest.accelerators.units import comparable
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiUnreachable,
    DoesNotApply,
    Inconclusive,
    NoCapacity,
    NotAllowed,
    ProbeFailed,
)

T = TypeVar("T")

_OF_ALL = (AccessDenied, ApiUnreachable, NotAllowed)
"""What is no matter of one node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCreated:
    """A node on which an actor's pod could not be created."""

    on: AcceleratorNode
    """The node."""
    why: AicrError
    """What stood in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Pods that see a device of their own while others look for one."""

    majors: frozenset[int]
    """Major numbers of their devices, by which a hidden node of a neighbour is recognised."""
    twins: Mapping[tuple[str, str], AcceleratorPod]
    """The pods by what hands out their devices: ``AcceleratorNode.offer``."""


class PodsPerNode:
    """One pod of an actor per looked-at node; never empty, so that no check passes on nothing.

    What went wrong while it was created is told at its use, in each check that needs it: it says
    something of its node alone, unless it accuses the platform or is no matter of one node.
    """

    def __init__(
        self,
        actor: str,
        pods: Sequence[AcceleratorPod],
        not_created: Sequence[NotCreated] = (),
    ) -> None:
        self.actor = actor
        self._pods = tuple(pods)
        self._not_created = tuple(not_created)
        self._created = time.monotonic()

    @property
    def pods(self) -> tuple[AcceleratorPod, ...]:
        """Its pods, by node; the check at hand notes the nodes without one.

        Raises:
            AicrError: none could be created, or what stood in the way is no matter of one node.
        """
        for missing in self._not_created:
            if not self._pods or not is_of_one_node(missing.why):
                raise missing.why
        if not self._pods:
            raise ProbeFailed(f"No node is looked at with {self.actor}.")
        for missing in self._not_created:
            self._pods[0].leave_out(missing.why, missing.on.name)
        return self._pods

    def devices_not_as_granted(self, container: str = "") -> list[str]:
        """In what its containers see other than they were given."""
        return self._gather(lambda pod: pod.mismatches(container))

    def devices_not_held_one_by_one(self) -> list[str]:
        """In what containers see other than the one device that each was given, as sentences.

        Its pods hold every free device of a node at the same time, each in a container of its own.
        """
        return self.on_each_node(each_device.faults)

    def on_each_node(self, look: Callable[..., list[str]]) -> list[str]:
        """What is wrong on each node, of all its pods there at once, as sentences."""
        by_offer: dict[tuple[str, str], list[AcceleratorPod]] = {}
        for pod in self.pods:
            by_offer.setdefault(pod.on.offer, []).append(pod)
        found = _on_each([tuple(those) for those in by_offer.values()], look)
        return [sentence for sentences in found for sentence in sentences]

    def visible_devices(self, control: Control, container: str = "") -> list[str]:
        """Accelerators that its containers see though they asked for none."""
        return self._gather(
            lambda pod: pod.visible_devices(
                container, known_majors=control.majors, twin=control.twins.get(pod.on.offer)
            )
        )

    def devices_other_than(self, chosen: Callable[[AcceleratorNode], Device]) -> list[str]:
        """Where its pods see another device than the one chosen of their node, as sentences."""

        def look(pod: AcceleratorPod) -> list[str]:
            wanted, held = (chosen(pod.on).identity,), pod.tell_held()
            if pod.on.device_type and not comparable(pod.on.profile.sharing, *wanted, *held):
                held = pod.grant().identities or ()  # of parts the tool lists what they are of
            seen = ", ".join(held)
            return [] if held == wanted else [f"{pod} asked for {wanted[0]} and sees {seen}"]

        return self._gather(look)

    def devices_seen_by_one_alone(self, first: str, second: str) -> list[str]:
        """Where two containers of its pods see different devices, as sentences."""

        def look(pod: AcceleratorPod) -> list[str]:
            seen = {name: ", ".join(pod.tell_held(name)) for name in (first, second)}
            told = "; ".join(f"container {name} sees {devices}" for name, devices in seen.items())
            return [f"{pod}: {told}"] if len(set(seen.values())) > 1 else []

        return self._gather(look)

    def devices_shared_with(self, other: "PodsPerNode") -> list[str]:
        """Devices that a pod of both actors sees on one node, as sentences.

        Where one of the two gets none because every device is held, they share nothing: that it was
        refused what the other holds is the observation.

        Raises:
            DoesNotApply: each node hands out shares of devices, which several pods have.
            NoCapacity: neither holds any, or one had to come without a request.
        """

        def common(mine: AcceleratorPod, theirs: AcceleratorPod) -> list[str]:
            if mine.asks_for_nothing or theirs.asks_for_nothing:
                raise NoCapacity(f"It takes two free accelerators on one node: {mine.on}")
            held = _held_by(theirs, mine)
            mine.show_held_beside(theirs, held)
            shared = sorted(set.intersection(*held))
            if shared and all(rightly := [mine.why_shared(identity) for identity in shared]):
                raise DoesNotApply(rightly[0])
            return [f"{mine} and {theirs} both see {identity}" for identity in shared]

        return self._beside(other, common)

    def requiring_two_accelerators(self) -> "PodsPerNode":
        """The same actor, on the nodes that have two accelerators at all.

        Raises:
            DoesNotApply: each has one, so that no two can be held anywhere.
        """
        pods = [pod for pod in self.pods if pod.on.total >= 2]
        not_created = [missing for missing in self._not_created if missing.on.total >= 2]
        if not pods and not not_created:
            single = "; ".join(str(pod.on) for pod in self.pods)
            raise DoesNotApply(f"It takes two accelerators on one node: {single}")
        return self._of(pods, not_created)

    def requiring_exclusive_devices(self) -> "PodsPerNode":
        """The same actor, on the nodes that hand out what only one pod has.

        Raises:
            DoesNotApply: each hands out shares of devices.
        """
        pods = [pod for pod in self.pods if pod.on.unit != "share"]
        not_created = [missing for missing in self._not_created if missing.on.unit != "share"]
        if not pods and not not_created:
            told = "; ".join(f"{pod.on} ({pod.on.told_by})" for pod in self.pods)
            raise DoesNotApply(f"No node hands out whole devices, or parts of them: {told}")
        return self._of(pods, not_created)

    def _of(self, pods: list[AcceleratorPod], not_created: list[NotCreated]) -> "PodsPerNode":
        """The same actor on some of its nodes: a window began when its pods were created."""
        some = PodsPerNode(self.actor, pods, not_created)
        some._created = self._created
        return some

    def joined_by(self, others: "PodsPerNode") -> "PodsPerNode":
        """The same actor, on the nodes of both."""
        not_created = (*self._not_created, *others._not_created)
        return PodsPerNode(self.actor, [*self._pods, *others._pods], not_created)

    def foreign_devices_opened(self, other: "PodsPerNode") -> list[str]:
        """Devices of one actor that the other can open, in both directions, as sentences."""
        return self._beside(
            other,
            lambda mine, theirs: [
                *mine.foreign_devices_opened(theirs),
                *theirs.foreign_devices_opened(mine),
            ],
        )

    def devices_opened(self, holders: "PodsPerNode", control: Control) -> list[str]:
        """Devices of all holders on its node that its pods can open, as sentences.

        Args:
            holders: pods that hold devices, several of them on one node, perhaps.
            control: of the pods that open their own by a node made on purpose.
        """

        def look(pod: AcceleratorPod) -> list[str]:
            if (twin := control.twins.get(pod.on.offer)) is None:
                raise ProbeFailed(f"No pod on {pod.on.name} holds a device beside {pod}.")
            others = [one for one in holders.pods if one.on.offer == pod.on.offer]
            return reaching.devices_opened(pod, twin, others)

        return self._gather(look)

    def own_devices_opened_from(self, container: str) -> list[str]:
        """Devices of its pods that a container of theirs can open which was given none."""
        return self._gather(lambda pod: pod.foreign_devices_opened(pod, container))

    def access_without_allocation(self) -> list[str]:
        """Granted devices that Kubernetes has not on its books, as sentences."""
        return self._gather(lambda pod: pod.unallocated_access())

    def devices_allocated(self) -> list[str]:
        """Devices that its claims hold, as sentences."""
        return self._gather(lambda pod: pod.allocated())

    def release(self) -> list[float]:
        """Delete its pods and wait until their devices are free; seconds that each took.

        One that others took away before is left out.
        """
        return _on_each([(pod,) for pod in self._pods], lambda pod: pod.release())

    def stay_pending(self, seconds: float) -> list[str]:
        """The scheduler's reason for each pod, after the whole window without a node.

        The window began when the pods were created.
        """
        left = max(0.0, seconds - (time.monotonic() - self._created))
        return _on_each([(pod,) for pod in self.pods], lambda pod: pod.stays_pending(left))

    @contextmanager
    def positive_control(self) -> Iterator[Control]:
        """The positive twin of a negative: its pods see a device before and after the look.

        Yields:
            The twins with their devices.
        """
        majors = self._positive("before")
        yield Control(majors=majors, twins={pod.on.offer: pod for pod in self.pods})
        self._positive("after")

    def _positive(self, when: str) -> frozenset[int]:
        def look(pod: AcceleratorPod) -> View:
            view = pod.look_again()
            if not view.reachable:
                raise ProbeFailed(
                    f"{pod} holds an accelerator and sees none {when} the look, so a neighbour "
                    "that sees none proves nothing."
                )
            return view

        views = _on_each([(pod,) for pod in self.pods], look)
        return frozenset(node.major for view in views for node in view.reachable)

    def _gather(self, look: Callable[[AcceleratorPod], list[str]]) -> list[str]:
        return [
            sentence for found in _on_each([(p,) for p in self.pods], look) for sentence in found
        ]

    def _beside(
        self, other: "PodsPerNode", look: Callable[[AcceleratorPod, AcceleratorPod], list[str]]
    ) -> list[str]:
        theirs = {pod.on.offer: pod for pod in other.pods}
        pairs = [(pod, theirs[pod.on.offer]) for pod in self.pods if pod.on.offer in theirs]
        if not pairs:
            raise next(missing.why for missing in (*self._not_created, *other._not_created))
        return [sentence for sentences in _on_each(pairs, look) for sentence in sentences]


def is_of_one_node(error: AicrError) -> bool:
    """Whether an error says something of one node, and the others can be judged."""
    return isinstance(error, Inconclusive) and not isinstance(error, _OF_ALL)


def _on_each(pods: Sequence[tuple[AcceleratorPod, ...]], look: Callable[..., T]) -> list[T]:
    """What is seen on each node; one that cannot be looked at says so of itself alone.

    Raises:
        DoesNotApply: on no node it applies.
        Inconclusive: no other node can be looked at, or it is no matter of one node.
    """

    def attempt(those: tuple[AcceleratorPod, ...]) -> T | Inconclusive | DoesNotApply:
        try:
            return look(*those)
        except DoesNotApply as error:
            return error
        except Inconclusive as error:
            if not is_of_one_node(error):
                raise
            return error

    if len(pods) <= 1:
        return [look(*those) for those in pods]
    with ThreadPoolExecutor(max_workers=8) as threads:
        came = list(threads.map(attempt, pods))
    seen: list[T] = []
    blind: list[tuple[AcceleratorPod, Inconclusive | DoesNotApply]] = []
    for those, one in zip(pods, came, strict=True):
        if isinstance(one, Inconclusive | DoesNotApply):
            blind.append((those[0], one))
        else:
            seen.append(one)
    if not seen:
        errors = [error for _, error in blind]
        raise next((one for one in errors if isinstance(one, Inconclusive)), errors[0])
    for pod, error in blind:
        pod.leave_out(error)
    return seen


def _held_by(*pods: AcceleratorPod) -> list[set[str]]:
    """What each pod sees; nothing for one that was refused while another holds something."""
    held: list[set[str]] = []
    refusals = []
    for pod in pods:
        try:
            held.append(set(pod.held()))
        except NoCapacity as refusal:
            if not refusal.held:
                raise  # what the node lacks otherwise is no refusal of a device
            refusals.append(refusal)
            held.append(set())
    if len(refusals) == len(pods):
        raise refusals[0]
    return held
