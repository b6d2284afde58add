"""Finding and removing what ended runs have left, and nothing else.

Labels prove nothing: a manifest is copied with them. What is removed has a name that a run gives,
our labels, and was written by us as ``managedFields`` tell it, which the API server writes itself.
What merely looks like it is told, and stays.
"""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import labels, life, names
from aicr_pytest.cluster.contents import Contents, listed
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
from aicr_pytest.cluster.teardown import Teardown, shortened
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import AicrError, ApiUnreachable

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
_MOST_KINDS = 10_000
"""Kinds that no cluster has; each is a request."""
_NEEDED = (NAMESPACE, POD, RESOURCE_CLAIM)
"""Kinds without which nobody can say what is left."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An object that a run has left."""

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
    others: tuple[str, ...] = ()
    """What lies in a namespace and is not a run's; it stays then, and what is ours in it goes."""
    unseen: tuple[str, ...] = ()
    """Kinds of which we may not see whether there is something in a namespace."""
    problem: str = ""
    """Why it could not be removed; empty before that was tried."""

    def __str__(self) -> str:
        held = f", finalizers: {', '.join(self.finalizers)}" if self.finalizers else ""
        named = full_name(self.kind, self.name, self.namespace)
        stays = f"; stays, for not all in it is ours: {shortened(self.others)}"
        return f"{named} (run {self.run}, created {self.created}{held})" + (
            stays if self.others else ""
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """An object that carries our labels and is not removed."""

    name: str
    """Kind, namespace and name."""
    run: str
    """What its label says."""
    why: str
    """Why nobody can say that a run has made it."""
    remedy: str = ""
    """How to remove it where it may well be a run's; empty where it is somebody else's."""

    def __str__(self) -> str:
        more = f"; if you know it to be a run's: {self.remedy}" if self.remedy else ""
        return f"{self.name} carries our labels and is left alone: {self.why}{more}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What carries our labels on a cluster."""

    left: list[Leftover]
    """What runs have left, in the order of its removal; of runs that go on, too."""
    spared: list[Spared]
    """What is not removed."""
    alive: dict[str, life.Sign]
    """The runs that go on."""


def search(cluster: "Cluster", run: str | None) -> Findings:
    """Everything that carries the labels of one run, or of any where it is None.

    What lies in one of our namespaces goes with it and is not listed by itself.

    Raises:
        AccessDenied: namespaces, pods, claims or Leases may not be listed. Other kinds that may not
            be listed are passed over: who may not see them cannot have made them.
    """
    kinds = _kinds(cluster)
    carrying = [(kind, obj) for kind, found in _labelled(cluster, kinds, run) for obj in found]
    # After everything else: a run gives its sign before it makes anything.
    alive = life.signs(cluster)
    left: list[Leftover] = []
    spared: list[Spared] = []
    doubts = {id(obj): _doubt(kind, obj) for kind, obj in carrying}
    ours = {
        obj["metadata"]["name"]
        for kind, obj in carrying
        if kind.name == NAMESPACE.name and not doubts[id(obj)].why
    }
    for kind, obj in carrying:
        metadata, doubt = obj["metadata"], doubts[id(obj)]
        if metadata.get("namespace", "") in ours:
            continue
        if doubt.why:
            spared.append(doubt)
        # What has an owner goes with it, and would be made again while that is there.
        elif not metadata.get("ownerReferences"):
            left.append(_leftover(cluster, kind, obj, kinds))
    return Findings(left=sorted(left, key=_order), spared=spared, alive=alive)


def leftovers(cluster: "Cluster", run: str | None) -> list[Leftover]:
    """What one run has left, or all runs where it is None, in the order of its removal.

    Raises:
        AccessDenied: as ``search`` does.
    """
    return search(cluster, run).left


def clean(
    cluster: "Cluster",
    found: Sequence[Leftover],
    waiter: Waiter,
    say: Callable[[str], None],
) -> list[Leftover]:
    """Remove leftovers in the safe order; what is still there, each with its problem."""
    kinds = _kinds(cluster) if any(left.kind == NAMESPACE for left in found) else []
    remaining: list[Leftover] = []
    for left in found:
        say(f"removing {left}")
        try:
            _remove(cluster, waiter, left, kinds)
        except (AicrError, ExceptionGroup) as error:
            say(str(error))
            remaining.append(dataclasses.replace(left, problem=str(error)))
    return remaining


def _remove(cluster: "Cluster", waiter: Waiter, left: Leftover, kinds: Collection[Kind]) -> None:
    # Again: between the first list and now it may have become somebody else's. By a list, too,
    # since runs need no right to get Leases.
    by_name = f"metadata.name={left.name}"
    there = cluster.list(left.kind, left.namespace or None, fields=by_name)
    same = [obj for obj in there if obj["metadata"]["uid"] == left.uid]
    if not same or _doubt(left.kind, same[0]).why:
        return
    teardown = Teardown(cluster, waiter, run=left.run)
    if left.kind == NAMESPACE:
        inside = {*CONTROLLERS, *_inside(kinds)}
        teardown.namespace(left.name, uid=left.uid, kinds=inside, certain=True)
    else:
        teardown.object(left.kind, left.name, left.namespace or None, uid=left.uid)


def _doubt(kind: Kind, obj: Object) -> Spared:
    """Why nobody can say that a run has made it; without words where one has."""
    metadata = obj["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")
    run, why, remedy = labels.run_of(obj), "", ""
    if not names.is_run_id(run):
        why = f"no run is called {run!r}"
    elif not names.can_be_of(run, kind, name, namespace):
        why = "no run gives such a name there"
    elif (by_us := labels.set_by_us(obj)) is None:
        why = "it has no managedFields, so that nothing says who made it"
        place = f" -n {namespace}" if namespace else ""
        remedy = f"kubectl delete {kind.resource} {name}{place}"
    elif not by_us:
        why = f"not a run has set them, but {labels.writers(obj)[0] or 'somebody else'}"
    return Spared(name=full_name(kind, name, namespace), run=run, why=why, remedy=remedy)


def _labelled(
    cluster: "Cluster", kinds: Sequence[Kind], run: str | None
) -> Iterator[tuple[Kind, list[Object]]]:
    def look(kind: Kind) -> list[Object]:
        look_for = labels.selector(run)
        return listed(cluster, kind, selector=look_for, needed=kind in _NEEDED)

    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        yield from zip(kinds, pool.map(look, kinds), strict=True)


def _leftover(cluster: "Cluster", kind: Kind, obj: Object, kinds: Collection[Kind]) -> Leftover:
    metadata: dict[str, Any] = obj["metadata"]
    name, uid, run = metadata["name"], metadata["uid"], labels.run_of(obj)
    others: list[str] = []
    unseen: set[str] = set()
    if kind.name == NAMESPACE.name:
        inside = Contents(cluster, name, uid=uid, run=run, kinds=_inside(kinds), certain=True)
        others, unseen = inside.others(), inside.unseen
    return Leftover(
        kind=kind,
        name=name,
        namespace=metadata.get("namespace", ""),
        uid=uid,
        run=run,
        created=metadata.get("creationTimestamp", ""),
        finalizers=tuple(metadata.get("finalizers") or ()),
        others=tuple(others),
        unseen=tuple(sorted(unseen)),
    )


def _inside(kinds: Collection[Kind]) -> list[Kind]:
    return [kind for kind in kinds if kind.namespaced]


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
        answer = cluster.raw("GET", path, accept=f"{_AGGREGATED},application/json")
        said = answer.object()
        if said.get("kind") != "APIGroupDiscoveryList":
            found = {}
            break
        try:
            for kind in _discovered(said):
                found.setdefault((kind.group, kind.plural), kind)  # the preferred version is first
        except (TypeError, KeyError, AttributeError, ValueError):
            raise ApiUnreachable(f"GET {path}: the answer lists no kinds: {answer.head}") from None
        if len(found) > _MOST_KINDS:
            raise ApiUnreachable(f"GET {path}: it lists more than {_MOST_KINDS} kinds.")
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
                    kind = one["responseKind"]["kind"]
                    words = (name, version["version"], kind, one["resource"], one["scope"])
                    if not all(isinstance(word, str) for word in words):
                        raise ValueError("no names")
                    yield Kind(*words[:4], one["scope"] == "Namespaced")
