"""One custom resource of ours on the cluster, from its creation to its end, with its children."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster import pod_state, responsibility
from aicr_pytest.cluster.kinds import EVENT, POD, Kind, Object, full_name
from aicr_pytest.cluster.waiting import describe_remaining
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AicrError,
    ImageNotPullable,
    PolicyRefused,
    WaitTimeout,
)
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator
from aicr_pytest.requirements.robust_controller.webhooks import webhooks_for

if TYPE_CHECKING:
    from aicr_pytest.cluster.workspace import Workspace


class CustomResource:
    """A resource that an operator reconciles; created once, deleted once."""

    def __init__(self, operator: Operator, workspace: "Workspace", obj: Object) -> None:
        self._operator = operator
        self._workspace = workspace
        self._cluster, self._waiter = workspace.cluster, workspace.waiter
        created = workspace.apply([obj], as_answered=True)[0]
        self.name: str = created["metadata"]["name"]
        """Its name."""
        self.uid: str = created["metadata"]["uid"]
        """Its uid, by which children name their owner."""
        self.gone = False
        """Whether it was deleted, and its children are gone too."""
        self._never: AicrError | None = None
        self._told_to_go = False

    def __str__(self) -> str:
        return full_name(self._operator.resource, self.name, self._workspace.namespace)

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self._workspace.namespace

    @property
    def request(self) -> str:
        """The request that ``object`` makes."""
        return self._operator.resource.request("GET", self.namespace, self.name)

    def object(self) -> Object:
        """The resource now."""
        return self._cluster.get(self._operator.resource, self.name, self._workspace.namespace)

    def children(self) -> list[tuple[Child, list[Object]]]:
        """The objects that it owns now, by what is expected."""
        namespace = self._workspace.namespace
        return [
            (child, self._owned(self._cluster.list(child.kind, namespace)))
            for child in self._operator.children
        ]

    def reconciled(self) -> None:
        """Wait until its status says that it is.

        Raises:
            WaitTimeout: not in time.
            ImageNotPullable: its pods cannot get their image.
            NoCapacity: its pods get no node.
        """
        __tracebackhide__ = True
        if self._never is not None:
            raise self._never
        try:
            self._until(
                f"{self}: reconciled",
                lambda views: self._operator.done(found) if (found := self._find(views)) else False,
                self._waiter.deadlines.reconciled,
            )
        except AicrError as error:
            self._never = error  # whoever asks next shall not wait as long again
            raise

    def replaces(self, lost: Object, before: Sequence[Object]) -> Object:
        """Wait until a new child has taken the place of one that is deleted here.

        Args:
            before: all children of its kind, the lost one too.

        Raises:
            WaitTimeout: not in time.
        """
        __tracebackhide__ = True
        kind, labels = self._operator.replaced
        (child,) = (child for child in self._operator.children if child.kind == kind)
        name, uid = lost["metadata"]["name"], lost["metadata"]["uid"]
        namespace = self._workspace.namespace
        known = {obj["metadata"]["uid"] for obj in before}

        def judge(views: Views) -> Object | None:
            owned = self._owned(views[0].values())
            others = [obj for obj in owned if obj["metadata"]["uid"] != uid]
            if len(others) < len(known) or not all(map(child.ready, others)):
                return None
            return next(obj for obj in others if obj["metadata"]["uid"] not in known)

        self._cluster.delete(kind, name, namespace, uid=uid)
        return self._waiter.until(
            f"{self}: another {kind.name} instead of {name}",
            [Subject(kind=kind, namespace=namespace, labels=labels)],
            judge=judge,
            describe=lambda views: _ready_line(self._owned(views[0].values()), child),
            timeout=self._waiter.deadlines.child_back,
        )

    def replaceable(self) -> list[Object]:
        """The children of which one may be deleted to see it come back."""
        kind, labels = self._operator.replaced
        return self._owned(self._cluster.list(kind, self._workspace.namespace, labels=labels))

    def delete(self) -> None:
        """Delete it, and wait until it and everything that it owns are gone.

        Raises:
            WaitTimeout: something stays; names it.
        """
        __tracebackhide__ = True
        namespace = self._workspace.namespace
        self._told_to_go = True
        owned = {obj["metadata"]["uid"] for _, found in self.children() for obj in found}
        self._cluster.delete(self._operator.resource, self.name, namespace, uid=self.uid)

        def left(views: Views) -> list[dict[tuple[str, str], Object]]:
            ours = owned | {self.uid}
            return [
                {key: obj for key, obj in view.items() if obj["metadata"]["uid"] in ours}
                for view in views
            ]

        kinds = [self._operator.resource, *(child.kind for child in self._operator.children)]
        self._waiter.until(
            f"{self}: gone with everything that it owns",
            [Subject(kind=kind, namespace=namespace) for kind in kinds],
            judge=lambda views: None if any(left(views)) else True,
            describe=lambda views: f"still there: {describe_remaining(left(views))}",
            timeout=self._waiter.deadlines.children_gone,
        )
        self.gone = True

    def discard(self) -> None:
        """Delete it, and its children where nobody else does; for the end of a module."""
        if not self._told_to_go:
            with contextlib.suppress(WaitTimeout):
                self.delete()
        for child, found in self.children():
            for obj in found:
                metadata = obj["metadata"]
                self._cluster.delete(
                    child.kind, metadata["name"], metadata["namespace"], uid=metadata["uid"]
                )

    def _until(self, what: str, done: Callable[[Views], bool], timeout: float) -> None:
        __tracebackhide__ = True
        namespace = self._workspace.namespace
        kinds = self._kinds()
        subjects = [
            Subject(kind=self._operator.resource, namespace=namespace, name=self.name),
            Subject(kind=EVENT, namespace=namespace),
            *(Subject(kind=kind, namespace=namespace) for kind in kinds),
        ]

        no_image: list[float] = []

        def excuse(views: Views) -> None:
            pods = views[2 + kinds.index(POD)].values()
            events = views[1].values()
            _excuse(str(self), self._find(views), pods, events, own_webhooks=self._own_webhooks)

        def judge(views: Views) -> bool | None:
            if done(views):
                return True
            if not any(_lacks_image(pod) for pod in views[2 + kinds.index(POD)].values()):
                no_image.clear()
                return None
            no_image.append(time.monotonic())
            persists = self._waiter.deadlines.refusal_persists * self._waiter.scale
            if no_image[-1] - no_image[0] > persists:
                excuse(views)
            return None

        def limit(views: Views) -> float:
            pulled = pod_state.occurrences(views[1].values(), "Pulling")
            return timeout + self._waiter.deadlines.image_pull if pulled else timeout

        self._waiter.until(
            what,
            subjects,
            judge=judge,
            describe=lambda views: self._describe(views, kinds),
            timeout=limit,
            expired=excuse,
        )

    def _own_webhooks(self) -> set[str]:
        """Webhooks of the operator itself that are asked about what its resource is made of."""
        controllers = self._operator.controllers(self._cluster)
        return {
            webhook.name
            for kind in self._kinds()
            for webhook in webhooks_for(self._cluster, kind, controllers)
            if webhook.own
        }

    def _kinds(self) -> list[Kind]:
        """What is followed beside the resource: its children, and pods, whoever makes them."""
        return list(dict.fromkeys([*(child.kind for child in self._operator.children), POD]))

    def _find(self, views: Views) -> Object | None:
        found = next(iter(views[0].values()), None)
        return found if found and found["metadata"]["uid"] == self.uid else None

    def _describe(self, views: Views, kinds: Sequence[Kind]) -> str:
        found = self._find(views)
        told = [self._operator.says(found) if found else "it does not exist"]
        for child in self._operator.children:
            told.append(
                _ready_line(self._owned(views[2 + kinds.index(child.kind)].values()), child)
            )
        warnings = [obj for obj in views[1].values() if obj.get("type") == "Warning"]
        if event := pod_state.newest(warnings):
            told.append(f"event {event.get('reason')}: {event.get('message', '')[:300]}")
        return "; ".join(told)

    def _owned(self, objects: Iterable[Object]) -> list[Object]:
        return [obj for obj in objects if is_owned(obj, self.uid)]


def is_owned(obj: Object, uid: str) -> bool:
    """Whether an object names the one of this uid as an owner."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == uid for owner in owners)


def _lacks_image(pod: Object) -> bool:
    return any(trouble.of_image for trouble in pod_state.troubles(pod, []))


def _ready_line(owned: Sequence[Object], child: Child) -> str:
    ready = sum(child.ready(obj) for obj in owned)
    return f"owns {len(owned)} {child.kind.name} of {child.count}, {ready} ready"


_SLOW = "Give it more time: --aicr-timeout-scale."


def _excuse(
    what: str,
    resource: Object | None,
    pods: Iterable[Object],
    events: Iterable[Object],
    *,
    own_webhooks: Callable[[], Collection[str]],
) -> None:
    """Raises where it is not the operator for whom the resource waits.

    Args:
        own_webhooks: names of the operator's own webhooks, whose silence is its doing.
    """
    if resource is not None and resource["spec"].get("suspend"):
        raise PolicyRefused(
            f"{what}: somebody has suspended it, as queues do.",
            hint="Exempt namespaces aicr-* from queues that manage jobs without a queue's name.",
        )
    said = sorted(events, key=pod_state.said_at)
    refused = responsibility.of_events(said)
    webhook = responsibility.unanswered(refused.reason) if refused else ""
    if refused and not (webhook and webhook in own_webhooks()):
        raise refused.excuse(f"{what}: its pods are refused")
    for pod in pods:
        name, uid = f"{what}: pod {pod['metadata']['name']}", pod["metadata"]["uid"]
        own = [event for event in said if event.get("involvedObject", {}).get("uid") == uid]
        gone = pod["metadata"].get("deletionTimestamp") or pod_state.phase(pod) == "Succeeded"
        if gone or pod_state.is_ready(pod):
            continue
        if not pod_state.node_of(pod):
            finding = responsibility.of_pending(pod, pod_state.unschedulable(pod), events=own)
            if finding.accuses:  # of devices, which it does not ask for
                finding = dataclasses.replace(finding, who="room")
            raise finding.excuse(f"{name} gets no node")
        if pod_state.is_pulling(own):
            raise ImageNotPullable(f"{name}: its node still pulls its image.", hint=_SLOW)
        # The operator has made it, and kubelet has it now.
        for trouble in pod_state.troubles(pod, own):
            raise responsibility.of_start(trouble.reason, trouble.message).excuse(name)
        raise responsibility.of_slow_start(pod_state.line(pod, own)).excuse(name)
