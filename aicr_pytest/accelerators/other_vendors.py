"""Accelerators of vendors that no profile describes, known by rules and not by a list. Pure.

A driver publishes accelerators where its name or its devices say so, an extended resource is one
where its name does, or where its domain is of a vendor that makes nothing else. Network adapters,
memory and processors that other drivers publish stay what they are.

What keeps some from a profile, as far as public sources tell: Gaudi's driver publishes a serial
number, and no attribute with the address that its tool lists; of TPU and Neuron we know no tool
whose list has a line for each device that a container may open. Intel's GPUs are the example of
docs/how-to/add-a-vendor.md.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

from aicr_pytest.accelerators.nodes import allocatable
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.cluster.kinds import Object

_WORD = re.compile(
    r"(?<![a-z])(?:v|amd)?gpu|(?<![a-z])(?:tpu|npu|xpu|hpu|ipu|mlu|gcu|dcu|ppu)s?(?![a-z])"
    r"|px_nps\d|gaudi|neuron|ascend|inferentia|trainium|qaic|accelerator|cuda"
    r"|(?<![a-z])accel(?![a-z])",
    re.IGNORECASE,
)
"""What accelerators are called, in names of drivers, resources, devices and their types."""
_NO_WORD = re.compile(r"fuse|network|(?<![a-z])(?:nic|rdma|hca)s?(?![a-z])", re.IGNORECASE)
"""What is called after accelerators and is none."""
_THEIR_VENDORS = (
    "habana.ai",
    "qualcomm.com",
    "cambricon.com",
    "hygon.com",
    "metax-tech.com",
    "enflame.com",
    "iluvatar.*",
    "mthreads.com",
    "kunlunxin.com",
    "birentech.com",
    "graphcore.ai",
    "rebellions.ai",
    "furiosa.ai",
    "tenstorrent.com",
    "sambanova.ai",
)
"""Domains of vendors all of whose extended resources are accelerators, or parts of them."""

_SEVERAL = "no single node"
"""Where devices are that belong to none."""


def unknown_vendors(
    nodes: Sequence[Object], profiles: Sequence[Profile], slices: Iterable[Object] = ()
) -> list[str]:
    """Accelerators that no profile describes, as ``node: resource`` or ``node: driver``.

    Args:
        slices: ResourceSlices, of whatever driver.
    """
    counted = [
        f"{node['metadata']['name']}: {resource}"
        for node in nodes
        for resource in sorted(allocatable(node))
        if is_accelerator(resource) and not any(_describes(one, resource) for one in profiles)
    ]
    return counted + unknown_drivers(nodes, profiles, slices)


def unknown_drivers(
    nodes: Sequence[Object], profiles: Sequence[Profile], slices: Iterable[Object]
) -> list[str]:
    """DRA drivers that publish accelerators and that no profile describes, as ``node: driver``."""
    drivers = {one.driver for one in profiles}
    names = {node["metadata"]["name"] for node in nodes} | {_SEVERAL}
    published = [
        f"{where}: {item['spec']['driver']}"
        for item in slices
        if (where := item["spec"].get("nodeName") or _SEVERAL) in names
        and item["spec"]["driver"] not in drivers
        and publishes_accelerators(item)
    ]
    return list(dict.fromkeys(published))


def _describes(profile: Profile, resource: str) -> bool:
    return resource.partition("/")[0] == profile.extended_resource.partition("/")[0]


def is_accelerator(name: str) -> bool:
    """Whether an extended resource, or a driver, is of accelerators by its name."""
    domain = name.partition("/")[0]
    if any(fnmatch(domain, vendor) for vendor in _THEIR_VENDORS):
        return "/" in name or bool(_WORD.search(name))
    return bool(_WORD.search(name)) and not _NO_WORD.search(name)


def publishes_accelerators(item: Object) -> bool:
    """Whether a ResourceSlice holds accelerators, by its driver's name or its devices' kind."""
    devices = item["spec"].get("devices") or ()
    if not devices:
        return False
    return is_accelerator(item["spec"]["driver"]) or any(map(_is_accelerator, devices))


def _is_accelerator(device: Object) -> bool:
    attributes = device.get("attributes") or {}
    types = [
        str(next(iter(value.values()), ""))
        for name, value in attributes.items()
        if name.rpartition("/")[2] in ("type", "kind", "deviceType")
    ]
    return any(_WORD.search(told) and not _NO_WORD.search(told) for told in types)
