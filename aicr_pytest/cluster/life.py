"""Signs of life: a Lease per process of a run, by which ``clean`` knows that the run goes on.

Leases of accelerators do not tell it: a run holds none between two checks, and few checks need
one. A Lease here lies in ``default`` from the first namespace that a process makes to its last, and
is renewed meanwhile. It is believed for the time that Leases are given, and no longer, whatever it
says of itself: a run that was killed must not be protected for ever.
"""

import dataclasses
import datetime
import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.kinds import LEASE, Object, full_name
from aicr_pytest.cluster.leases import DURATION
from aicr_pytest.errors import AicrError, ApiError, LeftBehind

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

LONGEST = 4.0 * DURATION
"""Seconds for which a Lease is believed at most."""
_LASTS = 3 * DURATION
"""Seconds for which a process is believed to go on: the API server may be away for a minute."""
_RENEW_EVERY = 8.0
_PROCESS = "aicr-pytest/process"
"""Annotation: where the process runs and which it is. On the same machine it can be looked for."""
_AHEAD = 30.0
"""Seconds by which a moment may be ahead of the API server's clock and still be believed."""


class Life:
    """The sign of life of one process of a run."""

    def __init__(self, cluster: "Cluster", *, worker: str = "") -> None:
        self._cluster = cluster
        self._worker = worker
        self._lease: Object | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the Lease."""
        parts = ("run", self._cluster.run_id, self._worker)
        return names.lease_name("-".join(part for part in parts if part))

    def begin(self) -> None:
        """Give the sign from now on; doing it twice is fine.

        Who may not have Leases runs without: then nothing but the user's care protects the run.
        """
        with self._lock:
            if self._lease is not None or self._stop.is_set():
                return
            try:
                self._lease = self._made()
            except AicrError:
                return
        threading.Thread(target=self._renew, name="life", daemon=True).start()

    def end(self) -> None:
        """Take the sign away.

        Raises:
            LeftBehind: it stays.
        """
        self._stop.set()
        with self._lock:
            lease, self._lease = self._lease, None
        if lease is None:
            return
        name, uid = lease["metadata"]["name"], lease["metadata"]["uid"]
        try:
            self._cluster.delete(LEASE, name, names.LEASES_IN, uid=uid)
        except AicrError as error:
            raise LeftBehind(
                f"{full_name(LEASE, name, names.LEASES_IN)} stays: {error}\n"
                f"  Remove it later with: aicr-pytest clean --run {self._cluster.run_id}"
            ) from error

    def _made(self) -> Object:
        now = _written(datetime.datetime.now(datetime.UTC))
        parts = (self._cluster.run_id, self._worker)
        return self._cluster.create(
            {
                "apiVersion": LEASE.api_version,
                "kind": LEASE.name,
                "metadata": {
                    "name": self.name,
                    "namespace": names.LEASES_IN,
                    "annotations": {_PROCESS: process_mark(os.getpid())},
                },
                "spec": {
                    "holderIdentity": "/".join(part for part in parts if part),
                    "leaseDurationSeconds": _LASTS,
                    "acquireTime": now,
                    "renewTime": now,
                },
            }
        )

    def _renew(self) -> None:
        while not self._stop.wait(_RENEW_EVERY):
            now = _written(datetime.datetime.now(datetime.UTC))
            with self._lock:
                if self._lease is None:
                    return
                metadata = self._lease["metadata"]
                patch = {"metadata": {"uid": metadata["uid"]}, "spec": {"renewTime": now}}
                try:
                    self._cluster.patch(LEASE, metadata["name"], names.LEASES_IN, patch)
                except ApiError:
                    self._recreate()
                except AicrError:
                    pass  # no answer; perhaps the next time

    def _recreate(self) -> None:
        # Somebody has removed it, and the run goes on all the same.
        try:
            self._lease = self._made()
        except AicrError:
            return


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """That a run goes on."""

    run: str
    """Which."""
    lease: str
    """Name of the Lease that says so."""
    age: float
    """Seconds since it was renewed, by the API server's clock."""
    believed: float
    """Seconds for which it is believed from then on."""

    def __str__(self) -> str:
        wait = max(1.0, self.believed - self.age)
        return (
            f"run {self.run} goes on: Lease {names.LEASES_IN}/{self.lease} was renewed"
            f" {max(0.0, self.age):.0f} s ago; if not once more, it has ended in {wait:.0f} s"
        )


def signs(cluster: "Cluster") -> dict[str, Sign]:
    """The runs that go on, as the Leases of runs tell it.

    A Lease counts while it is renewed, and not once its process is known to be gone. Copies of it
    are not renewed, so that nothing else is asked of it than its name and labels.

    Raises:
        AccessDenied: Leases may not be listed.
    """
    leases = cluster.list(LEASE, names.LEASES_IN, labels=labels.selector(None))
    ahead = datetime.timedelta(seconds=cluster.clock_ahead)
    now = datetime.datetime.now(datetime.UTC) + ahead
    found: dict[str, Sign] = {}
    by_process: dict[str, list[tuple[Object, bool]]] = {}
    for lease in leases:
        run = labels.run_of(lease)
        name = lease["metadata"]["name"]
        if names.is_run_id(run) and names.can_be_of(run, LEASE, name, names.LEASES_IN):
            is_process = name.startswith(names.lease_name(f"run-{run}"))
            by_process.setdefault(run, []).append((lease, is_process))
    for run, those in by_process.items():
        # Where processes give signs, Leases of accelerators tell nothing more: they outlive them.
        speaking = [one for one, is_process in those if is_process] or [one for one, _ in those]
        alive = [sign for one in speaking if (sign := _sign(run, one, now))]
        if alive:
            found[run] = min(alive, key=lambda sign: sign.age)
    return found


def process_mark(pid: int) -> str:
    """Machine, process and when that started; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # The name in parentheses may hold anything; what is wanted are the 3rd and 22nd field.
        state, *fields = told.rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    if state in "ZX":
        return ""
    machine = hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:16]
    return f"{machine}/{pid}/{fields[18]}"


def _is_gone(mark: str) -> bool:
    """Whether the process of a mark ran on this machine and does so no more."""
    here = process_mark(os.getpid()).partition("/")[0]
    machine, _, rest = mark.partition("/")
    pid = rest.partition("/")[0]
    return bool(here) and here == machine and pid.isdecimal() and process_mark(int(pid)) != mark


def _sign(run: str, lease: Object, now: datetime.datetime) -> Sign | None:
    notes = lease["metadata"].get("annotations") or {}
    if _is_gone(str(notes.get(_PROCESS) or "")):
        return None
    duration = _spec(lease).get("leaseDurationSeconds")
    # Not float() of what it says: integers may be of any size.
    believed = float(max(0, min(duration, LONGEST)) if isinstance(duration, int) else DURATION)
    ages = [(now - moment).total_seconds() for moment in _renewed(lease)]
    age = min((age for age in ages if age > -_AHEAD), default=believed + 1)
    if age > believed:
        return None
    return Sign(run=run, lease=lease["metadata"]["name"], age=age, believed=believed)


def _renewed(lease: Object) -> list[datetime.datetime]:
    """When it was renewed: by the clock of whoever did, and by that of the API server."""
    told = [*labels.written_at(lease), _spec(lease).get("renewTime")]
    return [moment for text in told if (moment := _read(text))]


def _spec(lease: Object) -> Mapping[str, Any]:
    spec = lease.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _read(text: Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _written(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
