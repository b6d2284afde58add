"""Who asked for nothing reaches for every device that others hold on its node.

That a device stands in no ``/dev`` of theirs says nothing of the device cgroup: a node made on
purpose does. Beside a twin that opens its own device so, a refusal is an observation.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators import sights
from aicr_pytest.accelerators.probe import DeviceNode
from aicr_pytest.errors import Inconclusive, ProbeFailed

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod


def devices_opened(
    pod: "AcceleratorPod", twin: "AcceleratorPod", holders: Sequence["AcceleratorPod"]
) -> list[str]:
    """Devices of pods on its node that a pod without a request can open, as sentences.

    Args:
        pod: who reaches.
        twin: a pod that opens its own device by a node made with mknod.
        holders: whose devices are reached for; of one that cannot be looked into nothing is said.

    Raises:
        ProbeFailed: the twin cannot open its own device so.
    """
    held = _held(pod, [twin, *holders])
    if not _can_be_tried(twin):
        return []
    attempts = pod.reach_all([node for _, node in held], "the devices of others")
    rows, found = [], []
    for (whose, node), attempt in zip(held, attempts, strict=True):
        seen = "opened" if attempt.reached else "denied"
        rows.append(pod.looker().sight(node, "denied", seen, attempt.told))
        if attempt.reached:
            found.append(
                f"{pod} asked for nothing and can open {node.path} of {whose} by mknod "
                f"{node.major}:{node.minor} ({attempt})"
            )
    sights.show(pod.evidence, rows)
    return found


def _held(
    pod: "AcceleratorPod", holders: Iterable["AcceleratorPod"]
) -> list[tuple["AcceleratorPod", DeviceNode]]:
    """Whose each device is that pods hold, once each."""
    found: dict[tuple[int, int], tuple[AcceleratorPod, DeviceNode]] = {}
    for holder in holders:
        try:
            for container in holder.asking_containers():
                for node in holder.view(container).reachable:
                    found.setdefault(node.numbers, (holder, node))
        except Inconclusive as error:
            where = f"devices of pod {holder.pod.name} on {holder.on.name}"
            pod.evidence.not_looked_at(where, str(error))
    return list(found.values())


def _can_be_tried(twin: "AcceleratorPod") -> bool:
    """Whether a node that is made on purpose tells anything here.

    Raises:
        ProbeFailed: not even the holder of a device opens it so.
    """
    own = twin.view().reachable
    if not own:
        raise ProbeFailed(f"{twin} holds an accelerator and sees none: nothing to reach for.")
    attempt = twin.reach(own[0], "its own device")
    if attempt.mknod_refused:
        told = f"refused: {attempt.message}; what is visible decides"
        twin.evidence.fact("mknod", told)
        return False
    if attempt.refused:
        raise ProbeFailed(
            f"{twin} cannot open its own {own[0].path} by a node made with mknod "
            f"({attempt.message}), so that a refusal elsewhere proves nothing."
        )
    return True
