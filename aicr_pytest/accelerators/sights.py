"""What pods were given of accelerators, what they have of them, and how the evidence shows both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.grants import Grant
from aicr_pytest.accelerators.probe import DeviceNode, View
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.evidence.picture import Picture

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence

IN_DEV, NOT_IN_DEV = "it stands in /dev", "it does not stand in /dev"

_CHAIN_COLUMNS = (
    "ResourceSlice",
    "device",
    "identity in slice",
    "by",
    "allocated",
    "identity seen",
)
_CHAIN = Picture(
    kind="chain",
    parts={
        "published": "identity in slice",
        "published_by": "ResourceSlice",
        "allocated": "allocated",
        "allocated_by": "by",
        "seen": "identity seen",
    },
)
_GRID = Picture(kind="grid", parts={"row": "who", "column": "device", "cell": "seen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a container has of one device."""

    who: str
    """Pod, and the container where it is not the first, e.g. ``holder, sibling``."""
    device: str
    """Path and node."""
    expected: str
    """``own``, ``denied``, ``none``."""
    seen: str
    """As ``expected``, else ``visible`` or ``opened``."""
    said: str
    """By what it was seen: the kernel's words and what they mean."""
    source: str
    """Which probe saw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """A container that looks for devices."""

    who: str
    """As ``Sight`` has it."""
    node: str
    """Where it runs."""
    source: str
    """As ``Sight`` has it."""

    def sight(self, device: DeviceNode, expected: str, seen: str, said: str) -> Sight:
        """What it has of a device."""
        return Sight(
            who=self.who,
            device=f"{device.path} on {self.node}",
            expected=expected,
            seen=seen,
            said=said,
            source=self.source,
        )


def beside(looker: Looker, view: View, twin: Looker, theirs: View) -> list[Sight]:
    """What a container without a request has of devices, beside a twin that has its own."""
    known = {node.numbers for node in theirs.reachable}
    reached = {node.numbers for node in view.reachable}
    strange = [node for node in view.reachable if node.numbers not in known]
    missed = [node for node in theirs.reachable if node.numbers not in reached]
    found = [node for node in theirs.reachable if node.numbers in reached]
    return [
        *(twin.sight(node, "own", "own", IN_DEV) for node in theirs.reachable),
        *(looker.sight(node, "none", "none", NOT_IN_DEV) for node in missed),
        *(looker.sight(node, "none", "visible", IN_DEV) for node in (*found, *strange)),
    ]


def show(evidence: "CheckEvidence", sights: Sequence[Sight]) -> None:
    """Put what containers have of devices into the evidence: their own, another's, none."""
    if not sights:
        return
    names = dict.fromkeys(sight.who for sight in sights)
    evidence.table(
        f"What {' and '.join(names)} have of devices",
        ("who", "device", "expected", "seen", "what was seen"),
        [(one.who, one.device, one.expected, one.seen, one.said) for one in sights],
        compare=("expected", "seen"),
        source="; ".join(dict.fromkeys(sight.source for sight in sights)),
        picture=_GRID,
    )


def show_chain(
    evidence: "CheckEvidence", grant: Grant, *, seen: Sequence[str], who: str, source: str
) -> None:
    """Put the identity chain into the evidence: published → allocated → seen.

    Args:
        evidence: of the check.
        grant: what was given.
        seen: identities that the vendor's tool lists inside.
        who: the container.
        source: what was read.
    """
    evidence.table(
        f"Devices as published, as allocated, and as {who} sees them",
        _CHAIN_COLUMNS,
        _chain(grant, seen),
        compare=("identity in slice", "identity seen"),
        source=source,
        picture=_CHAIN if grant.devices else None,
    )


def _chain(grant: Grant, seen: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows of what a container was given and sees."""
    strange = list(seen)
    rows: list[tuple[str, ...]] = []
    for device in sorted(grant.devices, key=lambda item: item.identity):
        there = device.identity in strange
        if there:
            strange.remove(device.identity)
        listed = device.identity if there else "not listed"
        rows.append(
            (device.slice_name, device.name, device.identity, grant.by, device.name, listed)
        )
    return rows + [("", "", "", grant.by if grant.devices else "", "", extra) for extra in strange]


def show_each(
    evidence: "CheckEvidence",
    looks: Sequence[tuple[str, Grant, Sequence[str]]],
    *,
    node: str,
    source: str,
) -> None:
    """Put what was seen of every free device of a node at once into the evidence.

    Args:
        evidence: of the check.
        looks: who, what it was given, and the identities that the vendor's tool lists there.
        node: where.
        source: what was read.
    """
    by_claims = any(grant.devices for _, grant, _ in looks)
    rows = [(who, *row) for who, grant, seen in looks for row in _chain(grant, seen)]
    if not by_claims:
        rows = [
            (who, grant.by, ", ".join(grant.told) or "not told", ", ".join(seen) or "not listed")
            for who, grant, seen in looks
        ]
    evidence.table(
        f"Every free device of {node}, and the container that holds it",
        ("who", *(_CHAIN_COLUMNS if by_claims else ("by", "ids told", "identity seen"))),
        rows,
        compare=("identity in slice", "identity seen") if by_claims else (),
        source=source,
        picture=_CHAIN if by_claims else None,
    )


def show_held(
    evidence: "CheckEvidence", held: Sequence[tuple[str, set[str]]], *, node: str, tool: str
) -> None:
    """Put what pods on one node hold at the same time into the evidence.

    Args:
        evidence: of the check.
        held: pod and the identities that it sees; none for one that was refused a device.
        node: where.
        tool: what lists them.
    """
    evidence.table(
        f"Devices that {' and '.join(pod for pod, _ in held)} hold at the same time",
        ("pod", "node", "devices that it sees"),
        [(pod, node, ", ".join(sorted(seen)) or "none: it was refused one") for pod, seen in held],
        source=f"{tool} in each pod",
    )


_HOST_NAMESPACES = ("hostPID", "hostIPC", "hostNetwork")


def show_ways(evidence: "CheckEvidence", pod: str, spec: Object, grant: Grant) -> None:
    """Record by what a pod came to its devices, and which other ways it has to its node's."""
    containers = (*spec.get("initContainers", ()), *spec["containers"])
    evidence.table(
        f"Ways of {pod} to devices of its node",
        ("given by", "hostPath volumes", "privileged containers", "namespaces of the node"),
        [
            (
                grant.by,
                _listed(one["name"] for one in spec.get("volumes", ()) if one.get("hostPath")),
                _listed(
                    one["name"]
                    for one in containers
                    if (one.get("securityContext") or {}).get("privileged")
                ),
                _listed(name for name in _HOST_NAMESPACES if spec.get(name)),
            )
        ],
        source="the pod's specification and status, as the API server has them",
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
