"""Taking down a namespace with devices in it: who makes pods, pods, gangs, claims, namespace.

The order is that of the reference implementation (test/e2e/dra/utils/builder.go): kubelet has to
unprepare devices while their claims still exist, and the driver has to release claims while it
still runs. Each step is waited for; where one does not end, the next ones are not begun.

What others have put into the namespace is not deleted, and neither is the namespace then.
"""

import concurrent.futures
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from aicr_pytest.cluster import labels, pod_state
from aicr_pytest.cluster.contents import Contents
from aicr_pytest.cluster.kinds import (
    CONFIG_MAP,
    CONTROLLERS,
    EVENT,
    GANG_NAMES,
    GATEWAY,
    KNOWN,
    KUEUE_WORKLOAD,
    NAMESPACE,
    POD,
    RESOURCE_CLAIM,
    Kind,
    Object,
    full_name,
)
from aicr_pytest.cluster.waiting import Waiter, describe_remaining
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    ApiUnreachable,
    LeftBehind,
    WaitTimeout,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_CLAIM_VERSIONS = ("v1", "v1beta2", "v1beta1")


class Teardown:
    """Takes down what one run has made; used by workspaces and by ``aicr-pytest clean``."""

    def __init__(self, cluster: "Cluster", waiter: Waiter, *, run: str) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._run = run
        self._way_out = f"aicr-pytest clean --run {run}"

    def namespace(
        self,
        name: str,
        *,
        uid: str,
        kinds: Iterable[Kind],
        made: Collection[str] = (),
        certain: bool = False,
        emptied: Callable[[], None] = lambda: None,
    ) -> None:
        """Everything of a run in a namespace of its own, then the namespace.

        Args:
            kinds: what may be in it beside pods and claims. Those of Kubernetes that make pods, and
                objects of the run of kinds that nobody here knows, go first: an operator would
                make their pods again for as long as they exist.
            made: uids of objects that the run knows to have made.
            certain: whether ``kinds`` are all that there are, and only what is proven to be of a
                run is deleted. A run knows what it has put where; whoever cleans up later does not.
            emptied: called once all that was ours in it is gone, and only the namespace stands.

        Raises:
            LeftBehind: something stays.
        """
        deadlines = self._waiter.deadlines
        chosen = set(kinds)
        gangs = sorted((kind for kind in chosen if kind.name in GANG_NAMES), key=str)
        claim = self._claims(name)
        kinds = chosen if certain else {kind for kind in chosen if _is_listed(kind)}
        kinds |= {POD, CONFIG_MAP} | ({claim} if claim else set())
        inside = Contents(
            self._cluster, name, uid=uid, run=self._run, kinds=kinds, made=made, certain=certain
        )
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda kind: self._delete_made(kind, inside), chosen))
        gateways = False
        for kind in (kind for kind in CONTROLLERS if kind in chosen):
            found = self._delete_controllers(kind, inside)
            gateways = gateways or (found and kind == GATEWAY)
        pods = self._delete_all(POD, inside)
        for kind in gangs:
            if kind.group == KUEUE_WORKLOAD.group:
                # Members of a group that was never admitted keep their finalizers until it is gone
                # (kubernetes-sigs/kueue#5130).
                self._delete_all(kind, inside)
        if pods:
            self._none_left(POD, inside, deadlines.pod_gone)
        for kind in gangs:
            if self._delete_all(kind, inside):
                self._none_left(kind, inside, deadlines.gang_gone)
        if claim and self._delete_all(claim, inside):
            self._none_left(claim, inside, deadlines.claim_released)
        if gateways:
            self._none_left(GATEWAY, inside, deadlines.gateway_gone)
        inside.look()  # again: meanwhile somebody may have put something there
        if others := inside.others():
            raise LeftBehind(
                f"Namespace {name} stays, for not all in it is ours: {shortened(others)}.\n"
                f"  Take that away, then: {self._way_out}"
            )
        emptied()
        self.object(NAMESPACE, name, uid=uid, timeout=self._for_namespace)

    def object(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str,
        timeout: float | Callable[[Views], float] | None = None,
    ) -> None:
        """One object, by its uid.

        Raises:
            LeftBehind: it stays.
        """
        what = f"{full_name(kind, name, namespace)}: gone"
        limit = timeout if timeout is not None else self._waiter.deadlines.object_gone
        self._cluster.delete(kind, name, namespace, uid=uid)
        try:
            self._waiter.until_gone(what, kind, name, namespace, uid=uid, timeout=limit)
        except WaitTimeout as error:
            left = self._cluster.find(kind, name, namespace)
            raise self._left_behind(error, [left] if left else [], namespace or name) from error
        self._cluster.ledger.gone(kind, name, namespace)

    def _for_namespace(self, views: Views) -> float:
        """Seconds for a namespace to go, which it cannot while its controller knows not all kinds.

        A run makes a dozen of them, and whose server is gone does not come back meanwhile.
        """
        deadlines = self._waiter.deadlines
        held = any(map(held_by_a_dead_api, views[0].values()))
        return deadlines.namespace_held if held else deadlines.namespace_gone

    def _claims(self, namespace: str) -> Kind | None:
        for version in _CLAIM_VERSIONS:
            kind = RESOURCE_CLAIM.at(version)
            try:
                return kind if self._cluster.list(kind, namespace) else None
            except ApiError as error:
                if error.status != 404:  # this version is not served
                    raise
            except AccessDenied:
                return None  # who may not list claims has made none; pods' own go with the pods
        return None

    def _delete_controllers(self, kind: Kind, inside: Contents) -> bool:
        try:
            return self._delete_all(kind, inside)
        except AccessDenied:
            if kind != GATEWAY:
                raise
        except ApiError as error:
            # Gateways are somebody else's kind: not served everywhere, nor everybody's to see.
            if kind != GATEWAY or error.status != 404:
                raise
        return False

    def _delete_made(self, kind: Kind, inside: Contents) -> None:
        """Delete what the run itself made of a kind that may make pods; what it owns goes with it.

        It is not waited for: a finalizer whose operator is gone must not keep pods alive.
        """
        if not _is_listed(kind) or (kind.group, kind.name) in KNOWN or kind.name in GANG_NAMES:
            return
        labelled = [obj for obj in inside.ours(kind) if labels.is_ours(obj, self._run)]
        own = [o["metadata"] for o in labelled if not o["metadata"].get("ownerReferences")]
        try:
            for metadata in own:
                self._cluster.delete(kind, metadata["name"], inside.namespace, uid=metadata["uid"])
        except (AccessDenied, ApiUnreachable):
            pass  # an aggregated API may be down
        except ApiError as error:
            if error.status not in (404, 405):  # not served after all, or not to be deleted
                raise

    def _delete_all(self, kind: Kind, inside: Contents) -> bool:
        try:
            there = self._cluster.list(kind, inside.namespace)
        except AccessDenied:
            if not inside.certain or kind == POD:
                raise
            return False  # among all kinds that there are; who may not see these has made none
        found = [obj for obj in there if inside.is_ours(kind, obj)]
        pending = [obj["metadata"] for obj in found if not obj["metadata"].get("deletionTimestamp")]
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            deletions = [
                pool.submit(self._cluster.delete, kind, m["name"], inside.namespace, uid=m["uid"])
                for m in pending
            ]
        for deletion in deletions:
            deletion.result()
        return bool(found)

    def _none_left(self, kind: Kind, inside: Contents, timeout: float) -> None:
        """Wait until none of ours is left; what others have put there is not awaited."""

        def ours(views: Views) -> Views:
            return [{key: obj for key, obj in views[0].items() if inside.is_ours(kind, obj)}]

        try:
            self._waiter.until(
                f"Namespace {inside.namespace}: no {kind.name} left",
                [Subject(kind=kind, namespace=inside.namespace)],
                judge=lambda views: None if ours(views)[0] else True,
                describe=lambda views: describe_remaining(ours(views)),
                timeout=timeout,
            )
        except WaitTimeout as error:
            left = self._cluster.list(kind, inside.namespace)
            left = [obj for obj in left if inside.is_ours(kind, obj)]
            raise self._left_behind(error, left, inside.namespace) from error

    def _left_behind(
        self, error: WaitTimeout, left: Iterable[Object], namespace: str
    ) -> LeftBehind:
        lines = [str(error)]
        for obj in left:
            lines += [f"  {words}" for words in self._lines_about(obj, namespace)]
        lines.append(f"  Remove it later with: {self._way_out}")
        return LeftBehind("\n".join(lines))

    def _lines_about(self, obj: Object, namespace: str) -> Iterable[str]:
        """The last event of an object, and what a namespace's controller says is in its way."""
        fields = f"involvedObject.uid={obj['metadata']['uid']}"
        where = obj["metadata"].get("namespace") or "default"
        try:
            event = pod_state.newest(self._cluster.list(EVENT, where, fields=fields))
        except AicrError as error:  # what is left behind is the news, not this
            yield f"Its events cannot be read: {error}"
        else:
            said = f"{event.get('reason')}: {event.get('message')}" if event else "none"
            yield f"Last event of {obj.get('kind')} {obj['metadata']['name']}: {said}"
        for condition in (obj.get("status") or {}).get("conditions") or ():
            if obj.get("kind") == "Namespace" and condition.get("status") == "True":
                yield f"{condition.get('type')}: {condition.get('message')}"


def held_by_a_dead_api(namespace: Object) -> str:
    """Why a namespace stays until an APIService is mended or deleted; empty where it may go."""
    failure = pod_state.condition(namespace, "NamespaceDeletionDiscoveryFailure")
    return str(failure.get("message", "")) if failure.get("status") == "True" else ""


def shortened(things: Collection[str], most: int = 8) -> str:
    """The first of many, and how many more there are."""
    shown = "; ".join(list(things)[:most])
    return shown if len(things) <= most else f"{shown}; and {len(things) - most} more"


def _is_listed(kind: Kind) -> bool:
    """Whether a run that goes on looks at a kind in its namespaces.

    Of what Kubernetes itself has: what makes pods. Of what others have: everything that may, which
    a queue does not, and its pods are let go while it is there.
    """
    if (kind.group, kind.name) in KNOWN:
        return kind in CONTROLLERS or kind.name in GANG_NAMES
    return kind.namespaced and kind.group != KUEUE_WORKLOAD.group
