"""Waits: by watch where the API can be watched, by polling where it cannot.

Every wait has a name, a timeout, a line of what was last seen, and one last look at the deadline.
It ends early when what is awaited cannot happen any more.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from aicr_pytest.cluster.kinds import Kind, Object, full_name
from aicr_pytest.cluster.observer import Observer
from aicr_pytest.cluster.watching import Following, Source, Subject, Views
from aicr_pytest.errors import AicrError, WaitFailed, WaitTimeout

T = TypeVar("T")

_TICK = 1.0
"""Seconds after which an unchanged view is judged again, for rules that depend on time."""
_HEARTBEAT = 5.0
"""Seconds after which the observer is told again though nothing has changed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long each wait may last, in seconds. ``Waiter`` multiplies them by its scale."""

    pod_ready: float = 120.0
    """A pod becomes ready once it has a node with its images."""
    image_pull: float = 300.0
    """A node pulls a pod's image."""
    image_refused: float = 90.0
    """A node gets an image that it could not get; kubelet tries again after 10, 20 and 40 s."""
    schedule: float = 30.0
    """A pod that the scheduler calls unschedulable gets a node after all."""
    refusal_persists: float = 20.0
    """What keeps a pod from starting goes away by itself; kubelet tries again every 10 to 15 s."""
    pending_reason: float = 30.0
    """The scheduler says why it does not place a pod."""
    pod_gone: float = 90.0
    """A deleted pod is gone, its grace period of 30 s included."""
    claim_released: float = 60.0
    """A deleted claim is gone: the driver has unprepared it and the allocation is taken back."""
    gang_gone: float = 60.0
    """A deleted gang object is gone."""
    namespace_gone: float = 120.0
    """A deleted namespace is gone; the cluster takes at least 5 s."""
    namespace_held: float = 45.0
    """The same where a dead aggregated API keeps all of them; the cluster has looked twice more."""
    namespace_usable: float = 30.0
    """A new namespace has its service account and the cluster's certificate."""
    node_provisioned: float = 1200.0
    """An autoscaler orders a node, it boots, its driver is installed and starts, the pod's image is
    pulled; 10 to 15 min where an operator installs the driver."""
    gang_bound: float = 150.0
    """A gang that has room has all its members bound; schedulers back off for 10 s and more, and
    queues begin with 60 s, Kueue's default, and double it."""
    pod_completed: float = 30.0
    """A pod that is told to end has Succeeded."""
    lease_granted: float = 1800.0
    """Other checks of ours give back the accelerators that they hold."""
    object_gone: float = 60.0
    """Any other deleted object is gone."""
    exporter_placed: float = 30.0
    """A node that has become Ready has the pods that are to run on every node."""
    endpoint_answers: float = 60.0
    """A metrics endpoint that is just starting answers."""
    workload_loads: float = 60.0
    """A workload that was told to has begun or ended to use its accelerator."""
    reading_follows: float = 120.0
    """What an exporter shows follows the accelerator; DCGM reads it every 30 s by default."""
    replicas_follow: float = 180.0
    """An autoscaler has followed its metric, and the pods are ready; it looks every 15 s."""
    samples_follow: float = 150.0
    """A value that a known target exposes can be asked for; scraped every 60 s at the slowest."""
    metric_follows: float = 420.0
    """The metric by which pods scale follows the accelerator: averaged over 5 min, scraped every
    60 s, at the slowest."""
    metric_offered: float = 750.0
    """A metrics API offers a metric of a new pod: scraped every 60 s at the slowest, and
    prometheus-adapter lists names again every 10 min by default."""
    monitoring_answers: float = 30.0
    """The monitoring system answers again after it was restarted."""
    monitoring_follows: float = 240.0
    """A new target is loaded, discovered and scraped, and its samples can be asked for; an
    operator's configuration alone may take 90 s to reach Prometheus."""
    gateway_programmed: float = 600.0
    """A Gateway is Programmed and has an address; clouds take minutes for a new one."""
    gateway_gone: float = 300.0
    """A deleted Gateway is gone; clouds take down a load balancer first."""
    route_in_effect: float = 600.0
    """What a new or changed HTTPRoute says is what requests meet; minutes on managed gateways."""
    route_reported: float = 60.0
    """A controller has said what it thinks of an HTTPRoute."""
    reconciled: float = 120.0
    """An operator has made what a custom resource asks for, and its status says so."""
    looked_again: float = 10.0
    """A moment's disagreement between a status and what it tells of is over."""
    child_back: float = 120.0
    """An operator has replaced an object of its own that was deleted, and the new one is ready."""
    children_gone: float = 90.0
    """What an operator made for a custom resource is gone after it, pods gracefully."""
    operator_back: float = 120.0
    """The pods of an operator's controller run again after they were deleted or replaced."""


class WatchedCluster(Source, Protocol):
    """What a waiter needs of the client."""

    @property
    def observer(self) -> Observer:
        """Who is told what is awaited."""


class Waiter:
    """Waits on one cluster; timeouts given to it are those of a fast cluster.

    Args:
        scale: every timeout is multiplied by it.
    """

    def __init__(
        self, cluster: WatchedCluster, scale: float = 1.0, *, deadlines: Deadlines | None = None
    ) -> None:
        self.scale = scale
        self.deadlines = deadlines or Deadlines()
        self.refused_since: dict[tuple[str, str], float] = {}
        """Node and image → when one of our pods could not get it there; all of them share that."""
        self._cluster = cluster

    def until(
        self,
        what: str,
        subjects: Sequence[Subject],
        *,
        judge: Callable[[Views], T | None],
        describe: Callable[[Views], str],
        timeout: float | Callable[[Views], float],
        expired: Callable[[Views], None] = lambda _: None,
    ) -> T:
        """Follow the subjects until ``judge`` gives something.

        Args:
            what: names the object and what it shall become, for the message.
            judge: gets the objects of each subject; None means "not yet". It may raise to end the
                wait. Called on every change and every second.
            describe: what is seen, in one line.
            timeout: seconds, or how many it shall be in view of what is seen.
            expired: called after the last look; may raise something better than ``WaitTimeout``.

        Raises:
            WaitTimeout: not in time.
        """
        __tracebackhide__ = True
        started = time.monotonic()
        telling = _Telling(self._cluster.observer, what)

        def limit(views: Views) -> float:
            return self.scale * (timeout(views) if callable(timeout) else timeout)

        seen = "nothing yet"
        try:
            with Following(self._cluster, subjects) as following:
                while True:
                    if (result := judge(following.views)) is not None:
                        return result
                    seen = describe(following.views)
                    elapsed = time.monotonic() - started
                    left = limit(following.views) - elapsed
                    telling.report(seen, elapsed, elapsed + left)
                    if left > 0:
                        following.changes(min(_TICK, left))
                        continue
                    following.look()
                    if (result := judge(following.views)) is not None:
                        return result
                    if limit(following.views) > elapsed:
                        continue
                    seen = describe(following.views)
                    expired(following.views)
                    raise WaitTimeout(
                        f"{what}: not within {elapsed + left:g} s.\n  Last seen: {seen}"
                    )
        except AicrError as error:
            if not isinstance(error, WaitTimeout | WaitFailed):
                error.add_note(f"while waiting for {what}; last seen: {seen}")
            raise

    def for_object(
        self,
        what: str,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        until: Callable[[Object], bool],
        unless: Callable[[Object], str | None] = lambda _: None,
        describe: Callable[[Object], str] = lambda obj: "it is there",
        timeout: float,
    ) -> Object:
        """Wait until one object is as it shall be; it need not exist yet.

        Args:
            unless: why it cannot become so any more; None while it can.

        Raises:
            WaitFailed: ``unless`` gave a reason.
            WaitTimeout: not in time.
        """
        __tracebackhide__ = True
        subject = Subject(kind=kind, namespace=namespace, name=name)

        def judge(views: Views) -> Object | None:
            if (obj := _only(views)) is None:
                return None
            if until(obj):
                return obj
            if why := unless(obj):
                raise WaitFailed(f"{what}: will not happen: {why}\n  Last seen: {describe(obj)}")
            return None

        def line(views: Views) -> str:
            obj = _only(views)
            return describe(obj) if obj else f"{full_name(kind, name, namespace)} does not exist"

        return self.until(what, [subject], judge=judge, describe=line, timeout=timeout)

    def until_gone(
        self,
        what: str,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        timeout: float | Callable[[Views], float],
    ) -> None:
        """Wait until an object is gone; one of the same name but another uid counts as gone."""
        __tracebackhide__ = True

        def judge(views: Views) -> bool | None:
            obj = _only(views)
            return obj is None or (uid is not None and obj["metadata"]["uid"] != uid) or None

        subject = Subject(kind=kind, namespace=namespace, name=name)
        self.until(what, [subject], judge=judge, describe=describe_remaining, timeout=timeout)

    def poll(
        self,
        what: str,
        look: Callable[[], T],
        *,
        until: Callable[[T], bool],
        unless: Callable[[T], str | None] = lambda _: None,
        describe: Callable[[T], str] = str,
        every: float = 1.0,
        timeout: float,
        tolerate: tuple[type[Exception], ...] = (),
    ) -> T:
        """Look again and again, for what cannot be watched; the last look is at the deadline.

        Args:
            tolerate: errors of ``look`` that mean "not yet".

        Raises:
            WaitFailed: ``unless`` gave a reason.
            WaitTimeout: not in time.
        """
        __tracebackhide__ = True
        import tenacity

        started = time.monotonic()
        limit = timeout * self.scale
        telling = _Telling(self._cluster.observer, what)
        last = "nothing yet"

        def attempt() -> T:
            nonlocal last
            try:
                seen = look()
            except tolerate as error:
                last = str(error)
                telling.report(last, time.monotonic() - started, limit)
                raise _NotYet from error
            last = describe(seen)
            telling.report(last, time.monotonic() - started, limit)
            if until(seen):
                return seen
            if why := unless(seen):
                raise WaitFailed(f"{what}: will not happen: {why}\n  Last seen: {last}")
            raise _NotYet

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotYet),
            wait=lambda _: min(every, max(0.0, started + limit - time.monotonic())),
            stop=tenacity.stop_after_delay(limit),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _NotYet:
            message = f"{what}: not within {limit:g} s.\n  Last seen: {last}"
            raise WaitTimeout(message) from None


class _NotYet(Exception):
    """Look again."""


class _Telling:
    """Tells the observer what is awaited: on every change, and every few seconds."""

    def __init__(self, observer: Observer, what: str) -> None:
        self._observer = observer
        self._what = what
        self._seen: str | None = None
        self._told = 0.0

    def report(self, seen: str, elapsed: float, timeout: float) -> None:
        if seen == self._seen and elapsed - self._told < _HEARTBEAT:
            return
        self._seen, self._told = seen, elapsed
        self._observer.awaiting(self._what, seen, elapsed, timeout)


def describe_remaining(views: Views) -> str:
    """What is still there, each with its finalizers: the line of waits for something to go."""
    found = []
    for view in views:
        for obj in view.values():
            metadata = obj["metadata"]
            name = "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))
            state = "being deleted" if metadata.get("deletionTimestamp") else "not being deleted"
            held = ", ".join(metadata.get("finalizers") or ()) or "none"
            found.append(f"{obj.get('kind', '')} {name} ({state}, finalizers: {held})".strip())
    return "; ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _only(views: Views) -> Object | None:
    with contextlib.suppress(StopIteration):
        return next(iter(views[0].values()))
    return None
