"""What other runs of ours have on the cluster, by a few lists: goes on, or left behind."""

import collections
import dataclasses
from typing import TYPE_CHECKING

from aicr_pytest.cluster import labels, life, names
from aicr_pytest.cluster.contents import listed
from aicr_pytest.cluster.kinds import (
    DEVICE_CLASS,
    LEASE,
    NAMESPACE,
    POD,
    RESOURCE_CLAIM,
    Kind,
    Object,
)
from aicr_pytest.errors import AicrError

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_LOOKED_AT = (
    (NAMESPACE, "namespace", "namespaces"),
    (POD, "pod", "pods"),
    (RESOURCE_CLAIM, "claim", "claims"),
    (DEVICE_CLASS, "device class", "device classes"),
    (LEASE, "Lease", "Leases"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OtherRun:
    """What one other run has there."""

    run: str
    """Its id."""
    things: str
    """How many of what: ``1 namespace (aicr-…), 2 pods``."""
    sign: life.Sign | None
    """That it goes on; None where nothing says so."""

    def __str__(self) -> str:
        if self.sign:
            return f"{self.sign}; it has {self.things}"
        return f"run {self.run} has left: {self.things}; aicr-pytest clean --run {self.run}"


def other_runs(cluster: "Cluster") -> tuple[OtherRun, ...]:
    """Runs but this one that have something there; none where nobody may look."""
    found: dict[str, dict[Kind, list[Object]]] = {}
    namespaces: set[str] = set()
    for kind, *_ in _LOOKED_AT:
        for obj in _carrying(cluster, kind):
            run, metadata = labels.run_of(obj), obj["metadata"]
            name, namespace = metadata["name"], metadata.get("namespace", "")
            # What lies in a namespace of a run goes by that; controllers make things there, too.
            outside = labels.is_ours(obj) and names.can_be_of(run, kind, name, namespace)
            if not names.is_run_id(run) or not (outside or namespace in namespaces):
                continue
            namespaces |= {name} if kind == NAMESPACE else set()
            found.setdefault(run, collections.defaultdict(list))[kind].append(obj)
    found.pop(cluster.run_id, None)
    if not found:
        return ()
    try:
        alive = life.signs(cluster)
    except AicrError:
        alive = {}
    return tuple(
        OtherRun(run=run, things=_counted(by_kind), sign=alive.get(run))
        for run, by_kind in sorted(found.items())
    )


def _carrying(cluster: "Cluster", kind: Kind) -> list[Object]:
    try:
        return listed(cluster, kind, selector=labels.selector(None))
    except AicrError:
        return []


def _counted(by_kind: dict[Kind, list[Object]]) -> str:
    counted = []
    for kind, one, many in _LOOKED_AT:
        if found := by_kind.get(kind):
            named = ", ".join(obj["metadata"]["name"] for obj in found[:3])
            more = ", …" if len(found) > 3 else ""
            told = f" ({named}{more})" if kind == NAMESPACE else ""
            counted.append(f"{len(found)} {one if len(found) == 1 else many}{told}")
    return ", ".join(counted)
