"""What the kernel answers to whoever opens a device node, and what each answer means."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelAnswer:
    """One answer."""

    means: str
    """Why the kernel says so."""
    reached: bool
    """Whether the open got through to the device's driver."""


KERNEL_ANSWERS: Mapping[str, KernelAnswer] = {
    "opened": KernelAnswer(means="the device answers", reached=True),
    "No such device or address": KernelAnswer(
        means="ENXIO: let through to the driver, behind which no device answers", reached=True
    ),
    "Operation not permitted": KernelAnswer(
        means="EPERM: refused by the device cgroup", reached=False
    ),
    "Permission denied": KernelAnswer(
        means="EACCES: refused by the file's mode or its mount", reached=False
    ),
}
"""By the words of strerror(3); after any other, the open was let through and failed."""
