"""Where evidence goes: one folder per check, written as it happens."""

import contextlib
import dataclasses
import datetime
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.attempts import what_counts, worst
from aicr_pytest.evidence.check import CheckEvidence
from aicr_pytest.evidence.clock import iso, utc_now
from aicr_pytest.evidence.files import append_whole, write_atomically
from aicr_pytest.evidence.json_fields import Fields, read_fields, to_bytes
from aicr_pytest.evidence.names import check_folder, folder_name
from aicr_pytest.evidence.record import (
    RECORD_FILE,
    Attempt,
    Basis,
    CheckRecord,
    Outcome,
    Phase,
)
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RUN_FILE, RunInfo

_MOST_PENDING = 32 * 1024 * 1024
"""Bytes kept in memory for another try where the disk is full; more would endanger the run."""

_TOLERATED = {"assets", "report.html"}
"""What pytest-html may have put into the directory before us."""


class EvidenceStore:
    """The evidence of one run, or of one worker's part of it.

    Nothing here raises once the store is open: a full disk must not end a run. What could not be
    written stands in ``problems``.
    """

    def __init__(
        self,
        directory: Path | None,
        run_id: str,
        redactor: Redactor,
        *,
        worker: str = "",
        clock: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self.directory = directory
        """Absolute; ``None`` where nothing is written."""
        self.run_id = run_id
        """The run that all evidence belongs to."""
        self.redactor = redactor
        """What takes secrets out."""
        self.current: CheckEvidence | None = None
        """The check that runs; session fixtures add their observations to it."""
        self.clock = clock
        """Gives the time of now."""
        self._worker = worker
        self._records: dict[tuple[str, str], CheckRecord] = {}
        self._pending: dict[Path, bytes] = {}
        self._failed: dict[Path, str] = {}
        self._lock = threading.RLock()  # requests are journaled from background threads too

    @classmethod
    def open(
        cls,
        directory: Path | None,
        run_id: str,
        redactor: Redactor,
        *,
        worker: str = "",
        clock: Callable[[], datetime.datetime] = utc_now,
    ) -> "EvidenceStore":
        """A store that writes into ``directory``, or only keeps records where that is ``None``.

        Opening it again with the same run id joins the run, as xdist workers do.

        Raises:
            SettingsError: the directory cannot be written, or holds another run or something else.
        """
        if directory is None:
            return cls(None, run_id, redactor, worker=worker, clock=clock)
        # Absolute at once: the working directory may change before the first write.
        directory = directory.absolute()
        _claim(directory, RunInfo(run_id=run_id, started_at=iso(clock()), interrupted=True))
        return cls(directory, run_id, redactor, worker=worker, clock=clock)

    @property
    def records(self) -> list[CheckRecord]:
        """The checks of this process, in the order of their start."""
        return list(self._records.values())

    @property
    def problems(self) -> list[str]:
        """One line about what could not be written; empty while the evidence is complete."""
        with self._lock:
            if not self._failed:
                return []
            first, reason = next(iter(self._failed.items()))
            count = len(self._failed)
        others = f" and {count - 1} more" if count > 1 else ""
        return [f"evidence is incomplete: {first.name}{others} could not be written: {reason}"]

    def lacks(self, file: str) -> bool:
        """Whether a file of the run could not be written as it has to be."""
        with self._lock:
            return self.directory is not None and self.directory / file in self._failed

    def begin(
        self,
        requirement: str,
        check: str,
        *,
        title: str,
        proves: str,
        basis: Basis,
        worker: str = "",
        earlier: CheckRecord | None = None,
    ) -> CheckEvidence:
        """Open the record of a check; until it ends it says ``not run``, in case we are killed.

        Args:
            earlier: of the attempts before this one; all that was seen in them is kept.
        """
        clean = self.redactor.text
        record = CheckRecord(
            requirement=requirement,
            check=clean(check),
            title=clean(title),
            proves=clean(proves),
            basis=basis,
            outcome="not run",
            message="It had started when the run was ended.",
            started_at=iso(self.clock()),
            worker=worker or self._worker,
        )
        if earlier is not None:
            record = _go_on(earlier, record)
        folder = check_folder(requirement, record.check)
        evidence = CheckEvidence(record, folder, self)
        self.current = evidence
        self.keep(folder, record)
        return evidence

    def end(
        self,
        check_evidence: CheckEvidence,
        outcome: Outcome,
        message: str = "",
        phases: Sequence[Phase] = (),
        left_behind: str = "",
    ) -> CheckRecord:
        """Close the record of a check."""
        redact = self.redactor.publish
        phases = tuple(
            dataclasses.replace(phase, message=redact(phase.message)) for phase in phases
        )
        before = check_evidence.record
        attempt = Attempt(
            outcome=outcome,
            message=redact(message),
            finished_at=iso(self.clock()),
        )
        attempts = (*before.attempts, attempt)
        counts = what_counts(attempts)
        stays = [text for text in (before.left_behind, redact(left_behind)) if text]
        record = check_evidence.change(
            outcome=counts.outcome,
            message=counts.message,
            attempts=attempts if len(attempts) > 1 else (),
            phases=(*before.phases, *phases),
            left_behind="\n".join(dict.fromkeys(stays)),
            finished_at=attempt.finished_at,
        )
        if self.current is check_evidence:
            self.current = None
        return record

    def doubt(self, check_evidence: CheckEvidence, attempts: Sequence[Attempt]) -> CheckRecord:
        """Note what the attempts at a check amount to, as was learned after its end."""
        counts = what_counts(attempts)
        redact = self.redactor.publish
        attempts = [dataclasses.replace(one, message=redact(one.message)) for one in attempts]
        return check_evidence.change(
            outcome=counts.outcome,
            message=redact(counts.message),
            attempts=tuple(attempts) if len(attempts) > 1 else (),
        )

    def journal(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note one request to the API server; a line per request, a file per worker."""
        if self.directory is None:
            return
        suffix = f"-{folder_name(self._worker)}" if self._worker else ""
        file = self.directory / f"requests{suffix}.jsonl"
        line = _line(
            {
                "at": iso(self.clock()),
                "method": method,
                "path": self.redactor.publish(path),
                "status": status,
                "ms": round(seconds * 1000),
            }
        )
        with self._lock:
            try:
                append_whole(file, line)
            except OSError as error:
                self._failed.setdefault(file, error.strerror or str(error))

    def write_run(self, run: RunInfo) -> RunInfo:
        """Write run.json, redacted and with the problems known so far; returns what was written."""
        problems = dict.fromkeys((*run.problems, *self.problems))
        safe = self.redactor.object(dataclasses.replace(run, problems=tuple(problems)).to_json())
        written = RunInfo.from_json(Fields(safe, RUN_FILE))
        if self.directory is not None:
            self.write(RUN_FILE, to_bytes(written.to_json()))
        return written

    def discard(self, others: Sequence[str] = ()) -> None:
        """Take back what was begun, since no check was looked at: a dossier of nothing is none.

        Args:
            others: names of files that somebody else wrote into the directory for us.
        """
        if self.directory is None:
            return
        ours = [self.directory / name for name in (RUN_FILE, *others)]
        with contextlib.suppress(OSError):  # not empty, or gone already
            for file in (*ours, *self.directory.glob("requests*.jsonl")):
                file.unlink(missing_ok=True)
            self.directory.rmdir()

    def finish(self) -> list[str]:
        """Try once more what could not be written; returns ``problems``."""
        with self._lock:
            for path, content in list(self._pending.items()):
                self._try(path, content)
        return self.problems

    def keep(self, folder: str, record: CheckRecord) -> None:
        """Remember a record and write it; for CheckEvidence."""
        self._records[record.requirement, record.check] = record
        if self.directory is not None:
            self.write(f"{folder}/{RECORD_FILE}", to_bytes(record.to_json()))

    def write(self, file: str, content: bytes) -> None:
        """Write one file of the run; a failure is remembered, not raised."""
        if self.directory is not None:
            with self._lock:
                self._try(self.directory / file, content)

    def _try(self, path: Path, content: bytes) -> None:
        try:
            write_atomically(path, content)
        except OSError as error:
            self._failed.setdefault(path, error.strerror or str(error))
            self._pending.pop(path, None)
            if sum(map(len, self._pending.values())) + len(content) <= _MOST_PENDING:
                self._pending[path] = content
        else:
            self._failed.pop(path, None)
            self._pending.pop(path, None)


def _go_on(earlier: CheckRecord, record: CheckRecord) -> CheckRecord:
    """The record of a further attempt, which keeps what was seen in those before it."""
    first = Attempt(
        outcome=earlier.outcome,
        message=earlier.message,
        finished_at=earlier.finished_at,
    )
    so_far = worst((earlier.outcome, record.outcome))
    return dataclasses.replace(
        earlier,
        outcome=so_far,
        message=earlier.message if so_far == earlier.outcome else record.message,
        attempts=earlier.attempts or (first,),
        finished_at="",
    )


def _line(data: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return (json.dumps(data) + "\n").encode("ascii")


def _claim(directory: Path, run: RunInfo) -> None:
    """Make the directory this run's own, or join it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if others := sorted({entry.name for entry in directory.iterdir()} - _TOLERATED):
            _require_same_run(directory, run.run_id, others)
            return
        # Exclusively: of two runs that start together, one gets the directory.
        descriptor = os.open(directory / RUN_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(to_bytes(run.to_json()))
        except OSError:
            (directory / RUN_FILE).unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise SettingsError(
            f"evidence directory {directory}: is a file, or another run has just begun in it."
            " Name another directory with --evidence-dir."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"evidence directory {directory}: cannot be written: {error.strerror}."
            " Name another directory with --evidence-dir."
        ) from error


def _require_same_run(directory: Path, run_id: str, others: list[str]) -> None:
    if RUN_FILE in others:
        found = read_fields(directory / RUN_FILE).text("run_id", "")
        if found == run_id:
            return
        holds = f"holds run {found}"
    else:
        holds = f"holds something else ({', '.join(others[:3])}{', …' if len(others) > 3 else ''})"
    raise SettingsError(
        f"evidence directory {directory}: {holds}, and evidence is never overwritten."
        " Name an empty or new directory with --evidence-dir."
    )
