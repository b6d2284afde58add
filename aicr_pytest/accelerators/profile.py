"""Accelerator profiles: a vendor's names as data, so that checks name no vendor."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aicr_pytest.accelerators.units import Sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric of an exporter, by its name."""

    name: str
    """Name of the series."""
    full: float = 100.0
    """Value at full load, for shares of it; without meaning for what is no share."""
    zero: Literal["value", "absent", "fault"] = "value"
    """What 0 means: a quiet link; that there is no such sensor; what no device that is on has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterProfile:
    """How a vendor's exporter is found and read; one pod of it serves each accelerator node."""

    name: str
    """What people call it, e.g. ``dcgm-exporter``."""
    selectors: tuple[str, ...]
    """Label selectors of its pods, one per way to install it."""
    port: int
    """Port of the endpoint where no container port has one of ``port_names``."""
    port_names: tuple[str, ...] = ("metrics", "http-metrics")
    """Names of container ports that serve metrics."""
    path: str = "/metrics"
    """Path of the endpoint."""
    identity_label: str
    """Label whose value is the accelerator's identity, the same for as long as it is there."""
    as_published: bool = True
    """Whether that is what slices and the vendor's tool call it; else it can only be counted, and
    found by who holds it."""
    holder_labels: tuple[str, str] = ("namespace", "pod")
    """Labels with namespace and name of the pod that holds the accelerator."""
    container_label: str = "container"
    """Label with the name of that pod's container."""
    instance_labels: tuple[str, ...] = ()
    """Labels that tell parts of one accelerator from each other, where it is partitioned."""
    part_identity: str = ""
    """Regular expression of the identities that the vendor's tool lists of parts of accelerators,
    where series have others."""
    index_label: str
    """Label with the number of the accelerator on its node."""
    utilization: tuple[Reading, ...]
    """Utilization; of each accelerator the first that has a value counts."""
    memory: tuple[Reading, ...]
    """Memory in use; of each accelerator the first that has a value counts."""
    sensors: dict[str, tuple[Reading, ...]] = field(default_factory=dict)
    """What some models offer beside: temperature, power, interconnect; each name counts."""
    growing: tuple[Reading, ...] = ()
    """Counters of what every accelerator that is on uses all the time, loaded or not."""
    blanks: frozenset[float] = frozenset()
    """Values by which it says that there is none, beside NaN."""
    model_label: str = ""
    """Label with the product name: what one has, others of the same name have too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one vendor's accelerators appear in Kubernetes and in a container."""

    vendor: str
    """Short name, e.g. ``nvidia``."""
    driver: str
    """DRA driver that publishes the ResourceSlices."""
    device_class: str
    """DeviceClass that the vendor ships; a cluster may name its own."""
    type_attribute: tuple[str, str]
    """Attribute and value that mark a whole device in a slice, e.g. ``("type", "gpu")``."""
    identity_attributes: tuple[str, ...]
    """Attributes of a slice's device that the vendor's tool shows in the container too, one per
    generation of the driver; the first that a device has counts."""
    identity_is_global: bool = True
    """Whether an identity tells a device among those of all nodes, as a UUID does; else only among
    those of its node, as an address on a bus."""
    model_attribute: str
    """Attribute with the product name."""
    expected_attributes: tuple[str, ...]
    """Attributes that the vendor's driver always publishes."""
    extended_resource: str
    """Name under which the device plugin counts devices."""
    device_globs: tuple[str, ...]
    """Device nodes of exclusive units, one per unit, as shell patterns; nodes for control are not
    among them."""
    companion_globs: tuple[str, ...] = ()
    """Further device nodes that come with a unit, as shell patterns: they reach it, and do not
    count it."""
    driver_majors: tuple[str, ...]
    """Names in /proc/devices whose major numbers belong to exclusive device nodes."""
    control_minors: tuple[int, ...] = ()
    """Minor numbers below those majors that give no access to a device."""
    tool: str
    """The vendor's list tool; it is injected together with the device."""
    tool_directories: tuple[str, ...] = ()
    """Where platforms mount the tool beside the PATH."""
    list_arguments: tuple[str, ...]
    """Arguments that make the tool print one identity per line."""
    empty_list_exit: int | None = None
    """Exit code by which the tool says that it works and finds no device."""
    warning_exits: tuple[int, ...] = ()
    """Exit codes by which it warns, beside a list that is whole."""
    lists_unreachable: bool = False
    """Whether generations of the tool also list devices that the container cannot open: then more
    lines than device nodes tell nothing."""
    parse_identity: Callable[[str], str]
    """One line of the tool's list → identity, as the slice has it; empty: the line lists none."""
    environment_bypass: dict[str, str] = field(default_factory=dict)
    """Variables by which a permissive runtime hands out devices that nobody granted."""
    baked_environment: dict[str, str] = field(default_factory=dict)
    """Variables of that kind that the vendor's own images bake, with their values."""
    environment_remedy: str = ""
    """Setting of the vendor's toolkit that closes that way."""
    runtime_class: str = ""
    """RuntimeClass that the vendor's operator installs."""
    volume_mount_bypass: str = ""
    """Directory whose mounts a permissive runtime reads as a device list."""
    probe_image: str
    """Image of probe pods: the vendor's own, as users run it."""
    model_labels: tuple[str, ...] = ()
    """Node labels with the product name, where no slice tells it; the first that is set counts."""
    exporter: ExporterProfile | None = None
    """Its metrics; None where no exporter is known."""
    load_image: str = ""
    """Image with a program that keeps one accelerator busy."""
    load_program: tuple[str, ...] = ()
    """Command in that image; it ends by itself."""
    load_arguments: tuple[str, ...] = ()
    """Arguments that make the tool print the utilization, one device per line."""
    load_line: str = ""
    """Regular expression of such a line, with groups ``device`` and ``percent``; other lines count
    as little as in the tool's list."""
    sharing: Sharing = field(default_factory=lambda: Sharing(resources={}))
    """What the device plugin's units are, and how its ids name them."""
    part_list_arguments: tuple[str, ...] = ()
    """Arguments that make the tool list parts of devices as well, each after its device; empty: it
    lists none."""
    part_list_line: str = ""
    """Regular expression, at the beginning of a line of that list: so it is told from others."""
    part_globs: tuple[str, ...] = ()
    """Paths of the nodes by which parts of devices are opened, beside that of their device."""
    part_types: tuple[str, ...] = ()
    """Values of the type attribute that mark an exclusive part of a device, e.g. ``mig``."""
    parts_are_named: bool = True
    """Whether the identity of a part is its own; else it is that of the device, and parts are only
    counted."""
    driver_programs: tuple[str, ...] = ()
    """Words in image, command or arguments of the containers that are the DRA driver on a node."""
    driver_labels: tuple[str, ...] = ()
    """``label=value`` of the nodes that the DRA driver is meant for."""
    presence_labels: tuple[str, ...] = ()
    """``label=value``, as patterns, of nodes that have such accelerators, whoever offers them."""
    pod_metrics: tuple[str, ...] = ()
    """Patterns of metrics per pod by which pods that hold accelerators scale."""
