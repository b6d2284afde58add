"""The end of a run on the cluster: what nobody has taken down is removed, and named if it stays."""

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from aicr_pytest.cluster.ledger import inside
from aicr_pytest.errors import AicrError

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.ledger import Entry, Standing
    from aicr_pytest.cluster.leftovers import Leftover
    from aicr_pytest.run.session import Run


def remove(run: "Run", say: Callable[[str], None], *, leaving: Callable[[], bool]) -> list[str]:
    """Remove what the run has made and not taken down; one line for each that stays.

    Once the user hurries, it is only asked for; once he leaves, it is only named. What he wants to
    keep is left alone and not in the lines.
    """
    standing = run.standing
    standing = standing.without(entry for entry in standing.entries if entry.name in standing.kept)
    if not standing:
        return []
    if leaving():
        return _named(standing, "it was not waited for")
    try:
        return _removed(run, standing, say)
    except AicrError as error:
        # Which request it was that found it out matters to nobody.
        return _named(standing, re.sub(r"^[A-Z]+ /\S*: ", "", _first_line(error)))
    except KeyboardInterrupt:
        return _named(standing, "it was not waited for")


def remove_of(run: "Run", worker: str) -> None:
    """Remove what a worker that has died had made, while others of the run go on.

    Never raises: what fails here is tried again at the end of the run, and told then. Leases are
    left to expire; another worker may have taken them over.
    """
    from aicr_pytest.cluster.kinds import LEASE
    from aicr_pytest.cluster.leftovers import clean

    if run.settings.keep != "never":
        return
    ledger = run.ledger_of(worker)
    with contextlib.suppress(Exception):
        standing = ledger.standing()
        found = _there(run.cluster, standing)
        whole = {entry: left for entry, left in found.items() if entry.kind != LEASE}
        stays = {left.uid for left in clean(run.cluster, [*whole.values()], run.waiter, _silent)}
        for entry, left in whole.items():
            if left.uid not in stays:
                ledger.strike(entry)


def _silent(line: str) -> None:
    """A worker's death is told, and what it leads to is not news."""


def kept(run: "Run") -> list[str]:
    """What stays by the user's wish; one line each."""
    standing = run.standing
    wish = f"--aicr-keep={run.settings.keep}"
    return [_line(e, standing, wish) for e in standing.outermost if e.name in standing.kept]


def _removed(run: "Run", standing: "Standing", say: Callable[[str], None]) -> list[str]:
    from aicr_pytest.cluster.kinds import LEASE
    from aicr_pytest.cluster.leftovers import clean

    found: dict[Entry, Leftover] = {}

    def look() -> None:
        found.update(_there(run.cluster, standing))

    run.outage.sit_out("What is left", look, run.waiter)
    reasons: dict[Entry, str] = {}
    if run.settings.keep != "never":
        # A worker that died could not say that it keeps its namespace; Leases are nobody's to keep.
        whole = {entry: left for entry, left in found.items() if entry.kind != LEASE}
        reasons = dict.fromkeys(whole, f"--aicr-keep={run.settings.keep}")
        found = {entry: left for entry, left in found.items() if entry not in whole}
    # Each was waited for by its check, and nothing of ours is in it any more.
    reasons |= {entry: left.problem for entry, left in found.items() if left.problem}
    found = {entry: left for entry, left in found.items() if not left.problem}
    if not run.hurried.is_set():
        stays = {
            left.uid: left.problem
            for left in clean(run.cluster, [*found.values()], run.waiter, say)
        }
        found = {entry: left for entry, left in found.items() if left.uid in stays}
        reasons |= {entry: stays[left.uid] for entry, left in found.items()}
    if run.hurried.is_set():  # from the beginning, or since
        reasons = {entry: why for entry, why in reasons.items() if entry not in found}
        reasons |= _ask_for_removal(run.cluster, found)
    return [_line(entry, standing, _first_line(why)) for entry, why in reasons.items()]


def _there(cluster: "Cluster", standing: "Standing") -> "dict[Entry, Leftover]":
    """Those that are still there and still ours, in the order in which they have to go."""
    from aicr_pytest.cluster import labels
    from aicr_pytest.cluster.kinds import LEASE, NAMESPACE
    from aicr_pytest.cluster.leftovers import Leftover
    from aicr_pytest.cluster.teardown import held_by_a_dead_api

    found: dict[Entry, Leftover] = {}
    # In the order of making, but accelerators are given back once the pods on them are gone.
    for entry in sorted(standing.outermost, key=lambda entry: entry.kind == LEASE):
        obj = cluster.find(entry.kind, entry.name, entry.namespace or None)
        if obj is None or not labels.is_ours(obj, cluster.run_id):
            continue
        metadata = obj["metadata"]
        found[entry] = Leftover(
            kind=entry.kind,
            name=entry.name,
            namespace=entry.namespace,
            uid=metadata["uid"],
            run=cluster.run_id,
            created=metadata.get("creationTimestamp", ""),
            finalizers=tuple(metadata.get("finalizers") or ()),
            problem=held_by_a_dead_api(obj) if entry.kind == NAMESPACE else "",
        )
    return found


def _ask_for_removal(cluster: "Cluster", found: "dict[Entry, Leftover]") -> "dict[Entry, str]":
    """Delete without waiting; why each stays, which it may do for no longer than its own grace.

    Kubernetes keeps the order by itself: pods end gracefully, and a claim's finalizer holds it for
    as long as a pod uses it.
    """
    reasons: dict[Entry, str] = {}
    for entry, left in found.items():
        namespace = entry.namespace or None
        try:
            cluster.delete(entry.kind, entry.name, namespace, uid=left.uid)
            if cluster.find(entry.kind, entry.name, namespace) is not None:
                reasons[entry] = "it is being deleted, and its end was not waited for"
        except AicrError as error:
            reasons[entry] = str(error)
    return reasons


def _named(standing: "Standing", why: str) -> list[str]:
    return [_line(entry, standing, why) for entry in standing.outermost]


def _line(entry: "Entry", standing: "Standing", why: str) -> str:
    within = inside(standing.within(entry.name)) if not entry.kind.namespaced else ""
    return f"{entry}{f' with {within}' if within else ''}: {why}"


def _first_line(words: object) -> str:
    return str(words).strip().partition("\n")[0].rstrip(".")
