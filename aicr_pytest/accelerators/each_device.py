"""Every free device of a node at once, each in a container of its own: who has which.

Devices of which none was ever handed out prove nothing, and of several in one container nobody can
tell which is which: two whose identities are swapped pass as a set.
"""

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from aicr_pytest.accelerators import sights
from aicr_pytest.accelerators.grants import Grant
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.probe import View
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.errors import Inconclusive, NoCapacity, PolicyRefused

if TYPE_CHECKING:
    from aicr_pytest.accelerators.pods import AcceleratorPod

_AT_MOST = 16
"""Containers of one pod: kubelet starts them one after the other."""


def free_devices(node: AcceleratorNode) -> int:
    """How many can be held at once, one by one; of shares of devices one is enough.

    What only the scheduler can tell of is left out: a pod that waits for it proves nothing.
    """
    if node.unit == "share":
        return min(1, node.free)
    return sum(not device.doubt for device in node.unallocated) if node.devices else node.free


def per_pod(count: int) -> list[int]:
    """So many containers, as numbers per pod."""
    whole, left = divmod(count, _AT_MOST)
    return [_AT_MOST] * whole + ([left] if left else [])


def with_container_per_device(pod: Object, count: int) -> Object:
    """A pod of one container, with so many of them: each asks for what that one asks for."""
    pod = copy.deepcopy(pod)
    (one,) = pod["spec"]["containers"]
    pod["spec"]["containers"] = [
        {**copy.deepcopy(one), "name": f"{one['name']}-{number}"} for number in range(count)
    ]
    return pod


def faults(*pods: "AcceleratorPod") -> list[str]:
    """In what containers of pods on one node see other than the one device that each was given.

    Raises:
        Inconclusive: nothing is wrong with those that can be looked into, and of some it cannot be
            seen.
    """
    running = started(pods)
    looks, blind = _looks(running)
    sights.show_each(
        running[0].evidence,
        [(_named(pod, name), grant, view.listed) for pod, name, grant, view in looks],
        node=running[0].on.name,
        source="; ".join(f"probe in pod {pod.pod.namespace}/{pod.pod.name}" for pod in running),
    )
    tell_what_is_left_out(running, len(looks) + len(blind))
    found: list[str] = []
    judges = [partial(pod.judge, name, grant, view) for pod, name, grant, view in looks]
    for judge in (*judges, partial(_seen_twice, looks)):
        try:
            found += judge()
        except Inconclusive as error:
            blind.append(error)
    if blind and not found:
        raise blind[0]
    return found


def started(pods: Sequence["AcceleratorPod"]) -> list["AcceleratorPod"]:
    """Those that run; what a policy or want of room keeps from it is left out, and told.

    A quota of few devices, or a topology manager that places no pod across sockets, lets some of
    them be looked at.

    Raises:
        Inconclusive: none runs, or one does not for another reason.
    """
    found: list[AcceleratorPod] = []
    kept_out: list[Inconclusive] = []
    for pod in pods:
        try:
            assert pod.running
            found.append(pod)
        except (NoCapacity, PolicyRefused) as error:
            kept_out.append(error)
    if not found:
        raise kept_out[0]
    for why in kept_out:
        found[0].leave_out(why)
    return found


_Look = tuple["AcceleratorPod", str, Grant, View]


def _looks(pods: Sequence["AcceleratorPod"]) -> tuple[list[_Look], list[Inconclusive]]:
    """What each container that asked was given, and sees; and why some tell nothing."""

    def look(pod: "AcceleratorPod", name: str) -> _Look | Inconclusive:
        try:
            return pod, name, pod.grant(name), pod.view(name)
        except Inconclusive as error:
            return error

    asking = [(pod, name) for pod in pods for name in pod.asking_containers()]
    with ThreadPoolExecutor(max_workers=8) as threads:
        came = list(threads.map(look, *zip(*asking, strict=True))) if asking else []
    blind = [one for one in came if isinstance(one, Inconclusive)]
    return [one for one in came if not isinstance(one, Inconclusive)], blind


def _seen_twice(looks: Sequence[_Look]) -> list[str]:
    """Devices that several containers see, as sentences: by identity, else by their numbers."""
    holders: dict[str, list[tuple[AcceleratorPod, str]]] = {}
    for pod, name, _, view in looks:
        numbers = (f"device {node.major}:{node.minor}" for node in view.reachable)
        for device in set(view.listed if view.told else numbers):
            holders.setdefault(device, []).append((pod, name))
    found = []
    for device, those in sorted(holders.items()):
        if len(those) < 2:
            continue
        pod, _ = those[0]
        if why := pod.why_shared(device):
            pod.evidence.fact(f"{device} in several containers", why)
            continue
        who = " and ".join(_named(*one) for one in those)
        found.append(f"{pod.on.name}: {who} both see {device}")
    return found


def tell_what_is_left_out(pods: Sequence["AcceleratorPod"], looked_at: int) -> None:
    """Note how many of a node's devices were not looked at, and why."""
    on = pods[0].on
    if looked_at >= on.total:
        return
    free = {device.key for device in on.unallocated}
    held = [device.name for device in on.devices if device.key not in free]
    doubts = [f"{device.name} {device.doubt}" for device in on.unallocated if device.doubt]
    told = [f"others hold {', '.join(held)}"] if held else []
    why = "; ".join([*told, *doubts]) or f"{on.free} were free"
    pods[0].evidence.not_looked_at(
        f"{on.total - looked_at} of {on.total} accelerators of {on.name}", why
    )


def _named(pod: "AcceleratorPod", container: str) -> str:
    return f"container {container} of pod {pod.pod.name}"
