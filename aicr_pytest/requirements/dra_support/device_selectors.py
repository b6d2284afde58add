"""CEL expressions that choose one device of a node, or none."""

import re

from aicr_pytest.accelerators.cel import capacity_compares, has
from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.cluster import quantities
from aicr_pytest.errors import NoCapacity, ProbeFailed


def chosen_device(node: AcceleratorNode) -> Device:
    """The last device of a node that nobody held: the one that others are least likely to get.

    One that a taint may keep is taken only where there is no other.

    Raises:
        NoCapacity: all are held.
    """
    if not node.unallocated:
        raise NoCapacity(f"All {node.total} accelerators of {node.name} are held by others.")
    sure = [device for device in node.unallocated if not device.doubt]
    return (sure or node.unallocated)[-1]


def choosing(node: AcceleratorNode) -> str:
    """The expression that only the chosen device of a node satisfies.

    Raises:
        ProbeFailed: the slice tells no identity, or one that cannot stand in an expression.
    """
    device = chosen_device(node)
    if not re.fullmatch(r"[\w.:-]+", device.identity):
        raise ProbeFailed(
            f"Device {device.pool}/{device.name} has no usable identity "
            f"({device.identity[:80]!r}), "
            "so that no expression can choose it."
        )
    # The type goes first: asking for an attribute that a device lacks fails the whole node.
    return " && ".join(
        [
            node.selector,
            _has_identity(node, device, device.identity),
            *(
                capacity_compares(node.profile.driver, name, ">=", quantity)
                for name, quantity in _capacity_of(node, device)
            ),
        ]
    )


def nobodys_device(node: AcceleratorNode) -> str:
    """An expression that no device satisfies, by its identity and by its capacity."""
    nobodys = _has_identity(node, node.devices[0] if node.devices else None, "no-such-device")
    more = _more_than_any_has(node)
    # Either alone would make a device of it that is given, though nobody has it.
    return f"{node.selector} && " + (f"({nobodys} || {more})" if more else nobodys)


def _has_identity(node: AcceleratorNode, device: Device | None, identity: str) -> str:
    told = device.identity_attribute if device else ""
    return has(node.profile.driver, told or node.profile.identity_attributes[0], identity)


def _capacity_of(node: AcceleratorNode, device: Device) -> list[tuple[str, str]]:
    """(name, quantity) of the capacity that every device of a node has, first by name; or none.

    An expression on a capacity that a device lacks fails the whole node.
    """
    everywhere = set.intersection(*({name for name, _ in one.capacity} for one in node.devices))
    return [
        (name, quantity)
        for name, quantity in device.capacity
        if name in everywhere and name.isidentifier() and quantities.number(quantity) is not None
    ][:1]


def _more_than_any_has(node: AcceleratorNode) -> str:
    """A term that a device met with more capacity than any of a node has; empty where none has."""
    told = [found for device in node.devices for found in _capacity_of(node, device)]
    if not told:
        return ""
    name, most = max(told, key=lambda one: quantities.number(one[1]) or 0.0)
    return capacity_compares(node.profile.driver, name, ">", most)
