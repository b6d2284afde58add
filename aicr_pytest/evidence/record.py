"""What is kept of one check: its sentence, its outcome, and what was observed on the way."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aicr_pytest.evidence.json_fields import SCHEMA, Fields, read_fields

Outcome = Literal[
    "passed",
    "failed",
    "absent",
    "inconclusive",
    "unknown",
    "error",
    "skipped",
    "not applicable",
    "not run",
]
"""Of a check; ``failed`` is the only one that accuses the platform. ``absent``: the platform has no
solution that the check could look at."""

Basis = Literal["text", "plan", "hardening"]
"""Why a check exists: the requirement's words, its test plan, or ours beyond both."""

ObservationKind = Literal["text", "json", "yaml", "table", "csv", "svg"]
"""How an observation is shown."""

RECORD_FILE = "record.json"
NOT_LOOKED_AT = "not looked at: "
"""How facts begin that name a part which a check could not look at, while it judged the others."""

LOOKED_AT = "looked at: "
"""How facts begin that name a node whose accelerators a check looked at."""

IMAGE = "image "
"""How facts begin that name an image that ran; their value is its digest."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing that came back from the cluster; its content lies in a file of its own."""

    title: str
    """What it shows, for a reader."""
    kind: ObservationKind
    """How it is shown; a cut one is always ``text``."""
    source: str
    """The request that really ran: method and path, and for a command what ran where."""
    file: str
    """Path relative to the run's directory, with slashes; empty where nothing is written."""
    taken_at: str
    """UTC, ISO 8601 with ``Z``."""
    exit_code: int | None
    """Of the command; ``None`` where nothing with an exit code ran."""
    sha256: str
    """Of the file as written, after redaction."""
    size: int
    """Bytes of the file."""
    truncated: bool = False
    """The middle was left out; the file says so at that place."""
    whole_size: int = 0
    """Bytes before the cut; equals ``size`` where nothing was cut."""
    phase: str = ""
    """``setup``, ``call`` or ``teardown``."""
    by_hand: str = ""
    """The same as a command line for a reader; nobody ran it. Empty where there is none."""

    @classmethod
    def from_fields(cls, fields: Fields) -> "Observation":
        """Read back what ``dataclasses.asdict`` gave."""
        fields.require_file_name("file")
        size = fields.integer("size")
        return cls(
            title=fields.text("title"),
            kind=cast(ObservationKind, fields.one_of("kind", get_args(ObservationKind))),
            source=fields.text("source"),
            file=fields.text("file"),
            taken_at=fields.text("taken_at"),
            exit_code=fields.optional_integer("exit_code"),
            sha256=fields.text("sha256"),
            size=size,
            truncated=fields.flag("truncated", False),
            whole_size=fields.integer("whole_size", size),
            phase=fields.text("phase", ""),
            by_hand=fields.text("by_hand", ""),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Setup, call or teardown of a check."""

    name: str
    """``setup``, ``call`` or ``teardown``."""
    outcome: str
    """pytest's word: passed, failed or skipped."""
    seconds: float
    """Wall clock."""
    message: str = ""
    """The error or reason; empty where all went well."""

    @classmethod
    def from_fields(cls, fields: Fields) -> "Phase":
        """Read back what ``dataclasses.asdict`` gave."""
        return cls(
            name=fields.text("name"),
            outcome=fields.text("outcome"),
            seconds=fields.number("seconds"),
            message=fields.text("message", ""),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One of several times that a check was tried in a run, for whatever reason."""

    outcome: Outcome
    """What came of it."""
    message: str = ""
    """The error or reason."""
    finished_at: str = ""
    """UTC, ISO 8601 with ``Z``."""

    @classmethod
    def from_fields(cls, fields: Fields) -> "Attempt":
        """Read back what ``dataclasses.asdict`` gave."""
        return cls(
            outcome=cast(Outcome, fields.one_of("outcome", get_args(Outcome))),
            message=fields.text("message", ""),
            finished_at=fields.text("finished_at", ""),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckRecord:
    """One check as it ran."""

    requirement: str
    """Id of the requirement."""
    check: str
    """Name of the test with its parameters."""
    title: str
    """The check's name as a sentence."""
    proves: str
    """What is true of the platform if it passes."""
    basis: Basis
    """Whether it decides the verdict (``text``, ``plan``) or is a finding (``hardening``)."""
    outcome: Outcome
    """What came of it; where it was tried several times, the worst of that."""
    message: str = ""
    """The error or reason, redacted; empty for a passed check."""
    attempts: tuple[Attempt, ...] = ()
    """All of them in their order, where it was tried more than once."""
    phases: tuple[Phase, ...] = ()
    """As they ran, those of all attempts."""
    observations: tuple[Observation, ...] = ()
    """In the order of taking; one whose file lies in another check's folder is cited from there."""
    started_at: str = ""
    """UTC, ISO 8601 with ``Z``."""
    finished_at: str = ""
    """UTC; empty if the run ended first."""
    left_behind: str = ""
    """What stayed on the cluster; empty if nothing did."""
    worker: str = ""
    """The xdist worker; empty without xdist."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Small things worth a line: node, mechanism, seconds to release."""

    @property
    def seconds(self) -> float:
        """Wall clock of all phases."""
        return sum(phase.seconds for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """The form that record.json holds."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, fields: Fields) -> "CheckRecord":
        """Read record.json back.

        Raises:
            SettingsError: a field is missing or wrong, or a newer version wrote it.
        """
        fields.require_schema()
        return cls(
            requirement=fields.text("requirement"),
            check=fields.text("check"),
            title=fields.text("title"),
            proves=fields.text("proves"),
            basis=cast(Basis, fields.one_of("basis", get_args(Basis))),
            outcome=cast(Outcome, fields.one_of("outcome", get_args(Outcome))),
            message=fields.text("message", ""),
            attempts=tuple(Attempt.from_fields(f) for f in fields.objects("attempts")),
            phases=tuple(Phase.from_fields(f) for f in fields.objects("phases")),
            observations=tuple(Observation.from_fields(f) for f in fields.objects("observations")),
            started_at=fields.text("started_at", ""),
            finished_at=fields.text("finished_at", ""),
            left_behind=fields.text("left_behind", ""),
            worker=fields.text("worker", ""),
            facts=fields.mapping("facts"),
        )


def read_records(directory: Path) -> list[CheckRecord]:
    """All records of a run, by requirement and check.

    Raises:
        SettingsError: a record cannot be read; leaving it out would hide a check.
    """
    paths = sorted(directory.glob(f"*/*/{RECORD_FILE}"))
    records = [CheckRecord.from_json(read_fields(path)) for path in paths]
    return sorted(records, key=lambda record: (record.requirement, record.check))
