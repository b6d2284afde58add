"""A run as its directory tells it; what all reports are made from."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from aicr_pytest.evidence.names import DERIVED
from aicr_pytest.evidence.record import CheckRecord, Observation, Outcome, read_records
from aicr_pytest.evidence.run import CheckResult, RequirementResult, RunInfo, read_run

REPORT_FILES = frozenset({*DERIVED, "report.html"})
"""What is made from evidence and is none."""

_NO_RECORD = CheckRecord(
    requirement="", check="", title="", proves="", basis="text", outcome="not run"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check: what the run says of it, and its record where there is one."""

    result: CheckResult
    """As run.json has it."""
    record: CheckRecord | None
    """``None`` for a check that never started, or whose record could not be written."""

    @property
    def outcome(self) -> Outcome:
        """As run.json has it: the verdict was computed from that one."""
        return self.result.outcome

    @property
    def message(self) -> str:
        """The error or reason."""
        return self.result.message or self.kept.message

    @property
    def seconds(self) -> float:
        """Wall clock."""
        return self.result.seconds or self.kept.seconds

    @property
    def kept(self) -> CheckRecord:
        """The record, or an empty one."""
        return self.record or _NO_RECORD

    @property
    def is_finding(self) -> bool:
        """A failed check that decides nothing and must not be overlooked."""
        return self.result.basis == "hardening" and self.outcome == "failed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequirementView:
    """One requirement with its checks."""

    result: RequirementResult
    """As run.json has it."""
    checks: tuple[CheckView, ...]
    """In the order of the suite."""

    def count(self, *outcomes: Outcome) -> int:
        """How many checks ended in one of these ways."""
        return sum(check.outcome in outcomes for check in self.checks)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its requirements, and what is wrong with its evidence."""

    directory: Path
    """Where the evidence lies."""
    run: RunInfo
    """run.json."""
    requirements: tuple[RequirementView, ...]
    """In the order of the list; those that only records name come last."""
    problems: tuple[str, ...]
    """Those that the run knew, and what is missing now."""

    @property
    def checks(self) -> list[tuple[RequirementView, CheckView]]:
        """All checks with their requirements."""
        return [(req, check) for req in self.requirements for check in req.checks]

    @property
    def findings(self) -> list[tuple[RequirementView, CheckView]]:
        """Failed hardening checks."""
        return [(req, check) for req, check in self.checks if check.is_finding]

    @property
    def left_behind(self) -> list[tuple[RequirementView, CheckView]]:
        """Checks that left something on the cluster."""
        return [(req, check) for req, check in self.checks if check.kept.left_behind]

    @property
    def not_run(self) -> list[tuple[RequirementView, CheckView]]:
        """Checks that were collected and did not come to an end."""
        return [(req, check) for req, check in self.checks if check.outcome == "not run"]


def read_view(directory: Path) -> RunView:
    """The run in a directory of evidence.

    Raises:
        SettingsError: it holds no run, or one that cannot be read.
    """
    run = read_run(directory)
    records = {(r.requirement, r.check): r for r in read_records(directory)}
    return RunView(
        directory=directory,
        run=run,
        requirements=tuple(_requirements(run, records)),
        problems=(*run.problems, *_missing(directory, run, records)),
    )


def content_path(directory: Path, observation: Observation) -> Path | None:
    """The file of an observation; ``None`` where there is none, or not inside the directory.

    A record may come from a stranger: it must not make a report read or name other files.
    """
    if not observation.file:
        return None
    path = directory / observation.file
    try:
        inside = path.resolve().is_relative_to(directory.resolve())
        return path if inside and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # no name of a file, or a loop of links
        return None


def _requirements(
    run: RunInfo, records: Mapping[tuple[str, str], CheckRecord]
) -> Iterable[RequirementView]:
    left = dict(records)
    for requirement in run.requirements:
        told = [
            CheckView(result=result, record=left.pop((requirement.id, result.check), None))
            for result in requirement.checks
        ]
        untold = [key for key in left if key[0] == requirement.id]
        found = [_from_record(left.pop(key)) for key in untold]
        yield RequirementView(result=requirement, checks=(*told, *found))
    for name in dict.fromkeys(requirement for requirement, _ in left):
        checks = [_from_record(record) for key, record in left.items() if key[0] == name]
        yield RequirementView(result=_without_verdict(name), checks=tuple(checks))


def _from_record(record: CheckRecord) -> CheckView:
    result = CheckResult(
        check=record.check,
        title=record.title,
        basis=record.basis,
        outcome=record.outcome,
        seconds=record.seconds,
        message=record.message,
    )
    return CheckView(result=result, record=record)


def _without_verdict(name: str) -> RequirementResult:
    return RequirementResult(
        id=name,
        title=name,
        category="",
        level="",
        verdict="Inconclusive",
        reason="The run ended before a verdict was computed.",
    )


def _missing(
    directory: Path, run: RunInfo, records: Mapping[tuple[str, str], CheckRecord]
) -> Iterable[str]:
    files = sorted(
        {
            observation.file
            for record in records.values()
            for observation in record.observations
            if observation.file and content_path(directory, observation) is None
        }
    )
    if files:
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        yield f"evidence is incomplete: {files[0]}{others} is missing from the directory"
    lost = [
        check.check
        for requirement in run.requirements
        for check in requirement.checks
        if check.outcome not in ("not run", "skipped")
        and (requirement.id, check.check) not in records
    ]
    if lost:
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        yield f"evidence is incomplete: the record of {lost[0]}{others} is missing"
