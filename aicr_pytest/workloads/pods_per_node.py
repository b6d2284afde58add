"""The same actor on every looked-at accelerator node; checks speak of all of them at once."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.accelerators.probe import View
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
class Control:
    """Pods that see a device of their own while others look for one."""

    majors: frozenset[int]
    """Major numbers of their devices, by which a hidden node of a neighbour is recognised."""
    twins: Mapping[str, AcceleratorPod]
    """The pods by node."""


class PodsPerNode:
    """One pod of an actor per looked-at node; never empty, so that no check passes on nothing.

    What went wrong while it was created is raised at its first use, in the check that needs it.
    """

    def __init__(
        self, actor: str, pods: Sequence[AcceleratorPod], trouble: AicrError | None
    ) -> None:
        self.actor = actor
        self._pods = tuple(pods)
        self._trouble = trouble
        self._created = time.monotonic()

    @property
    def pods(self) -> tuple[AcceleratorPod, ...]:
        """Its pods, by node.

        Raises:
            AicrError: they could not be created.
        """
        if self._trouble is not None:
            raise self._trouble
        if not self._pods:
            raise ProbeFailed(f"No node is looked at with {self.actor}.")
        return self._pods

    def devices_not_as_granted(self, container: str = "") -> list[str]:
        """In what its containers see other than they were given."""
        return self._gather(lambda pod: pod.mismatches(container))

    def visible_devices(self, control: Control, container: str = "") -> list[str]:
        """Accelerators that its containers see though they asked for none."""
        return self._gather(
            lambda pod: pod.visible_devices(
                container, known_majors=control.majors, twin=control.twins.get(pod.on.name)
            )
        )

    def identities(self, container: str = "") -> list[tuple[str, ...]]:
        """What the vendor's tool lists in each pod, by node."""
        return [pod.tell_held(container) for pod in self.pods]

    def devices_shared_with(self, other: "PodsPerNode") -> list[str]:
        """Devices that a pod of both actors sees on one node, as sentences.

        Where one of the two gets none because every device is held, they share nothing: that it was
        refused what the other holds is the observation.

        Raises:
            NoCapacity: neither holds any, or one had to come without a request.
        """

        def common(mine: AcceleratorPod, theirs: AcceleratorPod) -> list[str]:
            if mine.asks_for_nothing or theirs.asks_for_nothing:
                raise NoCapacity(f"It takes two free accelerators on one node: {mine.on}")
            held = _held_by(theirs, mine)
            mine.show_held_beside(theirs, held)
            shared = sorted(set.intersection(*held))
            return [f"{mine} and {theirs} both see {identity}" for identity in shared]

        return self._beside(other, common)

    def requiring_two_accelerators(self) -> "PodsPerNode":
        """The same actor, on the nodes that have two accelerators at all.

        Raises:
            DoesNotApply: each has one, so that no two can be held anywhere.
        """
        pods = [pod for pod in self.pods if pod.on.total >= 2]
        if not pods:
            single = "; ".join(str(pod.on) for pod in self.pods)
            raise DoesNotApply(f"It takes two accelerators on one node: {single}")
        return PodsPerNode(self.actor, pods, None)

    def joined_by(self, others: "PodsPerNode") -> "PodsPerNode":
        """The same actor, on the nodes of both; an error of either is raised at its first use."""
        trouble = self._trouble or others._trouble
        return PodsPerNode(self.actor, [*self._pods, *others._pods], trouble)

    def foreign_devices_opened(self, other: "PodsPerNode") -> list[str]:
        """Devices of one actor that the other can open, in both directions, as sentences."""
        return self._beside(
            other,
            lambda mine, theirs: [
                *mine.foreign_devices_opened(theirs),
                *theirs.foreign_devices_opened(mine),
            ],
        )

    def access_without_allocation(self) -> list[str]:
        """Granted devices that Kubernetes has not on its books, as sentences."""
        return self._gather(lambda pod: pod.unallocated_access())

    def devices_allocated(self) -> list[str]:
        """Devices that its claims hold, as sentences."""
        return self._gather(lambda pod: pod.allocated())

    def release(self) -> list[float]:
        """Delete its pods and wait until their devices are free; seconds that each took."""
        return [pod.release() for pod in self._pods]

    def stay_pending(self, seconds: float) -> list[str]:
        """The scheduler's reason for each pod, after the whole window without a node.

        The window began when the pods were created.
        """
        left = max(0.0, seconds - (time.monotonic() - self._created))
        return [pod.stays_pending(left) for pod in self.pods]

    @contextmanager
    def positive_control(self) -> Iterator[Control]:
        """The positive twin of a negative: its pods see a device before and after the look.

        Yields:
            The twins with their devices.
        """
        majors = self._positive("before")
        yield Control(majors=majors, twins={pod.on.name: pod for pod in self.pods})
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
        theirs = {pod.on.name: pod for pod in other.pods}
        pairs = [(pod, theirs[pod.on.name]) for pod in self.pods]
        return [sentence for sentences in _on_each(pairs, look) for sentence in sentences]


def _on_each(pods: Sequence[tuple[AcceleratorPod, ...]], look: Callable[..., T]) -> list[T]:
    """What is seen on each node; one that cannot be looked at says so of itself alone.

    Raises:
        Inconclusive: no node can be looked at, or it is no matter of one node.
    """

    def attempt(those: tuple[AcceleratorPod, ...]) -> T | Inconclusive:
        try:
            return look(*those)
        except _OF_ALL:
            raise
        except Inconclusive as error:
            return error

    if len(pods) == 1:
        return [look(*pods[0])]
    with ThreadPoolExecutor(max_workers=8) as threads:
        came = list(threads.map(attempt, pods))
    seen: list[T] = []
    blind: list[tuple[AcceleratorPod, Inconclusive]] = []
    for those, one in zip(pods, came, strict=True):
        if isinstance(one, Inconclusive):
            blind.append((those[0], one))
        else:
            seen.append(one)
    if not seen:
        raise blind[0][1]
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
