"""A run of one check as it lies on disk, small enough to be changed byte by byte."""

from pathlib import Path
from typing import Any

from aicr_pytest.evidence.record import Outcome, Phase
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import CheckResult, ClusterInfo, RequirementResult, RunInfo, Verdict
from aicr_pytest.evidence.store import EvidenceStore

REQUIREMENT = "robust_controller"
CHECK = "test_crd_is_served"


def make(
    directory: Path,
    run_id: str = "20261123-201405-7f3a",
    /,
    *,
    requirement: str = REQUIREMENT,
    check: str = CHECK,
    outcome: Outcome = "passed",
    verdict: Verdict = "Implemented",
    message: str = "",
    **changes: Any,
) -> Path:
    """Write records and run.json, no reports."""
    store = EvidenceStore.open(directory, run_id, Redactor(key="0"))
    evidence = store.begin(requirement, check, title="CRD is served", proves="It is.", basis="text")
    evidence.phase = "call"
    evidence.text("What it says", f"seen in {run_id}\n", source="GET /apis")
    evidence.json("An object", {"kind": "Pod", "metadata": {"name": "a"}}, source="GET /a")
    store.journal("GET", "/apis", 200, 0.1)
    phases = [Phase(name="call", outcome="passed", seconds=1.5)]
    store.end(evidence, outcome, message, phases)
    result = CheckResult(
        check=check, title="CRD is served", basis="text", outcome=outcome, seconds=1.5,
        message=message,
    )  # fmt: skip
    told = RequirementResult(
        id=requirement,
        title=requirement,
        category="operator",
        level="MUST",
        verdict=verdict,
        reason="1 of 1 deciding checks passed",
        checks=(result,),
    )
    stored: dict[str, Any] = {
        "started_at": "2026-11-23T20:14:05Z",
        "finished_at": "2026-11-23T20:15:05Z",
        "seconds": 60.0,
        "cluster": ClusterInfo(context="lab", server="https://127.0.0.1:6443", version="v1.37.2"),
        "versions": {"aicr_pytest": "0.1.0"},
        "list_version": "1.37",
        "exit_status": 0,
        **changes,
    }
    store.write_run(RunInfo(run_id=run_id, requirements=(told,), **stored))
    return directory
