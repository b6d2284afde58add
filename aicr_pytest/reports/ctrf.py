"""ctrf.json: the run in the Common Test Report Format (ctrf.io), for tools that read that.

As in JUnit, *inconclusive* is no failure: it is ``other``, and ``rawStatus`` has our own word.
"""

import datetime
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from aicr_pytest import __version__
from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.json_fields import read_fields, to_bytes
from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.provenance import tool
from aicr_pytest.evidence.record import Observation, ObservationKind, Outcome
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

CTRF_FILE = "ctrf.json"
_SPECIFICATION = "0.1.0"
"""Of CTRF; the newest of 2026."""

_STATUS: dict[Outcome, str] = {
    "passed": "passed",
    "failed": "failed",
    "absent": "failed",
    "inconclusive": "other",
    "unknown": "other",
    "error": "other",
    "skipped": "skipped",
    "not applicable": "skipped",
    "not run": "pending",
}
_TYPES: dict[ObservationKind, str] = {
    "text": "text/plain",
    "json": "application/json",
    "yaml": "application/yaml",
    "table": "application/json",
    "csv": "text/csv",
    "svg": "image/svg+xml",
}


def render(view: RunView) -> bytes:
    """The report; the same evidence gives the same bytes."""
    run = view.run
    tests = [_test(requirement, check) for requirement, check in view.checks]
    counts = Counter(test["status"] for test in tests)
    start = _milliseconds(run.started_at) or 0
    summary = {
        "tests": len(tests),
        **{status: counts[status] for status in ("passed", "failed", "skipped", "pending")},
        "other": counts["other"],
        "suites": len(view.requirements),
        "start": start,
        "stop": _milliseconds(run.finished_at) or start,
        "extra": {"verdicts": {r.result.id: r.result.verdict for r in view.requirements}},
    }
    told = {
        "run": run.run_id,
        "simulated": run.simulated,
        "interrupted": run.interrupted,
        "kubernetes": run.cluster.version,
        "list": run.list_version,
        "problems": list(view.problems),
        "left_behind": list(run.left_behind),
    }
    version = run.versions.get("aicr_pytest", __version__)
    report = {
        "reportFormat": "CTRF",
        "specVersion": _SPECIFICATION,
        "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"aicr-pytest:{run.run_id}")),
        "generatedBy": tool(),
        "results": {
            "tool": {"name": "aicr-pytest", "version": version},
            "summary": summary,
            "tests": tests,
            "environment": {"testEnvironment": run.cluster.context, "extra": told},
        },
    }
    return to_bytes(_harmless(report))


def made_by(directory: Path) -> str:
    """The program that made the reports of a directory; empty where that cannot be told."""
    try:
        return read_fields(directory / CTRF_FILE).text("generatedBy", "")
    except SettingsError:
        return ""


def _test(requirement: RequirementView, check: CheckView) -> dict[str, Any]:
    result, record = requirement.result, check.kept
    test: dict[str, Any] = {
        "name": check.result.check,
        "status": _status(check),
        "duration": round(check.seconds * 1000),
        "start": _milliseconds(record.started_at),
        "stop": _milliseconds(record.finished_at),
        "suite": [result.id],
        "message": check.message.partition("\n")[0],
        "trace": check.message if "\n" in check.message else "",
        "rawStatus": check.outcome,
        "tags": [word for word in (result.level, check.result.basis) if word],
        "type": "conformance",
        "threadId": record.worker,
        "steps": [{"name": phase.name, "status": _step(phase.outcome)} for phase in record.phases],
        "attachments": [_attachment(one) for one in record.observations if one.file],
        "extra": {
            "title": check.result.title,
            "verdict": result.verdict,
            "evidence": check_folder(result.id, check.result.check) if check.record else "",
            "left_behind": record.left_behind,
            "facts": dict(record.facts),
        },
    }
    if record.attempts:
        test["retries"] = len(record.attempts) - 1
        test["retryAttempts"] = [
            {"attempt": number, "status": _STATUS[one.outcome], "message": one.message}
            for number, one in enumerate(record.attempts, 1)
        ]
    return {name: value for name, value in test.items() if value not in ("", [], None)}


def _status(check: CheckView) -> str:
    if check.outcome == "passed" and check.kept.left_behind:
        return "other"
    return _STATUS[check.outcome]


def _step(word: str) -> str:
    return word if word in ("passed", "failed", "skipped") else "other"


def _attachment(observation: Observation) -> dict[str, Any]:
    return {
        "name": observation.title or observation.file,
        "contentType": _TYPES[observation.kind],
        "path": observation.file,
        "extra": {"source": observation.source, "sha256": observation.sha256},
    }


def _harmless(value: Any) -> Any:
    """A JSON value whose texts can be printed."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(name): _harmless(one) for name, one in value.items()}
    return [_harmless(one) for one in value] if isinstance(value, list) else value


def _milliseconds(moment: str) -> int | None:
    """Since 1970; None where there is no such time."""
    try:
        return round(datetime.datetime.fromisoformat(moment).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
