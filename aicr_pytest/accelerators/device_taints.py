"""Devices that a taint keeps from everybody: neither offered nor free. Pure."""

import copy
from collections.abc import Iterable, Mapping, Sequence

from aicr_pytest.accelerators.cel import all_select, every
from aicr_pytest.cluster.kinds import Object

VERSIONS = ("v1", "v1beta2", "v1alpha3")
"""Of resource.k8s.io, in which DeviceTaintRules may be served, the best first."""
_IN_DOUBT = "aicr-pytest/in-doubt"
"""Effect, in our copy of a slice, of a taint of which only the scheduler knows whether it is."""
_KEEPS_AWAY = ("NoSchedule", "NoExecute")


def taints_of(device: Object) -> list[str]:
    """Keys of the taints by which a device is given to nobody who does not tolerate them."""
    return [one["key"] for one in _taints(device) if one.get("effect") in _KEEPS_AWAY]


def doubtful_taints_of(device: Object) -> list[str]:
    """Keys of the taints that may keep a device, as only the scheduler can tell, with the rule."""
    return [one["key"] for one in _taints(device) if one.get("effect") == _IN_DOUBT]


def with_rules(
    slices: Sequence[Object], rules: Iterable[Object], classes: Iterable[Object] = ()
) -> list[Object]:
    """The slices, with what an administrator's DeviceTaintRules add to their devices.

    Args:
        classes: the DeviceClasses by which rules may select.
    """
    wanted = [rule for rule in rules if _effect(rule) in _KEEPS_AWAY]
    if not wanted:
        return list(slices)
    by_name = {one["metadata"]["name"]: one for one in classes}
    tainted = copy.deepcopy(list(slices))
    for item in tainted:
        for device in item["spec"].get("devices") or ():
            added = [_added(rule, item["spec"], device, by_name) for rule in wanted]
            if found := [taint for taint in added if taint]:
                device["taints"] = [*(device.get("taints") or ()), *found]
    return tainted


def _taints(device: Object) -> Iterable[Object]:
    found: Iterable[Object] = device.get("taints") or ()
    return found


def _effect(rule: Object) -> str:
    return str(((rule.get("spec") or {}).get("taint") or {}).get("effect", ""))


def _added(
    rule: Object, its_slice: Object, device: Object, classes: Mapping[str, Object]
) -> Object | None:
    """The taint that a rule adds to a device, or may add; None where it does not."""
    taint: Object = rule["spec"]["taint"]
    selects = _selects(rule["spec"].get("deviceSelector"), its_slice, device, classes)
    if selects is None:
        key = f"{taint['key']} by DeviceTaintRule {rule['metadata']['name']}"
        return {"key": key, "effect": _IN_DOUBT}
    return taint if selects else None


def _selects(
    selector: Object | None, its_slice: Object, device: Object, classes: Mapping[str, Object]
) -> bool | None:
    """Whether all criteria of a rule are met; None where only the scheduler can tell.

    Without a selector it selects nothing, by an empty one everything. Class and CEL are of
    Kubernetes before 1.35.
    """
    if selector is None:
        return False
    driver = its_slice["driver"]
    its = {"driver": driver, "pool": its_slice["pool"]["name"], "device": device["name"]}
    told: list[bool | None] = []
    for criterion, value in selector.items():
        if criterion in its:
            told.append(its[criterion] == value)
        elif criterion == "selectors":
            told.append(all_select(value, device, driver))
        elif criterion == "deviceClassName" and (named := classes.get(value)):
            told.append(all_select(named["spec"].get("selectors") or (), device, driver))
        else:
            told.append(None)
    return every(told)
