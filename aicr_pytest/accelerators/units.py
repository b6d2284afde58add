"""What a device plugin's unit is: a whole device, a part of one, or a share of one. Pure.

Only whole devices and parts are exclusive: nobody else has the same. A share is what time-slicing,
MPS, a vGPU scheduler or a DRA device with consumable capacity gives, and several pods then rightly
see one and the same device.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Literal

from aicr_pytest.accelerators.nodes import allocatable, annotations_of, labels_of
from aicr_pytest.cluster.kinds import Object

Unit = Literal["device", "partition", "share"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a vendor's plugins say what their units are, on nodes and in the ids of their devices."""

    resources: Mapping[str, Unit]
    """Patterns of further extended resources → unit of each, the preferred first."""
    replicas: tuple[str, ...] = ()
    """Node labels with the number of shares of one device; ``{resource}`` is filled in."""
    labels: tuple[tuple[str, str, Unit], ...] = ()
    """(label, pattern of its value, unit): the first that fits tells the unit."""
    registers: tuple[str, ...] = ()
    """Node annotations with a list of devices, each with a ``count`` of shares."""
    ids: tuple[tuple[str, Unit, str], ...] = ()
    """(regular expression, unit, form) of ids, the first that fits; its group ``identity`` is an
    identity of that form, comparable with others of the form. Without a form an id only counts."""
    counts: tuple[str, ...] = ()
    """Node labels with the number of devices that the node has, whoever hands them out."""
    inner_parts: str = ""
    """Regular expression, found in the name of what is a part of a part: with others it shares
    what is measured of the outer one, so that exporters do not tell it apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What one extended resource of a node counts."""

    resource: str
    count: int
    """How many are allocatable."""
    unit: Unit
    per_device: int
    """How many of them one device gives; 1 where they are whole devices, or nothing tells."""
    told_by: str
    """What on the node tells the unit; empty where nothing does."""


def counted(resource: str, sharing: Sharing, node: Object) -> tuple[Units, ...]:
    """What a node's device plugins of one vendor count, whole devices first.

    Args:
        resource: the vendor's own name for a device.
        sharing: what else its plugins may say.
    """
    offered = allocatable(node)
    names = [resource] if resource in offered else []
    for pattern in sharing.resources:
        fitting = sorted((n for n in offered if fnmatch(n, pattern)), key=lambda n: -offered[n])
        names += [name for name in fitting if name not in names]
    return tuple(_units(name, offered[name], resource, sharing, node) for name in names)


def measured_parts(units: Iterable[Units], sharing: Sharing) -> int:
    """How many parts of devices are handed out that exporters can tell apart."""
    return sum(
        one.count
        for one in units
        if one.unit == "partition"
        and not (sharing.inner_parts and re.search(sharing.inner_parts, one.told_by))
    )


def _units(name: str, count: int, resource: str, sharing: Sharing, node: Object) -> Units:
    labels = labels_of(node)
    if per_device := _registered(sharing, node):
        return _of(name, count, "share" if per_device > 1 else "device", per_device, "its plugin")
    base = name.removesuffix(".shared")
    for label in (form.format(resource=base) for form in sharing.replicas):
        told = labels.get(label, "")
        if told.isdigit() and int(told) > 1:
            return _of(name, count, "share", int(told), f"{label}={told}")
    unit: Unit = next(
        (unit for pattern, unit in sharing.resources.items() if fnmatch(name, pattern)), "device"
    )
    if unit != "device":
        return _of(name, count, unit, 1, f"the resource {name}")
    for label, pattern, meant in sharing.labels:
        if fnmatch(labels.get(label, ""), pattern):
            return _of(name, count, meant, 1, f"{label}={labels[label]}")
    devices = devices_told(sharing, node)
    if name == resource and devices and count > devices:
        told_by = f"{devices} devices by its labels, and {count} {name}"
        return _of(name, count, "share", -(-count // devices), told_by)
    return _of(name, count, "device", 1, "its labels" if devices else "")


def _of(name: str, count: int, unit: Unit, per_device: int, told_by: str) -> Units:
    return Units(resource=name, count=count, unit=unit, per_device=per_device, told_by=told_by)


def devices_told(sharing: Sharing, node: Object) -> int:
    """How many devices a node has by its labels; 0 where none tells."""
    told = (labels_of(node).get(label, "") for label in sharing.counts)
    return next((int(count) for count in told if count.isdigit()), 0)


def _registered(sharing: Sharing, node: Object) -> int:
    """Shares of each device by what a plugin has registered on the node; 0 where none did."""
    for annotation in sharing.registers:
        told = annotations_of(node).get(annotation, "")
        try:
            listed = json.loads(told)
        except ValueError:
            # The older form: "identity,count,…:identity,count,…:".
            listed = [{"count": one.split(",")[1]} for one in told.split(":") if "," in one]
        shares = [
            int(one["count"])
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, dict) and str(one.get("count", "")).isdigit()
        ]
        if shares:
            return max(shares)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A name of a unit, read."""

    unit: Unit
    form: str
    """Identities of one form can be compared; empty: it names no identity."""
    identity: str
    """The device's, or the part's, identity; empty where it names none."""


def read_id(sharing: Sharing, told: str) -> Identity | None:
    """What an id tells that a device plugin gave, or the vendor's tool; None: nothing."""
    for expression, unit, form in sharing.ids:
        if found := re.fullmatch(expression, told):
            return Identity(unit=unit, form=form, identity=found["identity"] if form else "")
    return None


def without_wholes(sharing: Sharing, listed: Sequence[str]) -> tuple[str, ...]:
    """What a tool lists, without the devices that are listed for the sake of parts behind them."""
    units = [read.unit if (read := read_id(sharing, one)) else "" for one in listed]
    return tuple(
        one
        for one, unit, following in zip(listed, units, [*units, ""][1:], strict=True)
        if not (unit == "device" and following == "partition")
    )


def comparable(sharing: Sharing, *names: str) -> bool:
    """Whether all of them name devices in one and the same form."""
    forms = {read.form if (read := read_id(sharing, name)) else "" for name in names}
    return len(forms) == 1 and "" not in forms
