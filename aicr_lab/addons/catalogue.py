"""Every add-on of the lab, and which of them a choice of names means."""

from collections.abc import Iterable

from aicr_lab.addons import (
    accelerator_exporter,
    contour,
    envoy_gateway,
    gateway_api,
    jobset,
    karpenter,
    kuberay,
    kueue,
    kwok,
    loadbalancer,
    prometheus,
    prometheus_adapter,
    prometheus_operator,
    python,
)
from aicr_lab.addons.addon import Addon
from aicr_lab.errors import LabError

ADDONS: tuple[Addon, ...] = (
    loadbalancer.ADDON,
    python.ADDON,
    gateway_api.ADDON,
    contour.ADDON,
    envoy_gateway.ADDON,
    accelerator_exporter.ADDON,
    prometheus_operator.ADDON,
    prometheus.ADDON,
    prometheus_adapter.ADDON,
    jobset.ADDON,
    kuberay.ADDON,
    kwok.ADDON,
    karpenter.ADDON,
    kueue.ADDON,
)
"""All of them, in the order in which they are built."""

CORE, ALL = "core", "all"


def names() -> list[str]:
    """Every add-on."""
    return [addon.name for addon in ADDONS]


def table() -> str:
    """Every add-on with its sentence, a line each; those that ``all`` leaves out say so."""
    width = max(map(len, names()))
    return "\n".join(
        f"  {addon.name:{width}}  {addon.sentence}" + ("" if addon.in_all else " (not in `all`)")
        for addon in ADDONS
    )


def parse(text: str) -> tuple[str, ...]:
    """What ``--addons`` means: ``core`` (none), ``all``, or names with commas between.

    The add-ons that they need come with them.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    wanted: set[str] = set()
    for word in words:
        if word == ALL:
            wanted |= {addon.name for addon in ADDONS if addon.in_all}
        elif word != CORE:
            wanted.add(word)
    return tuple(addon.name for addon in chosen(wanted))


def chosen(wanted: Iterable[str]) -> list[Addon]:
    """The add-ons of these names and those that they need, in the order of :data:`ADDONS`."""
    by_name = {addon.name: addon for addon in ADDONS}
    found: set[str] = set()
    left = list(wanted)
    while left:
        name = left.pop()
        if name not in by_name:
            valid = ", ".join([CORE, ALL, *by_name])
            raise LabError(f"--addons {name}: there is no such add-on", hint=f"there are: {valid}")
        if name not in found:
            found.add(name)
            left += by_name[name].needs
    return [addon for addon in ADDONS if addon.name in found]
