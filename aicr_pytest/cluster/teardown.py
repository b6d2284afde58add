"""Taking down a namespace with devices in it: who makes pods, pods, gangs, claims, namespace.

The order is that of the reference implementation (test/e2e/dra/utils/builder.go): kubelet has to
unprepare devices while their claims still exist, and the driver has to release claims while it
still runs. Each step is waited for; where one does not end, the next ones are not begun.
"""

import concurrent.futures
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aicr_pytest.cluster import labels, pod_state
from aicr_pytest.cluster.kinds import (
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
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject
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

    def __init__(self, cluster: "Cluster", waiter: Waiter) -> None:
        self._cluster = cluster
        self._waiter = waiter

    def namespace(self, name: str, *, uid: str, run: str, kinds: Iterable[Kind]) -> None:
        """Everything in a namespace of ours, then the namespace.

        Args:
            run: of whom it is.
            kinds: what may be in it beside pods and claims. Those of Kubernetes that make pods, and
                objects of the run of kinds that nobody here knows, go first: an operator would
                make their pods anew for as long as they exist.

        Raises:
            LeftBehind: something stays.
        """
        deadlines = self._waiter.deadlines
        chosen = set(kinds)
        gangs = sorted((kind for kind in chosen if kind.name in GANG_NAMES), key=str)
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda kind: self._delete_ours(kind, name, run), chosen))
        gateways = False
        for kind in (kind for kind in CONTROLLERS if kind in chosen):
            found = self._delete_controllers(kind, name)
            gateways = gateways or (found and kind == GATEWAY)
        pods = self._delete_all(POD, name)
        for kind in gangs:
            if kind.group == KUEUE_WORKLOAD.group:
                # Members of a group that was never admitted keep their finalizers until it is gone
                # (kubernetes-sigs/kueue#5130).
                self._delete_all(kind, name)
        if pods:
            self._none_left(POD, name, deadlines.pod_gone)
        for kind in gangs:
            if self._delete_all(kind, name):
                self._none_left(kind, name, deadlines.gang_gone)
        claim = self._claims(name)
        if claim and self._delete_all(claim, name):
            self._none_left(claim, name, deadlines.claim_released)
        if gateways:
            self._none_left(GATEWAY, name, deadlines.gateway_gone)
        self.object(NAMESPACE, name, uid=uid, timeout=deadlines.namespace_gone)

    def object(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str,
        timeout: float | None = None,
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

    def _delete_controllers(self, kind: Kind, namespace: str) -> bool:
        try:
            return self._delete_all(kind, namespace)
        except AccessDenied:
            if kind != GATEWAY:
                raise
        except ApiError as error:
            # Gateways are somebody else's kind: not served everywhere, nor everybody's to see.
            if kind != GATEWAY or error.status != 404:
                raise
        return False

    def _delete_ours(self, kind: Kind, namespace: str, run: str) -> None:
        """Delete what the run itself made of a kind that may make pods; what it owns goes with it.

        It is not waited for: a finalizer whose operator is gone must not keep pods alive.
        """
        if not kind.namespaced or (kind.group, kind.name) in KNOWN or kind.name in GANG_NAMES:
            return
        if kind.group == KUEUE_WORKLOAD.group:
            return  # a queue makes no pods, and theirs are let go while it is there
        try:
            found = self._cluster.listing(
                Subject(kind=kind, namespace=namespace, labels=labels.selector(run))
            ).items
            own = [obj["metadata"] for obj in found if not obj["metadata"].get("ownerReferences")]
            for metadata in own:
                self._cluster.delete(kind, metadata["name"], namespace, uid=metadata["uid"])
        except (AccessDenied, ApiUnreachable):
            pass  # who may not see them has made none; an aggregated API may be down
        except ApiError as error:
            if error.status not in (404, 405):  # not served after all, or not to be listed
                raise

    def _delete_all(self, kind: Kind, namespace: str) -> bool:
        found = self._cluster.list(kind, namespace)
        pending = [obj["metadata"] for obj in found if not obj["metadata"].get("deletionTimestamp")]
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            deletions = [
                pool.submit(self._cluster.delete, kind, m["name"], namespace, uid=m["uid"])
                for m in pending
            ]
        for deletion in deletions:
            deletion.result()
        return bool(found)

    def _none_left(self, kind: Kind, namespace: str, timeout: float) -> None:
        what = f"Namespace {namespace}: no {kind.name} left"
        try:
            self._waiter.until_none(what, kind, namespace, timeout=timeout)
        except WaitTimeout as error:
            left = self._cluster.list(kind, namespace)
            raise self._left_behind(error, left, namespace) from error

    def _left_behind(
        self, error: WaitTimeout, left: Iterable[Object], namespace: str
    ) -> LeftBehind:
        lines = [str(error)]
        for obj in left:
            lines += [f"  {words}" for words in self._words(obj, namespace)]
        lines.append(f"  Remove it later with: aicr-pytest clean --run {self._cluster.run_id}")
        return LeftBehind("\n".join(lines))

    def _words(self, obj: Object, namespace: str) -> Iterable[str]:
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
