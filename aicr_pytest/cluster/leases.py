"""Leases: who of us holds which accelerators, across workers and runs on one cluster.

One ``coordination.k8s.io`` Lease stands for one accelerator of one node, so that ``kubectl get
leases`` shows who holds it. The API server makes creating one atomic: what fits is held side by
side, what does not takes turns. Others on the cluster know nothing of it; it keeps only our own
checks from taking capacity from each other.

They lie in ``default``, which every cluster has: a namespace of ours could not be removed by the
last run without the next one losing the Lease that it has just made there.
"""

import dataclasses
import datetime
import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.kinds import LEASE, Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import (
    AicrError,
    ApiError,
    Inconclusive,
    LeaseLost,
    LeftBehind,
    NoCapacity,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

NAMESPACE = names.LEASES_IN
DURATION = 30
"""Seconds after which a Lease that nobody renews is free for the taking."""
_BELIEVED = 4 * DURATION
"""Seconds after which any Lease that nobody renews is free, whatever it says of itself."""
_RENEW_EVERY = 8.0
_NODE = "aicr-pytest/node"
"""Annotation with the node's name, which may be longer than a label's value."""
_INDEX = "aicr-pytest/accelerator"
"""Annotation with the number of the accelerator on its node."""
_TAKING = "aicr-pytest/taking"
"""Annotation that no two attempts to take a Lease have in common."""

_NUMBERS = 10_000
"""No node has so many accelerators."""

Slot = tuple[str, int]
"""Node and number of an accelerator; the number is nobody's device, it only counts."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many accelerators of one node."""

    node: str
    """Name of the node."""
    total: int
    """How many it has."""
    wanted: int
    """How many are needed at once."""


def choose(
    alternatives: Sequence[Sequence[Share]], taken: Mapping[str, set[int]]
) -> list[Slot] | None:
    """The slots of the first alternative that fits beside what is taken; None where none does.

    The lowest numbers come first, in the order of names: whoever is stopped by a slot that another
    has just taken gives way, and of two that meet one always goes on.
    """
    for shares in alternatives:
        slots: list[Slot] = []
        for share in sorted(shares, key=lambda share: share.node):
            free = [n for n in range(share.total) if n not in taken.get(share.node, set())]
            if len(free) < share.wanted:
                break
            slots += [(share.node, number) for number in free[: share.wanted]]
        else:
            return slots
    return None


def lease_name(slot: Slot) -> str:
    """Name of the Lease of a slot; a node's name may leave no room for ours."""
    node, number = slot
    stem = node if len(node) <= 200 else hashlib.sha256(node.encode()).hexdigest()[:32]
    return names.lease_name(f"{stem}-{number}")


def slot_of(lease: Object) -> Slot | None:
    """The slot that a Lease stands for; None for a Lease that none of us can have made so."""
    notes = _notes(lease)
    node, number = notes.get(_NODE), notes.get(_INDEX) or ""
    if not node or not (number.isascii() and number.isdecimal() and len(number) < 6):
        return None
    slot = (node, int(number))
    named = lease["metadata"]["name"] == lease_name(slot)
    holds = isinstance(lease.get("spec"), dict) and slot[1] < _NUMBERS
    return slot if named and holds and labels.is_ours(lease) else None


class Staleness:
    """Tells Leases that nobody renews, by our own clock: those of others may be minutes off."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, tuple[tuple[str, str], float]] = {}

    def expired(self, lease: Object) -> bool:
        """Whether it has stood unchanged for its duration since we first saw it so."""
        spec, metadata = lease["spec"], lease["metadata"]
        if metadata.get("deletionTimestamp"):
            return False  # it stays as long as its finalizers; nobody can take its name
        state = (metadata["uid"], str(spec.get("renewTime")))
        known, since = self._since.get(metadata["name"], (None, 0.0))
        if known != state:
            since = self._clock()
            self._since[metadata["name"]] = (state, since)
        return self._clock() - since > _believed(spec.get("leaseDurationSeconds"))


def _believed(duration: object) -> float:
    """Seconds for which a Lease is believed that says so of itself."""
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        return DURATION
    if duration > _BELIEVED:
        return _BELIEVED
    return duration if duration >= DURATION else DURATION  # NaN is neither less nor more


class Obstacles:
    """Leases that are none of ours and have the names of ours: their slots cannot be taken.

    Nobody removes them: what we did not make is not ours to remove.
    """

    def __init__(self) -> None:
        self._met: set[str] = set()

    def see(self, name: str, leases: Iterable[Object]) -> None:
        """What has a name that could not be taken: a Lease of others, one of ours, or nothing."""
        odd = any(slot_of(lease) is None for lease in leases)
        (self._met.add if odd else self._met.discard)(name)

    def among(self, leases: Iterable[Object]) -> set[str]:
        """The names that were met, and those that a list of what is labelled as ours shows."""
        return self._met | {one["metadata"]["name"] for one in leases if slot_of(one) is None}


def obstructed(alternatives: Sequence[Sequence[Share]], names: Collection[str]) -> set[Slot]:
    """The slots of the alternatives whose names others have."""
    return {
        slot
        for shares in alternatives
        for share in shares
        for slot in ((share.node, number) for number in range(share.total))
        if lease_name(slot) in names
    }


class Window:
    """Accelerators that are ours until ``release``; a context manager."""

    def __init__(self, leases: "Leases", held: Sequence[Object], since: datetime.datetime) -> None:
        self._leases = leases
        self.held = tuple(held)
        """The Leases as they were made."""
        self.lost = ""
        """Why a Lease is not ours any more; empty while all are."""
        self.sure_until = since
        """UTC, when all Leases were last known to be ours."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes whose accelerators are ours."""
        return tuple(dict.fromkeys(slot[0] for lease in self.held if (slot := slot_of(lease))))

    def __str__(self) -> str:
        return describe_holders(self.held)

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def shrink(self, accelerators: int) -> None:
        """Keep so many accelerators of each node, and give the others back.

        Raises:
            LeftBehind: a Lease stays; it expires by itself.
        """
        self._leases.give_back_beyond(self, accelerators)

    def release(self) -> None:
        """Give the accelerators back to other checks; doing it twice is fine.

        Raises:
            LeaseLost: one was lost meanwhile, so that others may have been in the way.
            LeftBehind: a Lease stays; it expires by itself.
        """
        self._leases.give_back(self)


class Leases:
    """Takes and renews Leases for one process of a run."""

    def __init__(self, cluster: "Cluster", waiter: Waiter, *, holder: str) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._holder = holder
        self._windows: list[Window] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, alternatives: Sequence[Sequence[Share]]) -> Window:
        """Wait until all shares of one alternative are free, and take them.

        Raises:
            NoCapacity: no node has so many, or other checks hold them for too long.
        """
        fitting = [
            shares for shares in alternatives if all(s.wanted <= s.total for s in shares) and shares
        ]
        if not fitting:
            told = "; ".join(
                f"{s.wanted} of {s.total} on {s.node}" for a in alternatives for s in a
            )
            raise NoCapacity(f"More accelerators are needed than there are: {told or 'no node'}.")
        staleness, obstacles = Staleness(), Obstacles()
        wanted = " or ".join(_told(shares) for shares in fitting)

        def seen(views: Views) -> str:
            leases = list(views[0].values())
            blocked = _listed(map(lease_name, obstructed(fitting, obstacles.among(leases))))
            odd = f"none of ours, but in the way: {blocked}" if blocked else ""
            return "; ".join(filter(None, [describe_holders(leases), odd])) or "nobody holds any"

        def expired(views: Views) -> None:
            raise NoCapacity(
                f"Other checks have not given back {wanted} within "
                f"{self._waiter.deadlines.lease_granted * self._waiter.scale:g} s: "
                f"{seen(views)}.",
                hint=f"kubectl get leases -n {NAMESPACE} -l {labels.selector(None)}",
            )

        return self._waiter.until(
            f"Leases for {wanted}",
            [Subject(kind=LEASE, namespace=NAMESPACE, labels=labels.selector(None))],
            judge=lambda views: self._try(fitting, views[0].values(), staleness, obstacles),
            describe=seen,
            timeout=self._waiter.deadlines.lease_granted,
            expired=expired,
        )

    def _try(
        self,
        alternatives: Sequence[Sequence[Share]],
        leases: Iterable[Object],
        staleness: Staleness,
        obstacles: Obstacles,
    ) -> Window | None:
        leases = list(leases)
        there = {slot: lease for lease in leases if (slot := slot_of(lease))}
        dead = {slot: lease for slot, lease in there.items() if staleness.expired(lease)}
        blocked = obstructed(alternatives, obstacles.among(leases))
        taken = _by_node([*(there.keys() - dead.keys()), *blocked])
        if (slots := choose(alternatives, taken)) is None:
            self._see_that_waiting_helps(alternatives, leases, blocked, obstacles)
            return None
        held: list[Object] = []
        asked_at = _utc()
        try:
            for slot in slots:
                held.append(self._take_one(slot, dead.get(slot)))
        except AicrError as error:
            for lease in held:
                self._delete(lease)
            if isinstance(error, ApiError) and error.status in (404, 409):
                # Somebody was faster, and the watch brings it; or it is none of us.
                self._see(slots[len(held)], obstacles)
                return None
            raise
        window = Window(self, held, asked_at)
        self._keep(window)
        return window

    def _see_that_waiting_helps(
        self,
        alternatives: Sequence[Sequence[Share]],
        leases: Sequence[Object],
        blocked: Collection[Slot],
        obstacles: Obstacles,
    ) -> None:
        """Raises where too little is left even once all of us have given back what they hold."""
        if choose(alternatives, _by_node(blocked)) is not None:
            return
        for slot in blocked:
            self._see(slot, obstacles)  # it may be gone by now
        names = obstacles.among(leases)
        if choose(alternatives, _by_node(obstructed(alternatives, names))) is None:
            raise NoCapacity(
                f"Leases that are none of ours have the names of ours: {_listed(names)}.",
                hint=f"See whose they are, and delete them: kubectl get leases -n {NAMESPACE}",
            )

    def _see(self, slot: Slot, obstacles: Obstacles) -> None:
        name = lease_name(slot)
        subject = Subject(kind=LEASE, namespace=NAMESPACE, name=name)
        obstacles.see(name, self._cluster.listing(subject).items)

    def _take_one(self, slot: Slot, dead: Object | None) -> Object:
        now, taking = _now(), uuid.uuid4().hex
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": DURATION,
            "acquireTime": now,
            "renewTime": now,
        }
        if dead is not None:
            # A new object, not a new holder: whoever comes back to life must not take it for his.
            metadata = dead["metadata"]
            self._cluster.delete(LEASE, metadata["name"], NAMESPACE, uid=metadata["uid"])
        made = self._cluster.create(
            {
                "apiVersion": LEASE.api_version,
                "kind": LEASE.name,
                "metadata": {
                    "name": lease_name(slot),
                    "namespace": NAMESPACE,
                    "annotations": {_NODE: slot[0], _INDEX: str(slot[1]), _TAKING: taking},
                },
                "spec": spec,
            }
        )
        if slot_of(made) is None:
            self._delete(made)
            raise Inconclusive(
                f"Lease {NAMESPACE}/{lease_name(slot)}: the cluster changes what we create;"
                " labels, annotations or spec are not as they were sent.",
                hint="Exempt Leases named aicr-pytest-* from what mutates them.",
            )
        if _notes(made).get(_TAKING) != taking:
            # The client takes what is there for ours where an answer was lost; a worker of the same
            # run may have made it.
            raise ApiError(409, "AlreadyExists", "another worker holds it", request="POST lease")
        return made

    def give_back(self, window: Window) -> None:
        """As ``Window.release``."""
        with self._lock:
            if window not in self._windows:
                return
            self._windows.remove(window)
            last = not self._windows
            # A renewal on its way finds none of what is deleted now: that is no loss.
            lost, since = window.lost, window.sure_until
        if last:
            self._stop.set()
        troubles = [str(error) for lease in window.held if (error := self._delete(lease))]
        if lost:
            raise LeaseLost(f"{window}: lost meanwhile ({lost}).", since=since)
        if troubles:
            raise LeftBehind(f"{window}: not given back: {'; '.join(troubles)}")

    def give_back_beyond(self, window: Window, accelerators: int) -> None:
        """As ``Window.shrink``."""
        kept: dict[str, int] = {}
        keep: list[Object] = []
        rest: list[Object] = []
        for lease in window.held:
            node, _ = slot_of(lease) or ("", 0)
            kept[node] = kept.get(node, 0) + 1
            (keep if kept[node] <= accelerators else rest).append(lease)
        with self._lock:
            window.held = tuple(keep)
        if troubles := [str(error) for lease in rest if (error := self._delete(lease))]:
            raise LeftBehind(f"{window}: not given back: {'; '.join(troubles)}")

    def _delete(self, lease: Object) -> AicrError | None:
        metadata = lease["metadata"]
        try:
            self._cluster.delete(LEASE, metadata["name"], NAMESPACE, uid=metadata["uid"])
        except AicrError as error:
            return error
        return None

    def _keep(self, window: Window) -> None:
        with self._lock:
            self._windows.append(window)
            if self._thread is None or self._stop.is_set():
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._renew_all, args=(self._stop,), name="leases", daemon=True
                )
                self._thread.start()

    def _renew_all(self, stop: threading.Event) -> None:
        renewed = time.monotonic()
        while not stop.wait(_RENEW_EVERY):
            with self._lock:
                windows = list(self._windows)
            unreachable = ""
            for window in windows:
                unreachable = self._renew_each(window) or unreachable
            if not unreachable:
                renewed = time.monotonic()
            elif time.monotonic() - renewed > DURATION:
                for window in (window for window in windows if not window.lost):
                    window.lost = unreachable
                    # Whoever waits for them takes no Lease that has not stood for so long.
                    window.sure_until += datetime.timedelta(seconds=DURATION)

    def _renew_each(self, window: Window) -> str:
        """Renew the Leases of a window; why the API server could not be asked, empty where not."""
        asked_at = _utc()
        unreachable = [why for lease in window.held if (why := self._renew(window, lease))]
        if not unreachable and not window.lost:
            window.sure_until = asked_at
        return next(iter(unreachable), "")

    def _renew(self, window: Window, lease: Object) -> str:
        """Renew one Lease; why the API server could not be asked, empty where it answered."""
        name, uid = lease["metadata"]["name"], lease["metadata"]["uid"]
        patch = {"metadata": {"uid": uid}, "spec": {"renewTime": _now()}}
        try:
            self._cluster.patch(LEASE, name, NAMESPACE, patch)
        except ApiError as error:
            if lease in window.held:  # else it was given back meanwhile
                window.lost = str(error)
        except AicrError as error:
            return str(error)
        return ""


def _by_node(slots: Iterable[Slot]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for node, number in slots:
        found.setdefault(node, set()).add(number)
    return found


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(found[:3]) + more


def describe_holders(leases: Iterable[Object]) -> str:
    """Who holds how many of which node, in one line."""
    held: dict[tuple[str, str], int] = {}
    for lease in leases:
        if slot := slot_of(lease):
            key = (str(lease["spec"].get("holderIdentity") or "nobody")[:200], slot[0])
            held[key] = held.get(key, 0) + 1
    return "; ".join(f"{who} holds {n} of {node}" for (who, node), n in sorted(held.items()))


def _told(shares: Sequence[Share]) -> str:
    return " and ".join(
        f"{share.wanted} accelerator{'s' * (share.wanted > 1)} of {share.node}" for share in shares
    )


def _notes(lease: Object) -> Mapping[str, str]:
    return lease["metadata"].get("annotations") or {}


def _now() -> str:
    return _utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
