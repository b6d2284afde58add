"""Finding and removing what a killed run has left, known by its labels and by nothing else."""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.kinds import (
    CONTROLLERS,
    GANG_NAMES,
    KNOWN,
    NAMESPACE,
    POD,
    RESOURCE_CLAIM,
    Kind,
    Object,
    full_name,
)
from aicr_pytest.cluster.teardown import Teardown
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject
from aicr_pytest.errors import AccessDenied, AicrError, ApiError, ApiUnreachable

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# They carry labels that others copied from ours (kubelet, provisioners, the control plane), or
# nothing is kept of them.
_NEVER = frozenset(
    {
        "Node",
        "PersistentVolume",
        "Event",
        "EndpointSlice",
        "Endpoints",
        "SelfSubjectAccessReview",
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An object that carries our labels."""

    kind: Kind
    name: str
    namespace: str
    """Empty for objects of the whole cluster."""
    uid: str
    run: str
    """The run that made it."""
    created: str
    """When it was made, as the API writes it."""
    finalizers: tuple[str, ...]
    """What its deletion waits for."""
    problem: str = ""
    """Why it could not be removed; empty before that was tried."""

    def __str__(self) -> str:
        held = f", finalizers: {', '.join(self.finalizers)}" if self.finalizers else ""
        named = full_name(self.kind, self.name, self.namespace)
        return f"{named} (run {self.run}, created {self.created}{held})"


def leftovers(cluster: "Cluster", run: str | None) -> list[Leftover]:
    """What one run has left, or all runs where it is None, in the order of its removal.

    What lies in one of our namespaces goes with it and is not listed by itself.

    Raises:
        AccessDenied: namespaces, pods or claims may not be listed. Other kinds that may not be
            listed are passed over: who may not see them cannot have made them.
    """
    found: list[Leftover] = []
    ours: set[str] = set()
    kinds = _kinds(cluster)
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        listed = pool.map(lambda kind: list(_labelled(cluster, kind, run)), kinds)
    for kind, objects in zip(kinds, listed, strict=True):
        for obj in objects:
            metadata = obj["metadata"]
            if kind.name == NAMESPACE.name:
                ours.add(metadata["name"])
            elif metadata.get("namespace", "") in ours or _has_owner(kind, metadata):
                continue
            found.append(_leftover(kind, metadata))
    return sorted(found, key=_order)


def clean(
    cluster: "Cluster",
    found: Sequence[Leftover],
    waiter: Waiter,
    say: Callable[[str], None],
) -> list[Leftover]:
    """Remove leftovers in the safe order; what is still there, each with its problem."""
    teardown = Teardown(cluster, waiter)
    served = {left.kind for left in found}
    kinds = _kinds(cluster) if NAMESPACE in served else []
    namespaced = {*CONTROLLERS, *(kind for kind in kinds if kind.namespaced)}
    remaining: list[Leftover] = []
    for left in found:
        say(f"removing {left}")
        try:
            _remove(cluster, teardown, left, namespaced)
        except (AicrError, ExceptionGroup) as error:
            say(str(error))
            remaining.append(dataclasses.replace(left, problem=str(error)))
    return remaining


def _remove(cluster: "Cluster", teardown: Teardown, left: Leftover, kinds: Iterable[Kind]) -> None:
    there = cluster.find(left.kind, left.name, left.namespace or None)
    # Read again: between the listing and now it may have become somebody else's.
    if there is None or there["metadata"]["uid"] != left.uid or not labels.is_ours(there, left.run):
        return
    if left.kind == NAMESPACE:
        teardown.namespace(left.name, uid=left.uid, run=left.run, kinds=kinds)
    else:
        teardown.object(left.kind, left.name, left.namespace or None, uid=left.uid)


def _labelled(cluster: "Cluster", kind: Kind, run: str | None) -> Iterable[Object]:
    try:
        return cluster.listing(Subject(kind=kind, labels=labels.selector(run))).items
    except AccessDenied:
        if kind.name in (NAMESPACE.name, POD.name, RESOURCE_CLAIM.name):
            raise
    except ApiError as error:
        if error.status not in (404, 405):  # not served after all, or not to be listed
            raise
    except ApiUnreachable:
        if not kind.group or kind.group in {known.group for known in KNOWN.values()}:
            raise  # an aggregated API without its server is no reason to stop; the core is
    return []


def _leftover(kind: Kind, metadata: dict[str, Any]) -> Leftover:
    return Leftover(
        kind=kind,
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        uid=metadata["uid"],
        run=metadata["labels"][labels.RUN],
        created=metadata.get("creationTimestamp", ""),
        finalizers=tuple(metadata.get("finalizers") or ()),
    )


def _has_owner(kind: Kind, metadata: dict[str, Any]) -> bool:
    # What has an owner goes with it, and would be made anew while it is there.
    return kind.name not in (POD.name, RESOURCE_CLAIM.name) and bool(
        metadata.get("ownerReferences")
    )


def _order(left: Leftover) -> tuple[int, str, str]:
    ranks = {kind.name: 0 for kind in CONTROLLERS}
    ranks |= {POD.name: 1} | dict.fromkeys(GANG_NAMES, 2) | {RESOURCE_CLAIM.name: 3}
    rank = 4 if left.kind.namespaced else 6
    rank = 5 if left.kind == NAMESPACE else ranks.get(left.kind.name, rank)
    return rank, left.namespace, left.name


def _kinds(cluster: "Cluster") -> list[Kind]:
    """Every kind that can be listed and deleted, namespaces first; the table on old servers."""
    found: dict[tuple[str, str], Kind] = {}
    for path in ("/api", "/apis"):
        said = cluster.raw("GET", path, accept=f"{_AGGREGATED},application/json").json()
        if said.get("kind") != "APIGroupDiscoveryList":
            found = {}
            break
        for kind in _discovered(said):
            found.setdefault((kind.group, kind.plural), kind)  # the preferred version comes first
    kinds = list(found.values()) or list(KNOWN.values())
    return sorted(
        (kind for kind in kinds if kind.name not in _NEVER),
        key=lambda kind: (kind.name != NAMESPACE.name, kind.group, kind.plural),
    )


def _discovered(said: dict[str, Any]) -> Iterator[Kind]:
    for group in said.get("items") or ():
        name = group["metadata"].get("name", "")
        for version in group.get("versions") or ():
            for one in version.get("resources") or ():
                if {"list", "delete"} <= set(one.get("verbs") or ()):
                    yield Kind(
                        name,
                        version["version"],
                        one["responseKind"]["kind"],
                        one["resource"],
                        one["scope"] == "Namespaced",
                    )
