"""Devices that a taint keeps from everybody: neither offered nor free. Pure."""

import copy
from collections.abc import Iterable, Sequence

from aicr_pytest.cluster.kinds import Object

VERSIONS = ("v1", "v1beta2", "v1alpha3")
"""Of resource.k8s.io, in which DeviceTaintRules may be served, the best first."""


def taints_of(device: Object) -> list[str]:
    """Keys of the taints by which a device is given to nobody who does not tolerate them."""
    taints = device.get("taints") or device.get("basic", {}).get("taints") or ()
    return [one["key"] for one in taints if one.get("effect") in ("NoSchedule", "NoExecute")]


def with_rules(slices: Sequence[Object], rules: Iterable[Object]) -> list[Object]:
    """The slices, with what an administrator's DeviceTaintRules add to their devices."""
    wanted = [rule["spec"] for rule in rules if (rule.get("spec") or {}).get("taint")]
    if not wanted:
        return list(slices)
    tainted = copy.deepcopy(list(slices))
    for item in tainted:
        for device in item["spec"].get("devices") or ():
            added = [spec["taint"] for spec in wanted if _selects(spec, item["spec"], device)]
            if added:
                device["taints"] = [*(device.get("taints") or ()), *added]
    return tainted


def _selects(rule: Object, its_slice: Object, device: Object) -> bool:
    selector = rule.get("deviceSelector") or {}
    if selector.keys() - {"driver", "pool", "device"}:
        return False  # by class or CEL: the scheduler alone can tell
    its = {
        "driver": its_slice["driver"],
        "pool": its_slice["pool"]["name"],
        "device": device["name"],
    }
    return all(its[field] == value for field, value in selector.items())
