"""What is kept of a whole run: run.json, the one file that programs read."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.json_fields import SCHEMA, Fields, read_fields
from aicr_pytest.evidence.record import Basis, Outcome

RUN_FILE = "run.json"

Verdict = Literal["Implemented", "Not Implemented", "Inconclusive", "Unknown", "N/A"]
"""Of a requirement; computed in one place, aicr_pytest.run.verdicts, and only carried here."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorPool:
    """Accelerators of one node pool, model and mechanism."""

    pool: str
    """Node pool or instance type."""
    model: str
    """As the vendor names it."""
    mechanism: str
    """DRA claim, DRA extended resource or device plugin."""
    count: int
    """Accelerators in all nodes of the pool."""
    looked_at: str = ""
    """The node whose accelerators were looked at; empty where none was."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen:
    """A node, and whether the checks looked at it."""

    name: str
    """Of the Node object."""
    pool: str = ""
    """Node pool or instance type; empty where the platform names none."""
    accelerators: int = 0
    """How many it offers."""
    looked_at: bool = False
    """A check ran there."""
    note: str = ""
    """Why not, or what is special: cordoned, not ready, control plane."""
    software: str = ""
    """What runs it, by its kubelet: version, container runtime, operating system, kernel."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo:
    """The platform under test."""

    context: str = ""
    """Of the kubeconfig."""
    server: str = ""
    """URL of the API server, redacted where it names a cloud account."""
    version: str = ""
    """Kubernetes version; empty where the server was never reached."""
    id: str = ""
    """What tells it from every other: a hash of the uid of its namespace kube-system. Empty where
    that was not to be had."""
    platform: str = ""
    """What it is, in words, where that is known: ``aicr lab``, ``EKS``."""
    nodes: tuple[NodeSeen, ...] = ()
    """All nodes, in the order of their names."""
    accelerators: tuple[AcceleratorPool, ...] = ()
    """All pools with accelerators."""
    remarks: tuple[str, ...] = ()
    """What else was worth knowing at the start: clocks that differ, remains of other runs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check, as far as the verdict needs it."""

    check: str
    """Name of the test with its parameters."""
    title: str
    """Its sentence."""
    basis: Basis
    """``hardening`` decides nothing; its failure is a finding."""
    outcome: Outcome
    """``not run`` for one that was collected and never started."""
    seconds: float = 0.0
    """Wall clock of all phases."""
    message: str = ""
    """The error or reason."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequirementResult:
    """One requirement with its verdict."""

    id: str
    """As CNCF publishes it."""
    title: str
    """A short title of ours."""
    category: str
    """``accelerators``, ``security`` …"""
    level: str
    """MUST, SHOULD or ``not listed``, in the applicable list."""
    verdict: Verdict
    """What follows from the checks."""
    reason: str
    """Why, in one sentence."""
    checks: tuple[CheckResult, ...] = ()
    """All checks that were collected, in the order of the suite."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the runs that another one was merged of."""

    run_id: str
    """Of the run."""
    started_at: str
    """UTC, ISO 8601 with ``Z``."""
    finished_at: str
    """UTC."""
    manifest_sha256: str
    """Of its manifest.json, and so of every file that it had."""
    checks: tuple[str, ...]
    """Those that were taken from it, each as ``requirement/check``."""

    @classmethod
    def from_fields(cls, fields: Fields) -> "Part":
        """Read back what ``dataclasses.asdict`` gave."""
        return cls(
            run_id=fields.text("run_id"),
            started_at=fields.text("started_at"),
            finished_at=fields.text("finished_at"),
            manifest_sha256=fields.text("manifest_sha256"),
            checks=fields.texts("checks"),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotLookedAt:
    """A requirement of the applicable list that no check of the run was about."""

    id: str
    """As CNCF publishes it."""
    title: str
    """A short title of ours."""
    category: str
    """``accelerators``, ``security`` …"""
    level: str
    """MUST or SHOULD, in the applicable list."""
    why: str
    """That no check was selected, or that there is none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run: where, when, with what, and what came of it."""

    run_id: str
    """Also the label of everything that the run created."""
    simulated: bool = False
    """The accelerators are not real; every page says so."""
    started_at: str = ""
    """UTC, ISO 8601 with ``Z``."""
    finished_at: str = ""
    """UTC; empty if the run was killed."""
    seconds: float = 0.0
    """Wall clock."""
    cluster: ClusterInfo = dataclasses.field(default_factory=ClusterInfo)
    """The platform."""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The settings that differ from their defaults, and where they came from."""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Of aicr_pytest, pytest, Python, the Kubernetes client."""
    requirements: tuple[RequirementResult, ...] = ()
    """In the order of the list."""
    not_looked_at: tuple[NotLookedAt, ...] = ()
    """The rest of that list."""
    exit_status: int | None = None
    """Of pytest; ``None`` if the run was killed."""
    list_version: str = ""
    """Kubernetes version of the requirement list that levels come from."""
    official_words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Requirement id → the programme's own words of that list, where a checkout was at hand."""
    interrupted: bool = False
    """A signal ended it."""
    command: str = ""
    """How it was started, as it was typed."""
    upstream: str = ""
    """How upstream's own suite ended, which ran after the checks; empty where it did not."""
    problems: tuple[str, ...] = ()
    """What is wrong with the evidence itself, e.g. a full disk; reports show it first."""
    left_behind: tuple[str, ...] = ()
    """What stays on the cluster though it should not, one line each, with the reason."""
    clean_command: str = ""
    """What removes it; empty where nothing stays."""
    directory: str = ""
    """Of the evidence, as seen from where the run was started; empty where it lies elsewhere."""
    tool: str = ""
    """Version and sha256 of the code of aicr-pytest."""
    suite: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The conformance modules and manifests that checks ran from: name → sha256."""
    suite_sha256: str = ""
    """Of all these, as `sha256sum` lists them."""
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Images that really ran: as asked for → the digests that kubelets name."""
    replaced: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """What redaction took out of records and observations: class (``secret``, ``node``,
    ``address`` …) → places."""
    parts: tuple[Part, ...] = ()
    """The runs that this one was merged of, the oldest first; empty for one that ran by itself."""
    conflicts: tuple[str, ...] = ()
    """What these runs said differently of the same check, with dates, and what counts."""

    def to_json(self) -> dict[str, Any]:
        """The form that run.json holds."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, fields: Fields) -> "RunInfo":
        """Read run.json back.

        Raises:
            SettingsError: a field is missing or wrong, or a newer version wrote it.
        """
        fields.require_schema()
        return cls(
            run_id=fields.text("run_id"),
            simulated=fields.flag("simulated"),
            started_at=fields.text("started_at", ""),
            finished_at=fields.text("finished_at", ""),
            seconds=fields.number("seconds", 0.0),
            cluster=_cluster(fields.object("cluster")),
            settings=fields.mapping("settings"),
            versions=fields.mapping("versions"),
            requirements=tuple(_requirement(f) for f in fields.objects("requirements")),
            not_looked_at=tuple(_not_looked_at(f) for f in fields.objects("not_looked_at")),
            exit_status=fields.optional_integer("exit_status"),
            list_version=fields.text("list_version", ""),
            official_words=fields.mapping("official_words"),
            interrupted=fields.flag("interrupted", False),
            command=fields.text("command", ""),
            upstream=fields.text("upstream", ""),
            problems=fields.texts("problems"),
            left_behind=fields.texts("left_behind"),
            clean_command=fields.text("clean_command", ""),
            directory=fields.text("directory", ""),
            tool=fields.text("tool", ""),
            suite=fields.mapping("suite"),
            suite_sha256=fields.text("suite_sha256", ""),
            images=fields.mapping("images"),
            replaced=fields.counts("replaced"),
            parts=tuple(Part.from_fields(f) for f in fields.objects("parts")),
            conflicts=fields.texts("conflicts"),
        )


def read_run(directory: Path) -> RunInfo:
    """The run that a directory of evidence holds.

    Raises:
        SettingsError: there is no run.json, or it cannot be read.
    """
    return RunInfo.from_json(read_fields(directory / RUN_FILE))


def read_judged_run(directory: Path) -> RunInfo:
    """The run that a directory of evidence holds, with its verdicts.

    Raises:
        SettingsError: as ``read_run``, or the run was ended before it could give verdicts.
    """
    run = read_run(directory)
    if run.exit_status is None and not run.requirements:
        raise SettingsError(
            f"{directory}: holds half a run, which was ended before it gave verdicts."
            f" They are made of its records by: aicr-pytest report {directory}"
        )
    return run


def _cluster(fields: Fields) -> ClusterInfo:
    return ClusterInfo(
        context=fields.text("context", ""),
        server=fields.text("server", ""),
        version=fields.text("version", ""),
        id=fields.text("id", ""),
        platform=fields.text("platform", ""),
        nodes=tuple(_node(f) for f in fields.objects("nodes")),
        accelerators=tuple(_pool(f) for f in fields.objects("accelerators")),
        remarks=fields.texts("remarks"),
    )


def _node(fields: Fields) -> NodeSeen:
    return NodeSeen(
        name=fields.text("name"),
        pool=fields.text("pool", ""),
        accelerators=fields.integer("accelerators", 0),
        looked_at=fields.flag("looked_at", False),
        note=fields.text("note", ""),
        software=fields.text("software", ""),
    )


def _pool(fields: Fields) -> AcceleratorPool:
    return AcceleratorPool(
        pool=fields.text("pool"),
        model=fields.text("model"),
        mechanism=fields.text("mechanism"),
        count=fields.integer("count"),
        looked_at=fields.text("looked_at", ""),
    )


def _requirement(fields: Fields) -> RequirementResult:
    return RequirementResult(
        id=fields.text("id"),
        title=fields.text("title"),
        category=fields.text("category"),
        level=fields.text("level"),
        verdict=cast(Verdict, fields.one_of("verdict", get_args(Verdict))),
        reason=fields.text("reason"),
        checks=tuple(_check(f) for f in fields.objects("checks")),
    )


def _not_looked_at(fields: Fields) -> NotLookedAt:
    return NotLookedAt(
        id=fields.text("id"),
        title=fields.text("title"),
        category=fields.text("category"),
        level=fields.text("level"),
        why=fields.text("why"),
    )


def _check(fields: Fields) -> CheckResult:
    return CheckResult(
        check=fields.text("check"),
        title=fields.text("title"),
        basis=cast(Basis, fields.one_of("basis", get_args(Basis))),
        outcome=cast(Outcome, fields.one_of("outcome", get_args(Outcome))),
        seconds=fields.number("seconds", 0.0),
        message=fields.text("message", ""),
    )
