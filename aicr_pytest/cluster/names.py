"""The forms of the names that a run gives: made here, and known again by whoever cleans up."""

import datetime
import re
import secrets
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import LEASE, NAMESPACE, PRIORITY_CLASS

if TYPE_CHECKING:
    from aicr_pytest.cluster.kinds import Kind

LEASES_IN = "default"
"""Namespace of our Leases; of all namespaces that a run did not make, the only one that it uses."""

_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def new_run_id(now: datetime.datetime) -> str:
    """A label value that sorts by time and that no other run has: ``20260102-030405-ab12``."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def is_run_id(text: str) -> bool:
    """Whether a run can have this id: a moment that was, and four digits."""
    if not _RUN_ID.fullmatch(text):
        return False
    try:
        datetime.datetime.strptime(text[:15], "%Y%m%d-%H%M%S")
    except ValueError:
        return False
    return True


def namespace_name(run_id: str, module: str, token: str) -> str:
    """``aicr-<run>-<module>-<token>``, short enough and in the letters that are allowed."""
    name = _letters(module.rpartition(".")[2].removeprefix("test_"))[:36].strip("-")
    return "-".join(part for part in (_namespace_stem(run_id), name, token) if part)


def is_namespace_of(run_id: str, name: str) -> bool:
    """Whether a namespace of this run can be called so."""
    stem = re.escape(_namespace_stem(run_id))
    return re.fullmatch(rf"{stem}(-[a-z0-9]+)+", name) is not None


def cluster_name(run_id: str, what: str = "") -> str:
    """``aicr-<run id>-<what>``: of an object of the whole cluster."""
    return "-".join(part for part in ("aicr", run_id, what) if part)


def lease_name(what: str) -> str:
    """``aicr-pytest-<what>``: of a Lease in ``default``."""
    return f"aicr-pytest-{what}"


def can_be_of(run_id: str, kind: "Kind", name: str, namespace: str) -> bool:
    """Whether a run makes an object of this name there, outside of its namespaces."""
    if kind.name == NAMESPACE.name and not kind.group:
        return is_namespace_of(run_id, name)
    if kind == PRIORITY_CLASS:  # of the pods in the namespace of that name
        return is_namespace_of(run_id, name)
    if not kind.namespaced:
        return name == cluster_name(run_id) or name.startswith(f"{cluster_name(run_id)}-")
    is_lease = (kind.group, kind.name) == (LEASE.group, LEASE.name)
    return is_lease and namespace == LEASES_IN and name.startswith(lease_name(""))


def _namespace_stem(run_id: str) -> str:
    run = _letters(run_id)[-8:].strip("-")
    return "-".join(part for part in ("aicr", run) if part)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
