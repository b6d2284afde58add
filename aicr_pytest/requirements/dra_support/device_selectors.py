"""CEL expressions that choose one device of a node, or none."""

import re

from aicr_pytest.accelerators.inventory import AcceleratorNode, Device
from aicr_pytest.errors import NoCapacity, ProbeFailed


def chosen_device(node: AcceleratorNode) -> Device:
    """The last device of a node that nobody held: the one that others are least likely to get.

    Raises:
        NoCapacity: all are held.
    """
    if not node.unallocated:
        raise NoCapacity(f"All {node.total} accelerators of {node.name} are held by others.")
    return node.unallocated[-1]


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
    return expression(node.profile.driver, node.profile.identity_attribute, device.identity)


def expression(domain: str, attribute: str, value: str) -> str:
    """CEL: this attribute of this domain has this value."""
    return f"device.attributes['{domain}'].{attribute} == '{value}'"


def nobodys_device(node: AcceleratorNode) -> str:
    """An expression on the identity that no device satisfies."""
    return expression(node.profile.driver, node.profile.identity_attribute, "no-such-device")
