"""CEL expressions that choose one device of a node, or none."""

import re

from aicr_pytest.accelerators.cel import has, whole_device
from aicr_pytest.accelerators.inventory import AcceleratorNode, Device
from aicr_pytest.errors import NoCapacity, ProbeFailed


def chosen_device(node: AcceleratorNode) -> Device:
    """The last device of a node that nobody held: the one that others are least likely to get.

    One that a taint may keep is taken only where there is no other.

    Raises:
        NoCapacity: all are held.
    """
    if not node.unallocated:
        raise NoCapacity(f"All {node.total} accelerators of {node.name} are held by others.")
    sure = [device for device in node.unallocated if not device.in_doubt]
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
    return _whole(node, device.identity)


def nobodys_device(node: AcceleratorNode) -> str:
    """An expression on the identity that no device satisfies."""
    return _whole(node, "no-such-device")


def _whole(node: AcceleratorNode, identity: str) -> str:
    # The type goes first: asking for an attribute that a device lacks fails the whole node.
    profile = node.profile
    return f"{whole_device(profile)} && {has(profile.driver, profile.identity_attribute, identity)}"
