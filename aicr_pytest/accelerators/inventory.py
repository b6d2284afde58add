"""What accelerators the cluster offers: nodes, devices, mechanism, and what is free right now.

Pure functions of objects that the API server returned; nothing here asks the cluster.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aicr_pytest.accelerators.device_taints import doubtful_taints_of, taints_of
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.room import has_room
from aicr_pytest.accelerators.state_taints import is_of_state
from aicr_pytest.cluster import pod_requests, quantities
from aicr_pytest.cluster.kinds import Object

Mechanism = Literal["dra", "extended-resource", "device-plugin"]

POOL_LABELS = (
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "node.kubernetes.io/instance-type",
)
"""Labels that tell one kind of node from another, the most telling first."""

OTHER_VENDORS = (
    "amd.com/gpu",
    "gpu.intel.com/i915",
    "gpu.intel.com/xe",
    "habana.ai/gaudi",
    "google.com/tpu",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
    "qualcomm.com/qaic",
    "huawei.com/Ascend910",
)
"""Extended resources of accelerators that no profile describes yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One whole device in a ResourceSlice."""

    driver: str
    pool: str
    name: str
    slice_name: str
    identity: str
    """Value of the profile's identity attribute; empty where the slice has none."""
    model: str
    attributes: tuple[str, ...]
    """Names of all attributes that it has."""
    in_doubt: str = ""
    """Taints that may keep it from everybody, as only the scheduler can tell; empty: none."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What an allocation names a device by."""
        return (self.driver, self.pool, self.name)


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
    """More than one where a device plugin shares devices (time-slicing)."""
    hindrance: str = ""
    """Why nothing of ours can be placed on it; empty where it can."""
    has_room: bool = True
    """Whether it has CPU, memory and pod slots for a few pods of ours."""
    left_out: tuple[str, ...] = ()
    """Devices that are published and cannot be had, each with the taint that keeps them."""

    @property
    def kind(self) -> tuple[str, str, Mechanism]:
        """Nodes that agree in this are looked at once."""
        return (self.pool_label, self.model, self.mechanism)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.total} x {self.model or self.profile.vendor}, {self.free} free, "
            f"by {self.mechanism}"
        )


def attribute(device: Object, name: str, driver: str) -> str:
    """Value of a device's attribute as text; empty where it has none."""
    attributes = device.get("attributes") or {}
    value = attributes.get(name) or attributes.get(f"{driver}/{name}") or {}
    return str(next(iter(value.values()), ""))


def newest_slices(slices: Iterable[Object], driver: str) -> list[Object]:
    """The driver's slices, of each pool only those of the newest generation."""
    own = [item for item in slices if item["spec"]["driver"] == driver]
    newest: dict[str, int] = {}
    for item in own:
        pool = item["spec"]["pool"]
        newest[pool["name"]] = max(newest.get(pool["name"], 0), pool["generation"])
    return [
        item
        for item in own
        if item["spec"]["pool"]["generation"] == newest[item["spec"]["pool"]["name"]]
    ]


def devices_of(profile: Profile, node: str, slices: Iterable[Object]) -> tuple[Device, ...]:
    """Whole devices that the profile's driver publishes for a node, in the order of their names."""
    attribute_name, value = profile.type_attribute
    return tuple(
        sorted(
            (
                Device(
                    driver=profile.driver,
                    pool=item["spec"]["pool"]["name"],
                    name=device["name"],
                    slice_name=item["metadata"]["name"],
                    identity=attribute(device, profile.identity_attribute, profile.driver),
                    model=attribute(device, profile.model_attribute, profile.driver),
                    attributes=tuple(sorted(device.get("attributes", {}))),
                    in_doubt=", ".join(doubtful_taints_of(device)),
                )
                for item in newest_slices(slices, profile.driver)
                if item["spec"].get("nodeName") == node
                for device in item["spec"].get("devices", ())
                if attribute(device, attribute_name, profile.driver) == value
                and not taints_of(device)
            ),
            key=lambda device: (len(device.name), device.name),
        )
    )


def _left_out(profile: Profile, node: str, slices: Iterable[Object]) -> tuple[str, ...]:
    name, value = profile.type_attribute
    return tuple(
        f"{device['name']} is tainted {', '.join(taints_of(device))}"
        for item in newest_slices(slices, profile.driver)
        if item["spec"].get("nodeName") == node
        for device in item["spec"].get("devices", ())
        if attribute(device, name, profile.driver) == value and taints_of(device)
    )


def allocated_devices(claims: Iterable[Object]) -> dict[tuple[str, str, str], str]:
    """Who holds what: (driver, pool, device) → ``namespace/claim``; admin access holds nothing."""
    held = {}
    for claim in claims:
        allocation = claim.get("status", {}).get("allocation") or {}
        for result in allocation.get("devices", {}).get("results", ()):
            if not result.get("adminAccess"):
                key = (result["driver"], result["pool"], result["device"])
                held[key] = f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
    return held


def class_for(profile: Profile, classes: Sequence[Object], *, extended: bool) -> str:
    """The DeviceClass to ask by: the vendor's own, else the first that selects its driver.

    Args:
        extended: only a class that maps the extended resource fits.
    """
    fitting = [
        item["metadata"]["name"]
        for item in classes
        if selects(item, profile.driver)
        and (not extended or item["spec"].get("extendedResourceName") == profile.extended_resource)
    ]
    return profile.device_class if profile.device_class in fitting else next(iter(fitting), "")


def selects(device_class: Object, driver: str) -> bool:
    """Whether devices of a driver are asked for by a DeviceClass."""
    if device_class["metadata"]["name"] == driver:
        return True  # the vendor's class by name, whatever it selects: a check must be able to see
    expressions = [
        selector.get("cel", {}).get("expression", "")
        for selector in device_class["spec"].get("selectors", ())
    ]
    return any(f"'{driver}'" in text or f'"{driver}"' in text for text in expressions)


def unknown_vendors(nodes: Iterable[Object], profiles: Iterable[Profile]) -> list[str]:
    """Extended resources of vendors that no profile describes, as ``node: resource``."""
    known = {profile.extended_resource for profile in profiles}
    return [
        f"{node['metadata']['name']}: {resource}"
        for node in nodes
        for resource, count in sorted(node.get("status", {}).get("allocatable", {}).items())
        if resource in OTHER_VENDORS and resource not in known and str(count) != "0"
    ]


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
    """Every node that offers accelerators of a profile, by name.

    Args:
        ours: namespaces of our own checks, of this run and of others.
        allocation: ``auto``, or the one mechanism that the user wants to be used.
    """
    held = allocated_devices(claims)
    others = allocated_devices(c for c in claims if c["metadata"]["namespace"] not in ours)
    foreign = [pod for pod in pods if pod["metadata"].get("namespace") not in ours]
    stock = []
    for node in sorted(nodes, key=lambda item: str(item["metadata"]["name"])):
        name = node["metadata"]["name"]
        devices = devices_of(profile, name, slices)
        counted = _allocatable(node, profile.extended_resource)
        mechanism = _mechanism(allocation, published=bool(devices), counted=counted)
        if mechanism is None:
            continue
        by_plugin = mechanism == "device-plugin"
        taken, taken_by_others = (
            sum(
                int(pod_requests.requested(pod, profile.extended_resource))
                for pod in those
                if pod_requests.node_of(pod) == name
            )
            for those in (pods, foreign)
        )
        unallocated = tuple(device for device in devices if device.key not in held)
        stock.append(
            AcceleratorNode(
                name=name,
                profile=profile,
                mechanism=mechanism,
                device_class=""
                if by_plugin
                else class_for(profile, classes, extended=mechanism == "extended-resource"),
                pool_label=_pool_label(node),
                model=devices[0].model
                if devices
                else node["metadata"].get("labels", {}).get(profile.model_label, ""),
                ready=_ready(node),
                schedulable=not _kept_from(node),
                hindrance=", ".join([*([] if _ready(node) else ["not Ready"]), *_kept_from(node)]),
                has_room=has_room(node, pods),
                left_out=() if by_plugin else _left_out(profile, name, slices),
                taints=_own_taints(node),
                devices=() if by_plugin else devices,
                unallocated=() if by_plugin else unallocated,
                total=counted if by_plugin else len(devices),
                free=max(0, counted - taken) if by_plugin else len(unallocated),
                capacity=max(0, counted - taken_by_others)
                if by_plugin
                else sum(device.key not in others for device in devices),
                units_per_device=_units_per_device(profile, node) if by_plugin else 1,
            )
        )
    return stock


def _mechanism(allocation: str, *, published: bool, counted: int) -> Mechanism | None:
    # A device plugin's count wins over slices: the scheduler itself serves from it first.
    if allocation == "device-plugin" or (allocation == "auto" and counted):
        return "device-plugin" if counted else None
    if not published:
        return None
    return "extended-resource" if allocation == "extended-resource" else "dra"


def _allocatable(node: Object, resource: str) -> int:
    told = (node.get("status") or {}).get("allocatable") or {}
    return int(quantities.number(told.get(resource)) or 0)


def _units_per_device(profile: Profile, node: Object) -> int:
    told = node["metadata"].get("labels", {}).get(profile.replicas_label, "")
    return max(1, int(told)) if told.isdigit() else 1


def _pool_label(node: Object) -> str:
    labels = node["metadata"].get("labels", {})
    return next((f"{key}={labels[key]}" for key in POOL_LABELS if key in labels), "")


def _ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _own_taints(node: Object) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (taint["key"], taint.get("value", ""), taint["effect"])
        for taint in node["spec"].get("taints") or ()
        if not is_of_state(taint["key"])
    )


def _kept_from(node: Object) -> list[str]:
    """What keeps new pods from a node, whoever they are, in the words of messages."""
    cordoned = ["cordoned"] if node["spec"].get("unschedulable") else []
    taints = [
        f"tainted {taint['key']}"
        for taint in node["spec"].get("taints") or ()
        if is_of_state(taint["key"])
        and taint["effect"] in ("NoSchedule", "NoExecute")
        and taint["key"] != "node.kubernetes.io/unschedulable"
    ]
    return cordoned + taints


def nothing_runs_on(node: Object) -> bool:
    """Whether a node is simulated, or stands for something else that runs pods.

    KWOK's pods say that they run, and nothing does; into those of a virtual kubelet nobody looks.
    """
    metadata = node["metadata"]
    taints = [taint["key"] for taint in (node.get("spec") or {}).get("taints") or ()]
    return (
        "kwok.x-k8s.io/node" in (metadata.get("annotations") or {})
        or (metadata.get("labels") or {}).get("type") == "virtual-kubelet"
        or any(key.startswith("virtual-kubelet.io/") for key in taints)
    )


def pool_faults(profile: Profile, nodes: Sequence[Object], slices: Sequence[Object]) -> list[str]:
    """What is wrong with what the profile's driver publishes, as sentences.

    Looked for: pools without all slices of their newest generation, devices without the vendor's
    attributes, one identity twice, and Ready nodes that publish nothing though others of the same
    kind do.
    """
    newest = newest_slices(slices, profile.driver)
    return [
        *_incomplete(newest),
        *_ill_described(profile, newest),
        *_silent_nodes(profile, nodes, newest),
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
    seen: dict[str, str] = {}
    name, value = profile.type_attribute
    for item in newest:
        for device in item["spec"].get("devices", ()):
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
            identity = attribute(device, profile.identity_attribute, profile.driver)
            if identity and identity in seen:
                found.append(f"devices {seen[identity]} and {where} are both {identity}")
            seen[identity] = where
    return found


def _silent_nodes(profile: Profile, nodes: Sequence[Object], newest: Sequence[Object]) -> list[str]:
    publishing = {item["spec"].get("nodeName") for item in newest}
    kinds = {_hardware(n) for n in nodes if n["metadata"]["name"] in publishing} - {()}
    return [
        f"node {node['metadata']['name']} publishes nothing, though others with "
        f"{_pool_label(node)} do"
        for node in nodes
        if node["metadata"]["name"] not in publishing
        and _hardware(node) in kinds
        and _ready(node)
        and not _allocatable(node, profile.extended_resource)
    ]


_ANY_MACHINE = ("k3s", "rke2", "harvester")
"""Instance types that a distribution gives to every node, whatever it has."""


def _hardware(node: Object) -> tuple[str, ...]:
    """What nodes with the same accelerators have in common; empty where no label tells."""
    instance = node["metadata"].get("labels", {}).get("node.kubernetes.io/instance-type", "")
    if instance in _ANY_MACHINE:
        instance = ""
    label = _pool_label(node)
    own = "" if label.endswith(_ANY_MACHINE) else label
    # A pool may mix machines: its nodes are alike where they are of one type, too.
    return (own, instance) if own else ()


def representatives(stock: Sequence[AcceleratorNode]) -> list[AcceleratorNode]:
    """One node of each kind: the usable one with most free, the first by name among equals.

    One that has no room for pods of ours is taken only where there is no other of its kind.
    """
    chosen: dict[tuple[str, str, Mechanism], AcceleratorNode] = {}
    for node in stock:
        best = chosen.get(node.kind)
        better = best is None or (node.has_room, node.free) > (best.has_room, best.free)
        if not node.hindrance and better:
            chosen[node.kind] = node
    return list(chosen.values())
