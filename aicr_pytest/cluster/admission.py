"""What the platform made of a pod that we sent: compared field by field. Pure.

Sidecars, environment, node selectors, tolerations, priorities, resources: whoever changes them on
admission changes what a check looks at. Containers and variables are compared by name, never by
their place.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object

_KEYS = ("name", "key", "topologyKey", "ip")
"""What names an item of a list: the first that it has."""
_THERE = "there"
"""Stands for an item of a list, whose fields follow."""
_WATCHED = (
    "containers[*]",
    "initContainers[*]",
    "*ontainers[*].env[*]",
    "*ontainers[*].envFrom[*]",
    "*ontainers[*].command",
    "*ontainers[*].args",
    "*ontainers[*].resources.**",
    "nodeSelector.*",
    "tolerations[*]",
    "affinity.**",
    "topologySpreadConstraints[*]",
    "schedulingGates[*]",
    "resourceClaims[*]",
    "runtimeClassName",
    "schedulerName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "volumes[*]",
    "*ontainers[*].volumeMounts[*]",
    "*ontainers[*].lifecycle.**",
    "*ontainers[*].securityContext.**",
    "securityContext.**",
)
"""What somebody adds; whatever else is new the API server has filled in."""
_USUAL = (
    "tolerations[node.kubernetes.io/not-ready]",
    "tolerations[node.kubernetes.io/unreachable]",
    "*ontainers[*].resources.requests.*",
    "volumes[kube-api-access-*]",
    "*ontainers[*].volumeMounts[kube-api-access-*]",
)
"""What Kubernetes itself adds: requests as high as the limits, five minutes for a lost node, the
token of a service account."""
_DEFAULTS = (("schedulerName", '"default-scheduler"'),)
"""Fields and values by which the API server fills in what was not sent."""


_TOLD = ("*ontainers[*].env[*]", "*ontainers[*].resources.**", "volumes[*].hostPath.path")
"""Told even of what is new as a whole: it may bring devices."""


OPENING_DEVICES = (
    "*ontainers[*].securityContext.privileged",
    'volumes[*].hostPath.path="/"',
    'volumes[*].hostPath.path="/dev"',
    'volumes[*].hostPath.path="/dev/**',
)
"""What lets a container see devices that it was not given, for ``touching``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of a pod that is not as it was sent."""

    field: str
    """Path within ``spec``, e.g. ``containers[probe].env[NVIDIA_VISIBLE_DEVICES].value``."""
    sent: str = ""
    """As JSON; empty where it was not sent."""
    made: str = ""
    """As JSON; empty where it was dropped."""
    manager: str = ""
    """Who owns the field, where managedFields tell somebody else than us."""

    def __str__(self) -> str:
        by = f" by {self.manager}" if self.manager else ""
        sent, made = self.sent[:200], self.made[:200]
        if not sent:
            return f"{self.field} was added{by}" + (f": {made}" if made != _THERE else "")
        if not made:
            return f"{self.field} was dropped{by}"
        return f"{self.field} was changed{by}: from {sent} to {made}"


def changes(sent: Object, made: Object, *, ours: str = "aicr-pytest") -> list[Change]:
    """What is not as it was sent, in the order of the fields.

    Args:
        ours: our own name among the managers of fields.
    """
    before, after = dict(_fields(sent.get("spec"))), dict(_fields(made.get("spec")))
    found: list[Change] = []
    for path, value in before.items():
        if not _same(value, after.get(path, "")) and not _within(path, found):
            found.append(Change(field=path, sent=value, made=after.get(path, "")))
    for path, value in after.items():
        new = path not in before and (path, value) not in _DEFAULTS
        new = new and _fits(path, _WATCHED + _TOLD) and not _fits(path, _USUAL)
        if new and (_fits(path, _TOLD) or not _within(path, found)):
            told = after.get(f"{path}.value", value)
            found.append(Change(field=path, made=told))
    managers = _managers(made, ours)
    return [
        Change(field=one.field, sent=one.sent, made=one.made, manager=_owner(one.field, managers))
        for one in sorted(found, key=lambda one: one.field)
    ]


def touching(found: Iterable[Change], patterns: Sequence[str]) -> list[Change]:
    """Those changes whose field fits a pattern: by these, what is judged is not what was sent.

    Args:
        patterns: of fields; one with ``=`` is of the field and of what was made of it.
    """
    return [
        change
        for change in found
        if _fits(change.field, patterns) or _fits(f"{change.field}={change.made}", patterns)
    ]


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _fields(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            key = next((key for key in _KEYS if item.get(key)), "")
            where = f"{path}[{item.get(key, index)}]"
            yield where, _THERE
            yield from _fields({k: v for k, v in item.items() if k != key}, where)
    elif value not in ({}, [], None, "", False):
        yield path, json.dumps(value)


def _same(sent: str, made: str) -> bool:
    one, other = (quantities.number(text.strip('"')) for text in (sent, made))
    return sent == made or (one is not None and one == other)


def _within(path: str, found: Iterable[Change]) -> bool:
    return any(path.startswith((f"{one.field}.", f"{one.field}[")) for one in found)


def _fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path fits: ``*`` stands for anything without brackets, ``**`` for anything."""
    return any(re.fullmatch(_expression(pattern), path) for pattern in patterns)


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", r"[^\[\]]*")


def _managers(made: Object, ours: str) -> dict[str, str]:
    """Names of fields that somebody else owns → who."""
    found: dict[str, str] = {}
    for entry in made["metadata"].get("managedFields") or ():
        if entry.get("manager") != ours and not entry.get("subresource"):
            told = json.dumps((entry.get("fieldsV1") or {}).get("f:spec") or {})
            found[told] = str(entry.get("manager") or "")
    return found


def _owner(path: str, managers: dict[str, str]) -> str:
    """Who owns a field, by its last name: enough to tell one injector from another."""
    field = path.rstrip("]")
    for told, who in managers.items():
        if any(field == name or field.endswith((f".{name}", f"[{name}")) for name in _named(told)):
            return who
    return ""


def _named(told: str) -> list[str]:
    """Names of fields, and what names the items of lists, in what somebody owns."""
    return re.findall(r'(?:f:|:\\")([^"\\]+)', told)
