"""What a DRA driver publishes, what it should publish, and whether something hides it. Pure."""

import re
from collections.abc import Sequence
from fnmatch import fnmatch

from aicr_pytest.accelerators.device_classes import selects
from aicr_pytest.accelerators.devices import (
    attribute,
    identity_of,
    newest_slices,
    published,
    slices_by_node,
)
from aicr_pytest.accelerators.nodes import allocatable, is_ready, labels_of, pool_label
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.units import counted, devices_told
from aicr_pytest.cluster.kinds import Object


def pool_faults(
    profile: Profile,
    nodes: Sequence[Object],
    slices: Sequence[Object],
    pods: Sequence[Object] = (),
) -> list[str]:
    """What is wrong with what the profile's driver publishes, as sentences.

    Looked for: pools without all slices of their newest generation, devices without the vendor's
    attributes, one identity twice, Ready nodes that publish nothing though others of the same kind
    do, or though something on them says that they should, and devices that are offered twice.
    """
    newest = newest_slices(slices, profile.driver)
    return [
        *_incomplete(newest),
        *_ill_described(profile, newest),
        *_silent_nodes(profile, nodes, newest, pods),
        *_offered_twice(profile, nodes, newest),
    ]


def driver_signs(
    profile: Profile,
    *,
    nodes: Sequence[Object],
    slices: Sequence[Object],
    classes: Sequence[Object],
    pods: Sequence[Object],
) -> list[str]:
    """What shows that the profile's DRA driver is there, or is meant to be, as sentences."""
    own = newest_slices(slices, profile.driver)
    devices = sum(len(item["spec"].get("devices") or ()) for item in own)
    named = [one["metadata"]["name"] for one in classes if selects(one, profile.driver)]
    meant = [
        node["metadata"]["name"]
        for node in nodes
        if any(_is_labelled(node, label) for label in profile.driver_labels)
    ]
    return [
        *([f"{len(own)} ResourceSlices of {profile.driver} hold {devices} devices"] if own else ()),
        *([f"DeviceClass {', '.join(named)} is for {profile.driver}"] if named else ()),
        *(f"pod {_name(pod)} is its driver" for pod in pods if _is_driver(profile, pod)),
        *(f"node {name} is labelled for its driver" for name in meant),
    ]


def _incomplete(newest: Sequence[Object]) -> list[str]:
    count: dict[tuple[str, int, int], int] = {}
    for item in newest:
        pool = item["spec"]["pool"]
        key = (pool["name"], pool["generation"], pool["resourceSliceCount"])
        count[key] = count.get(key, 0) + 1
    return [
        f"pool {name} of generation {generation} has {there} of {wanted} ResourceSlices"
        for (name, generation, wanted), there in sorted(count.items())
        if there != wanted
    ]


def _ill_described(profile: Profile, newest: Sequence[Object]) -> list[str]:
    found = []
    seen: dict[tuple[str, str], str] = {}
    name, value = profile.type_attribute
    for item in newest:
        among = "" if profile.identity_is_global else item["spec"].get("nodeName", "")
        for device in item["spec"].get("devices") or ():
            if attribute(device, name, profile.driver) != value:
                continue
            where = f"{item['spec']['pool']['name']}/{device['name']}"
            lacking = [
                expected
                for expected in profile.expected_attributes
                if not attribute(device, expected, profile.driver)
            ]
            if lacking:
                found.append(f"device {where} lacks {', '.join(lacking)}")
            identity = identity_of(profile, device)[1]
            if identity and (among, identity) in seen:
                found.append(f"devices {seen[among, identity]} and {where} are both {identity}")
            seen[among, identity] = where
    return found


def _silent_nodes(
    profile: Profile, nodes: Sequence[Object], newest: Sequence[Object], pods: Sequence[Object]
) -> list[str]:
    publishing = {item["spec"].get("nodeName") for item in newest}
    # Where those that publish say that they have them, a node that does not say so has none.
    kinds = {
        _hardware(node): pool_label(node)
        for node in nodes
        if node["metadata"]["name"] in publishing and not _presence(profile, node)
    }
    drivers = {p["spec"].get("nodeName"): _name(p) for p in pods if _is_driver(profile, p)}
    found = []
    for node in nodes:
        name = node["metadata"]["name"]
        if name in publishing or not is_ready(node):
            continue
        if name in drivers:
            found.append(f"node {name} publishes nothing, though its driver is pod {drivers[name]}")
        elif any(_is_of(profile, resource) for resource in allocatable(node)):
            continue  # a device plugin offers them, or they are for virtual machines
        elif (hardware := _hardware(node)) and hardware in kinds:
            found.append(f"node {name} publishes nothing, though others with {kinds[hardware]} do")
        elif publishing and (label := _presence(profile, node)):
            found.append(f"node {name} publishes nothing, though it says {label}")
    return found


def _is_of(profile: Profile, resource: str) -> bool:
    return resource.partition("/")[0] == profile.extended_resource.partition("/")[0]


def _presence(profile: Profile, node: Object) -> str:
    """The label that says that a node has such accelerators; empty where none does."""
    told = (f"{key}={value}" for key, value in sorted(labels_of(node).items()))
    return next((one for one in told if any(fnmatch(one, p) for p in profile.presence_labels)), "")


_ANY_MACHINE = re.compile(r"k3s|rke2|harvester|metal|vsphere-vm\..*")
"""Instance types that a distribution gives to every node, whatever it has."""


def _hardware(node: Object) -> tuple[str, ...]:
    """What nodes with the same accelerators have in common; empty where no label tells."""
    instance = labels_of(node).get("node.kubernetes.io/instance-type", "")
    if _ANY_MACHINE.fullmatch(instance):
        instance = ""
    label = pool_label(node)
    own = "" if _ANY_MACHINE.fullmatch(label.partition("=")[2]) else label
    # A pool may mix machines: its nodes are alike where they are of one type, too.
    return (own, instance) if own else ()


def _offered_twice(
    profile: Profile, nodes: Sequence[Object], newest: Sequence[Object]
) -> list[str]:
    """Nodes of which a device plugin counts what the DRA driver publishes, too."""
    found = []
    published_on = slices_by_node(newest)
    for node in nodes:
        name = node["metadata"]["name"]
        by_claim = len(published(profile, name, published_on.get(name, ())))
        own = counted(profile.extended_resource, profile.sharing, node)
        by_count = -(-own[0].count // own[0].per_device) if own else 0
        there = devices_told(profile.sharing, node)
        # Where nothing tells how many there are, as many of both are the same ones.
        twice = by_claim + by_count > there if there else by_claim == by_count
        if by_claim and by_count and twice:
            found.append(
                f"node {name} offers devices twice: {by_claim} by ResourceSlices and {by_count} by "
                f"{own[0].resource}" + (f", of {there} that it has" if there else "")
            )
    return found


def _is_labelled(node: Object, label: str) -> bool:
    key, _, value = label.partition("=")
    return labels_of(node).get(key) == value


def _is_driver(profile: Profile, pod: Object) -> bool:
    """Whether a pod runs the profile's DRA driver on a node."""
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return False
    told = [
        " ".join(map(str, (one.get("image", ""), *one.get("command", ()), *one.get("args", ()))))
        for one in pod["spec"].get("containers", ())
    ]
    return any(word in text for word in profile.driver_programs for text in told)


def _name(pod: Object) -> str:
    return f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
