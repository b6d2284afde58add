"""What accelerators the cluster offers: nodes, devices, mechanism, and what is free right now.

A node may offer by two mechanisms: what publishes slices is asked for by claims, what is counted by
requests, and neither hides the other. Pure functions of objects that the API server returned;
nothing here asks the cluster.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aicr_pytest.accelerators import nodes as node_facts
from aicr_pytest.accelerators.cel import of_type
from aicr_pytest.accelerators.device_classes import class_for
from aicr_pytest.accelerators.devices import (
    Device,
    devices_of,
    newest_slices,
    published,
    slices_by_node,
    tainted,
)
from aicr_pytest.accelerators.holdings import Holdings
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.room import has_room
from aicr_pytest.accelerators.units import Unit, Units, counted, measured_parts
from aicr_pytest.cluster import pod_requests
from aicr_pytest.cluster.kinds import Object

Mechanism = Literal["dra", "extended-resource", "device-plugin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorNode:
    """A node that offers accelerators of one profile by one mechanism."""

    name: str
    profile: Profile
    mechanism: Mechanism
    device_class: str
    """DeviceClass to ask by; empty for the device plugin."""
    pool_label: str
    """``label=value`` that tells its node pool; empty where no known label is set."""
    model: str
    ready: bool
    schedulable: bool
    """Neither cordoned nor tainted by what its state is."""
    taints: tuple[tuple[str, str, str], ...]
    """(key, value, effect), those of the node controller left out."""
    devices: tuple[Device, ...]
    """From complete and incomplete pools; empty for the device plugin."""
    unallocated: tuple[Device, ...]
    """Those of ``devices`` that no claim held at the time of the look."""
    total: int
    free: int
    """How many nobody held at the time of the look."""
    capacity: int = 0
    """How many are free once our own checks have given back what they hold."""
    units_per_device: int = 1
    """More than one where devices are shared (time-slicing), and it is told by how many."""
    unit: Unit = "device"
    """What is handed out: whole devices, exclusive parts, or shares of devices."""
    told_by: str = ""
    """What tells the unit; empty where nothing does, which is no sign of whole devices."""
    device_type: str = ""
    """Value of the profile's type attribute that is asked for; empty: that of whole devices."""
    resource: str = ""
    """Extended resource to ask by; empty: the vendor's own name for a device."""
    parts: int = 0
    """How many exclusive parts of devices it hands out, in place of whole ones or beside them."""
    beside: tuple[str, ...] = ()
    """What else the node offers of this vendor and nobody looks at, as sentences."""
    hindrance: str = ""
    """Why nothing of ours can be placed on it; empty where it can."""
    has_room: bool = True
    """Whether it has CPU, memory and pod slots for a few pods of ours."""
    left_out: tuple[str, ...] = ()
    """Devices that are published and cannot be had, each with the taint that keeps them."""

    @property
    def offer(self) -> tuple[str, str]:
        """What tells it from what the same node offers by another mechanism."""
        return (self.name, "counts" if self.mechanism == "device-plugin" else "claims")

    @property
    def whole_devices(self) -> int:
        """How many devices it has, whatever it hands out of them; at least one where none tells."""
        if self.unit == "device" or self.units_per_device > 1:
            return self.total // self.units_per_device
        return min(1, self.total)

    @property
    def selector(self) -> str:
        """The CEL expression that the devices satisfy which are counted here, and no others."""
        return of_type(self.profile, self.device_type)

    @property
    def extended_resource(self) -> str:
        """The extended resource to ask by."""
        return self.resource or self.profile.extended_resource

    @property
    def kind(self) -> tuple[str, str, Mechanism]:
        """Nodes that agree in this are looked at once."""
        return (self.pool_label, self.model, self.mechanism)

    def known_as(self, identity: str) -> str:
        """What tells a device of this node from those of all nodes."""
        return identity if self.profile.identity_is_global else f"{identity} of {self.name}"

    def __str__(self) -> str:
        what = f"{self.total} x {self.model or self.profile.vendor}"
        units = "" if self.unit == "device" else f" ({self.unit}s)"
        return f"{self.name}: {what}{units}, {self.free} free, by {self.mechanism}"


def list_accelerator_nodes(
    profile: Profile,
    *,
    nodes: Iterable[Object],
    slices: Sequence[Object],
    claims: Sequence[Object],
    classes: Sequence[Object],
    pods: Sequence[Object],
    allocation: str = "auto",
    ours: Collection[str] = (),
) -> list[AcceleratorNode]:
    """Every node that offers accelerators of a profile, by name; once by each mechanism.

    Args:
        ours: namespaces of our own checks, of this run and of others.
        allocation: ``auto``, or the one mechanism that the user wants to be used.
    """
    others = [claim for claim in claims if claim["metadata"]["namespace"] not in ours]
    held, theirs = (Holdings(profile.driver, slices, those) for those in (claims, others))
    # By node, once: to go through all pods for each of thousands of nodes takes minutes.
    published_on = slices_by_node(newest_slices(slices, profile.driver))
    pods_on: dict[str, list[Object]] = {}
    for pod in pods:
        pods_on.setdefault(pod_requests.node_of(pod), []).append(pod)
    stock: list[AcceleratorNode] = []
    for node in sorted(nodes, key=lambda item: str(item["metadata"]["name"])):
        name = node["metadata"]["name"]
        there, own = pods_on.get(name, ()), published_on.get(name, ())
        foreign = [pod for pod in there if pod["metadata"].get("namespace") not in ours]
        facts = _facts(node, foreign, profile)
        if allocation != "device-plugin":
            by: Mechanism = "extended-resource" if allocation == "extended-resource" else "dra"
            stock += _by_claims(profile, facts, by, own, classes, held=held, theirs=theirs)
        if allocation in ("auto", "device-plugin"):
            stock += _by_counts(profile, facts, node, own, pods=there, foreign=foreign)
    return stock


def _facts(node: Object, pods: Sequence[Object], profile: Profile) -> Mapping[str, Any]:
    """Fields that an offer has from its node, whatever it is."""
    ready, kept_from = node_facts.is_ready(node), node_facts.kept_from(node)
    labels = node_facts.labels_of(node)
    return {
        "name": node["metadata"]["name"],
        "profile": profile,
        "pool_label": node_facts.pool_label(node),
        "model": next((labels[one] for one in profile.model_labels if labels.get(one)), ""),
        "ready": ready,
        "schedulable": not kept_from,
        "hindrance": ", ".join([*([] if ready else ["not Ready"]), *kept_from]),
        # Our own pods leave when it is the next one's turn.
        "has_room": has_room(node, pods),
        "taints": node_facts.own_taints(node),
    }


def _by_claims(
    profile: Profile,
    facts: Mapping[str, Any],
    mechanism: Mechanism,
    slices: Sequence[Object],
    classes: Sequence[Object],
    *,
    held: Holdings,
    theirs: Holdings,
) -> Iterator[AcceleratorNode]:
    """What a node publishes: whole devices, or parts where it has no whole ones."""
    name = facts["name"]
    for kind in (profile.type_attribute[1], *profile.part_types):
        if devices := devices_of(profile, name, slices, (kind,)):
            break
    else:
        return
    whole = kind == profile.type_attribute[1]
    part = None if whole else published(profile, name, slices, (kind,))[0][1]
    shared = [device.name for device in devices if device.shared]
    parts = sum(len(devices_of(profile, name, slices, (one,))) for one in profile.part_types)
    unallocated = tuple(device for device in devices if held.leave(device))
    seen_by = facts if whole else {**facts, "profile": _listing_parts(profile)}
    yield AcceleratorNode(
        **{**seen_by, "model": devices[0].model or facts["model"]},
        mechanism=mechanism,
        device_class=class_for(
            profile, classes, extended=mechanism == "extended-resource", part=part
        ),
        left_out=tainted(profile, name, slices),
        devices=devices,
        unallocated=unallocated,
        total=len(devices),
        free=len(unallocated),
        capacity=sum(theirs.leave(device) for device in devices),
        unit="share" if shared else "device" if whole else "partition",
        told_by=f"allowMultipleAllocations of {', '.join(shared)}" if shared else "ResourceSlices",
        device_type="" if whole else kind,
        parts=parts,
        beside=(f"{parts} parts of devices are published, too",) if whole and parts else (),
    )


def _by_counts(
    profile: Profile,
    facts: Mapping[str, Any],
    node: Object,
    slices: Sequence[Object],
    *,
    pods: Sequence[Object],
    foreign: Sequence[Object],
) -> Iterator[AcceleratorNode]:
    """What a node's device plugin counts: the first of its resources, which others do not hide.

    Args:
        pods: those of the node.
        foreign: of these, what is not ours.
    """
    units = counted(profile.extended_resource, profile.sharing, node)
    if not units:
        return
    own, *others = units
    taken, taken_by_others = (
        sum(int(pod_requests.requested(pod, own.resource)) for pod in those)
        for those in (pods, foreign)
    )
    devices = devices_of(profile, facts["name"], slices)
    seen_by = {**facts, "profile": _listing_parts(profile)} if own.unit == "partition" else facts
    yield AcceleratorNode(
        **{**seen_by, "model": devices[0].model if devices else facts["model"]},
        mechanism="device-plugin",
        device_class="",
        devices=(),
        unallocated=(),
        total=own.count,
        free=max(0, own.count - taken),
        capacity=max(0, own.count - taken_by_others),
        units_per_device=own.per_device,
        unit=own.unit,
        told_by=own.told_by,
        resource=own.resource,
        parts=measured_parts(units, profile.sharing),
        beside=tuple(map(_not_looked_at, others)),
    )


def _listing_parts(profile: Profile) -> Profile:
    """The profile of a node that hands out parts: its tool is asked for these."""
    arguments = profile.part_list_arguments or profile.list_arguments
    return dataclasses.replace(profile, list_arguments=arguments)


def _not_looked_at(units: Units) -> str:
    return f"{units.count} {units.resource} are allocatable, too"


def representatives(
    stock: Sequence[AcceleratorNode], preferred: Collection[str] = ()
) -> list[AcceleratorNode]:
    """One node of each kind: the usable one on which others hold least, the first among equals.

    One that has no room for pods of ours is taken only where there is no other of its kind.

    Args:
        preferred: names of nodes that are taken where they have room, whatever others hold.
    """

    def rank(node: AcceleratorNode) -> tuple[bool, bool, int]:
        return node.has_room, node.name in preferred, node.capacity

    chosen: dict[tuple[str, str, Mechanism], AcceleratorNode] = {}
    for node in stock:
        best = chosen.get(node.kind)
        if not node.hindrance and (best is None or rank(node) > rank(best)):
            chosen[node.kind] = node
    return list(chosen.values())


_MOST_ALTERNATIVES = 4


def alternatives(
    stock: Sequence[AcceleratorNode], chosen: Sequence[AcceleratorNode]
) -> list[list[AcceleratorNode]]:
    """The chosen nodes, and others of the same kinds that are as good in their place; a few.

    A node that offers by both mechanisms gives its place to one that does so, too.
    """

    def equals(one: AcceleratorNode) -> list[AcceleratorNode]:
        alike = (one.has_room, one.capacity, one.total)
        return [one] + [
            other
            for other in stock
            if other.kind == one.kind
            and other.name != one.name
            and not other.hindrance
            and (other.has_room, other.capacity, other.total) == alike
        ]

    groups = [equals(one) for one in chosen]
    count = min(_MOST_ALTERNATIVES, max(map(len, groups), default=0))
    return [[group[number % len(group)] for group in groups] for number in range(count)]


def one_offer_each(stock: Sequence[AcceleratorNode]) -> list[AcceleratorNode]:
    """Each node once, with what it publishes where it offers by both mechanisms."""
    nodes: dict[str, AcceleratorNode] = {}
    for node in stock:
        nodes.setdefault(node.name, node)  # what is published comes first
    return list(nodes.values())
