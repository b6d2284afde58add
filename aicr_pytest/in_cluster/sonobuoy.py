"""A run's evidence as Sonobuoy takes it from a plugin: an archive, and a file that names it."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.evidence.run import RequirementResult, RunInfo, Verdict, read_run
from aicr_pytest.evidence.yaml_text import yaml_text

RESULTS = "sonobuoy_results.yaml"
"""What Sonobuoy reads of the archive; everything else it keeps."""
RESULTS_FOLDER = "/tmp/sonobuoy/results"
"""Where its worker looks, unless ``SONOBUOY_RESULTS_DIR`` says otherwise."""
DONE = "done"
ARCHIVE = "results.tar.gz"

_CHECKS: Mapping[Outcome, str] = {
    "passed": "passed",
    "failed": "failed",
    "absent": "failed",
    "skipped": "skipped",
    "not applicable": "skipped",
    "not run": "skipped",
    "inconclusive": "inconclusive",
    "unknown": "unknown",
    "error": "inconclusive",
}
_VERDICTS: Mapping[Verdict, str] = {
    "Implemented": "passed",
    "Not Implemented": "failed",
    "Inconclusive": "inconclusive",
    "Unknown": "unknown",
    "N/A": "skipped",
}


def results(run: RunInfo) -> dict[str, Any]:
    """The run in Sonobuoy's own format: a tree of named statuses."""
    return {
        "name": "aicr-pytest",
        "status": _status(run),
        # Sonobuoy writes a "meta" of its own here.
        "details": {"run": run.run_id, "simulated": run.simulated},
        "items": [_requirement(one) for one in run.requirements],
    }


def _status(run: RunInfo) -> str:
    """Failed only where the platform was found wanting; passed only where the run says so."""
    if any(r.level == "MUST" and r.verdict == "Not Implemented" for r in run.requirements):
        return "failed"
    return "passed" if run.exit_status == 0 else "inconclusive"


def _requirement(requirement: RequirementResult) -> dict[str, Any]:
    return {
        "name": requirement.id,
        "status": _VERDICTS[requirement.verdict],
        "meta": {"level": requirement.level, "verdict": requirement.verdict},
        "details": {"reason": requirement.reason},
        "items": [
            {
                "name": check.check,
                "status": _CHECKS[check.outcome],
                "meta": {"basis": check.basis, "outcome": check.outcome},
                **({"details": {"message": check.message}} if check.message else {}),
            }
            for check in requirement.checks
        ],
    }


def hand_over(evidence: Path, folder: Path, status: int) -> None:
    """Write the archive into a folder, and then the file that says that it is complete.

    Args:
        evidence: the run's directory; where it holds no run, the results say so.
        status: with which the run ended.
    """
    try:
        told = results(read_run(evidence))
    except SettingsError:
        reason = f"the run ended with {status} before it began; see the plugin's log"
        told = {"name": "aicr-pytest", "status": "inconclusive", "details": {"reason": reason}}
    listed = yaml_text(told).encode()
    member = tarfile.TarInfo(RESULTS)
    member.size = len(listed)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / ARCHIVE
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(member, io.BytesIO(listed))
        if evidence.is_dir():
            tar.add(evidence, "evidence")
    # The whole file is the name, to the last byte; the worker looks for it all the while.
    partial = folder / f"{DONE}.partial"
    partial.write_text(str(archive), encoding="utf-8")
    partial.replace(folder / DONE)
