"""Ways to break a lab and to mend it again; a defect is one of these with particulars.

Healing works from what is on disk and in the cluster, not from memory: the process that injected
may be long gone. Healing twice, or healing what was never broken, is fine.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aicr_lab.errors import ApiRefused, LabError
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until
from aicr_lab.machine.processes import LAB, Process

DRA = "resource.k8s.io/v1"

_UNSEEN = 2.0
"""Seconds that a policy gets whose effect cannot be asked for; they take about one."""

SETTLED = 30.0
"""Seconds within which a change of the lab must have its effect."""


class Injection(Protocol):
    """One way to break a lab."""

    def inject(self, lab: Lab) -> None:
        """Break it; returns when the effect is there."""

    def revert(self, lab: Lab) -> None:
        """Mends it; returns when the lab is as before."""


def await_effect(what: str, look: Callable[[], bool], *, within: float = SETTLED) -> None:
    """Wait until a change shows; an error that says which did not within so many seconds."""
    if not wait_until(look, within, every=0.2):
        raise LabError(f"{what}: not within {within:.0f} s", hint="python -m aicr_lab status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Several ways at once."""

    parts: tuple[Injection, ...]

    def inject(self, lab: Lab) -> None:
        """Break it by each in turn."""
        for part in self.parts:
            part.inject(lab)

    def revert(self, lab: Lab) -> None:
        """Mend it, the last first."""
        for part in reversed(self.parts):
            part.revert(lab)


# --- programs of a defect ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Meddling:
    """A program of :mod:`aicr_lab.defects.programs` runs in the lab, and meddles for as long."""

    component: str
    """Its name among the lab's processes."""
    program: str
    """Its module."""
    words: tuple[str, ...] = ()
    """Its arguments after the lab's name."""
    ready: str = ""
    """What it says once it looks; nobody waits for a program that says nothing."""

    def inject(self, lab: Lab) -> None:
        """Start it and wait until it looks."""
        log = lab.control_plane.log(self.component)
        log.unlink(missing_ok=True)
        lab.start(
            Process(
                name=self.component,
                argv=(sys.executable, "-m", self.program, lab.name, *self.words),
                namespace=LAB,
                log=log,
                env={"AICR_LAB_HOME": str(lab.dir.parent)},
            )
        )
        if self.ready:
            await_effect(self.component, lambda: log.exists() and self.ready in log.read_text())

    def revert(self, lab: Lab) -> None:
        """Stop it."""
        lab.processes.stop(self.component)
        lab.processes.forget(self.component)


# --- the cluster's API ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Objects that are there while the lab is broken, e.g. an admission policy."""

    objects: tuple[Object, ...]
    effective: Callable[[Lab], bool] | None = None
    """Whether they have their effect, for policies take a moment; ``None``: nobody can tell."""
    afterwards: Callable[[Lab], None] = lambda _: None
    """Called when they are gone, to mend what they did meanwhile."""

    def inject(self, lab: Lab) -> None:
        """Apply them and wait until they work."""
        for thing in self.objects:
            lab.api.apply(thing)
        self._await(lab, effective=True)

    def revert(self, lab: Lab) -> None:
        """Delete them and wait until they do not work any more."""
        for thing in reversed(self.objects):
            lab.api.delete(thing["apiVersion"], thing["kind"], thing["metadata"]["name"])
        self._await(lab, effective=False)
        self.afterwards(lab)

    def _await(self, lab: Lab, *, effective: bool) -> None:
        look = self.effective
        if look is None:
            time.sleep(_UNSEEN)
        else:
            await_effect("the defect's objects", lambda: look(lab) is effective)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """An object of the cluster has other content while the lab is broken."""

    healthy: Object
    broken: Object

    def inject(self, lab: Lab) -> None:
        """Apply the broken content."""
        lab.api.apply(self.broken)

    def revert(self, lab: Lab) -> None:
        """Apply the healthy content."""
        lab.api.apply(self.healthy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cordoned:
    """The last node takes no new pods."""

    def inject(self, lab: Lab) -> None:
        """Cordons it."""
        lab.api.patch("v1", "Node", lab.nodes[-1].name, {"spec": {"unschedulable": True}})

    def revert(self, lab: Lab) -> None:
        """Uncordons it and waits until the taint that goes with it is gone."""
        name = lab.nodes[-1].name
        lab.api.patch("v1", "Node", name, {"spec": {"unschedulable": None}})
        await_effect(f"{name} uncordoned", lambda: not taints_of(lab, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tainted:
    """Every node carries a taint."""

    key: str
    value: str

    def inject(self, lab: Lab) -> None:
        """Add it."""
        taint = {"key": self.key, "value": self.value, "effect": "NoSchedule"}
        self._set(lab, [taint])

    def revert(self, lab: Lab) -> None:
        """Take it away; other taints stay."""
        self._set(lab, [])

    def _set(self, lab: Lab, ours: list[Object]) -> None:
        for node in lab.nodes:
            others = [taint for taint in taints_of(lab, node.name) if taint["key"] != self.key]
            lab.api.patch("v1", "Node", node.name, {"spec": {"taints": [*others, *ours] or None}})


def taints_of(lab: Lab, node: str) -> list[Object]:
    """The taints of a node."""
    taints: list[Object] = lab.api.get("v1", "Node", node)["spec"].get("taints") or []
    return taints


def dry_run(lab: Lab, thing: Object) -> Object | None:
    """What the API server would make of a new object; ``None`` when it refuses."""
    path = lab.api.path(
        thing["apiVersion"], thing["kind"], "", thing["metadata"].get("namespace", "")
    )
    try:
        made: Object = lab.api.request("POST", path, query={"dryRun": "All"}, body=thing)
    except ApiRefused as refusal:
        if refusal.status in (400, 403, 404, 422):
            return None
        raise
    return made


def serves(lab: Lab, group: str, version: str) -> bool | None:
    """Whether the API server serves a group in a version; ``None`` while it does not answer."""
    try:
        groups = lab.api.request("GET", "/apis")["groups"]
    except LabError:
        return None
    return any(
        each["version"] == version
        for found in groups
        if found["name"] == group
        for each in found["versions"]
    )
