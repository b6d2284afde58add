"""What claims hold of published devices, and what is therefore not free. Pure.

A device is not free where a claim holds it, where claims hold a part of it (both draw on one set of
counters), or where they have used up the capacity that they share.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aicr_pytest.accelerators.devices import Device, Key, newest_slices
from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object

Amounts = dict[str, float]
"""Name of a counter or capacity → how much of it."""


def results(claims: Iterable[Object]) -> Iterator[tuple[Key, str, Object]]:
    """(device, ``namespace/claim``, result) of all allocations; admin access holds nothing."""
    for claim in claims:
        allocation = claim.get("status", {}).get("allocation") or {}
        for result in allocation.get("devices", {}).get("results", ()):
            if not result.get("adminAccess"):
                key = (result["driver"], result["pool"], result["device"])
                yield key, f"{claim['metadata']['namespace']}/{claim['metadata']['name']}", result


def allocated_devices(claims: Iterable[Object]) -> dict[Key, str]:
    """Who holds what: (driver, pool, device) → ``namespace/claim``; admin access holds nothing."""
    return {key: holder for key, holder, _ in results(claims)}


class Holdings:
    """What claims hold of a driver's devices."""

    def __init__(self, driver: str, slices: Iterable[Object], claims: Iterable[Object]) -> None:
        newest = newest_slices(slices, driver)
        self._drawn = {
            (driver, item["spec"]["pool"]["name"], device["name"]): _drawn(device)
            for item in newest
            for device in item["spec"].get("devices") or ()
        }
        self._there = {
            (item["spec"]["pool"]["name"], counters["name"]): _amounts(counters.get("counters"))
            for item in newest
            for counters in item["spec"].get("sharedCounters") or ()
        }
        self._held: dict[Key, list[Object]] = {}
        self._held_of: dict[tuple[str, str], list[Key]] = {}
        for key, _, result in results(claims):
            if key not in self._held:
                self._held_of.setdefault(key[:2], []).append(key)
            self._held.setdefault(key, []).append(result)

    def leave(self, device: Device) -> bool:
        """Whether a claim of ours could have the device beside them."""
        held = self._held.get(device.key, ())
        if device.shared:
            return not held or _has_capacity_left(device, held)
        return not held and not any(
            self._used_up(device.key, counter_set)
            for counter_set in self._drawn.get(device.key, ())
        )

    def _used_up(self, key: Key, counter_set: str) -> bool:
        """Whether what others hold leaves too little in a set of counters for the device."""
        drawn = [
            self._drawn[other][counter_set]
            for other in self._held_of.get(key[:2], ())
            if counter_set in self._drawn.get(other, ())
        ]
        needed, there = self._drawn[key][counter_set], self._there.get((key[1], counter_set), {})
        if not needed or not there:
            return bool(drawn)  # nothing to count with: what draws on it holds a part
        return any(
            sum(one.get(name, 0.0) for one in drawn) + amount > there.get(name, 0.0)
            for name, amount in needed.items()
        )


def _drawn(device: Object) -> dict[str, Amounts]:
    """What a device draws on each set of counters."""
    return {
        one["counterSet"]: _amounts(one.get("counters"))
        for one in device.get("consumesCounters") or ()
    }


def _amounts(told: Mapping[str, Object] | None) -> Amounts:
    return {name: quantities.number(one.get("value")) or 0.0 for name, one in (told or {}).items()}


def _has_capacity_left(device: Device, held: Sequence[Object]) -> bool:
    """Whether what claims have consumed of a shared device leaves something of each capacity."""
    for name, quantity in device.capacity:
        there = quantities.number(quantity) or 0.0
        consumed = (result.get("consumedCapacity") or {} for result in held)
        if there and sum(quantities.number(one.get(name)) or 0.0 for one in consumed) >= there:
            return False
    return True
