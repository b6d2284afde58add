"""Devices as DRA drivers publish them in ResourceSlices. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from aicr_pytest.accelerators.device_taints import doubtful_taints_of, taints_of
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.cluster.kinds import Object

Key = tuple[str, str, str]
"""What an allocation names a device by: driver, pool, device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device in a ResourceSlice that a claim of ours can ask for."""

    driver: str
    pool: str
    name: str
    slice_name: str
    identity: str
    """Value of the profile's identity attribute; empty where the slice has none of its own."""
    model: str
    attributes: tuple[str, ...]
    """Names of all attributes that it has."""
    in_doubt: str = ""
    """Taints that may keep it from everybody, as only the scheduler can tell; empty: none."""
    shared: bool = False
    """Whether several claims may have it at the same time."""
    waits_for: tuple[str, ...] = ()
    """Conditions that somebody has to set before a pod with it is bound."""
    capacity: tuple[tuple[str, str], ...] = ()
    """(name, quantity) of what it has of something, e.g. memory."""
    identity_attribute: str = ""
    """The attribute that tells the identity."""

    @property
    def doubt(self) -> str:
        """Why only the scheduler can tell whether it can be had; empty where nothing stands so."""
        if self.in_doubt:
            return f"may be tainted {self.in_doubt}"
        return f"waits for {', '.join(self.waits_for)}" if self.waits_for else ""

    @property
    def key(self) -> Key:
        """What an allocation names a device by."""
        return (self.driver, self.pool, self.name)


def attribute(device: Object, name: str, driver: str) -> str:
    """Value of a device's attribute as text; empty where it has none."""
    attributes = device.get("attributes") or {}
    value = attributes.get(name) or attributes.get(f"{driver}/{name}") or {}
    return str(next(iter(value.values()), ""))


def identity_of(profile: Profile, device: Object) -> tuple[str, str]:
    """(attribute, value) by which the vendor names a device; empty where it has none of its own."""
    kind = attribute(device, profile.type_attribute[0], profile.driver)
    if not profile.parts_are_named and kind in profile.part_types:
        return "", ""
    told = ((name, attribute(device, name, profile.driver)) for name in profile.identity_attributes)
    return next((one for one in told if one[1]), ("", ""))


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


def slices_by_node(slices: Iterable[Object]) -> dict[str, list[Object]]:
    """Slices by the node whose devices they hold; those of several nodes under ``""``."""
    found: dict[str, list[Object]] = {}
    for item in slices:
        found.setdefault(item["spec"].get("nodeName") or "", []).append(item)
    return found


def published(
    profile: Profile, node: str, slices: Iterable[Object], types: Collection[str] = ()
) -> list[tuple[Object, Object]]:
    """(slice, device) of what the profile's driver publishes for a node, in the order of names.

    Args:
        types: values of the type attribute; empty: whole devices.
    """
    name, whole = profile.type_attribute
    return sorted(
        (
            (item, device)
            for item in newest_slices(slices, profile.driver)
            if item["spec"].get("nodeName") == node
            for device in item["spec"].get("devices") or ()
            if attribute(device, name, profile.driver) in (types or (whole,))
        ),
        key=lambda found: (len(found[1]["name"]), found[1]["name"]),
    )


def devices_of(
    profile: Profile, node: str, slices: Iterable[Object], types: Collection[str] = ()
) -> tuple[Device, ...]:
    """What the profile's driver publishes for a node and no taint keeps from everybody.

    Args:
        types: as in ``published``.
    """
    return tuple(
        Device(
            driver=profile.driver,
            pool=item["spec"]["pool"]["name"],
            name=device["name"],
            slice_name=item["metadata"]["name"],
            identity=(identity := identity_of(profile, device))[1],
            identity_attribute=identity[0],
            model=attribute(device, profile.model_attribute, profile.driver),
            attributes=tuple(sorted(device.get("attributes") or {})),
            in_doubt=", ".join(doubtful_taints_of(device)),
            shared=bool(device.get("allowMultipleAllocations")),
            waits_for=tuple(device.get("bindingConditions") or ()),
            capacity=tuple(
                (name, str(told.get("value", "")))
                for name, told in sorted((device.get("capacity") or {}).items())
            ),
        )
        for item, device in published(profile, node, slices, types)
        if not taints_of(device)
    )


def tainted(profile: Profile, node: str, slices: Iterable[Object]) -> tuple[str, ...]:
    """Whole devices of a node that taints keep from everybody, as sentences."""
    return tuple(
        f"{device['name']} is tainted {', '.join(taints_of(device))}"
        for _, device in published(profile, node, slices)
        if taints_of(device)
    )
