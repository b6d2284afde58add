"""Whether a folder of evidence is as its run has written it, and fit to be published."""

import dataclasses
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence import checksums
from aicr_pytest.evidence.consistency import contradictions
from aicr_pytest.evidence.names import DERIVED
from aicr_pytest.evidence.provenance import tool
from aicr_pytest.evidence.run import RequirementResult, RunInfo, read_run
from aicr_pytest.evidence.scan import scan
from aicr_pytest.reports import ctrf
from aicr_pytest.reports.comparison import BETTER_FIRST
from aicr_pytest.reports.writing import differing
from aicr_pytest.run.verdicts import NOT_APPLICABLE, judge


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found."""

    run: RunInfo
    """The run that was looked at."""
    problems: tuple[str, ...]
    """One line each; empty where everything is as it was written."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, and why; no reproach."""


def verify(directory: Path) -> Verification:
    """Hold every file against the manifest, the records, the verdicts and the redaction.

    Args:
        directory: of a run that has ended.

    Raises:
        SettingsError: it holds no run, one that was ended before it could write its checksums, or
            one that cannot be read.
    """
    run = read_run(directory)
    problems = integrity(directory, run)
    made_by = ctrf.made_by(directory)
    compared: list[str] = []
    notes = []
    if made_by == tool() and not problems:  # else what is made of changed files differs too
        different = differing(directory)
        compared = [name for name in DERIVED if name not in different]
        problems += [f"contradiction: {name} is not what the records give" for name in different]
    elif made_by != tool():
        notes.append(
            f"reports were made by {made_by or 'an unknown version'} and not compared with the"
            f" records; this is {tool()}"
        )
    problems += map(str, scan(directory, known=compared))
    return Verification(run=run, problems=tuple(dict.fromkeys(problems)), notes=tuple(notes))


def integrity(directory: Path, run: RunInfo) -> list[str]:
    """Hold every file against the manifest and the records, and verdicts against their checks.

    Returns:
        One line for each difference.

    Raises:
        SettingsError: there is no manifest, or something cannot be read.
    """
    if not (directory / checksums.MANIFEST_FILE).exists():
        raise SettingsError(
            f"{directory}: has no {checksums.MANIFEST_FILE}: the run was ended before it could"
            " write its checksums, or somebody has removed them."
            f" What is there can be sealed as it is: aicr-pytest report {directory}"
        )
    found = {entry.path: entry for entry in checksums.entries(directory)}
    return [
        *checksums.verify(directory, found.values()),
        *contradictions(directory, run, found),
        *(line for one in run.requirements if (line := _too_good(one, run))),
    ]


def _too_good(requirement: RequirementResult, run: RunInfo) -> str:
    """A verdict that is better than its checks allow; empty where it is not."""
    by_word = requirement.verdict == "N/A" and requirement.reason.startswith(NOT_APPLICABLE)
    judged = judge(
        requirement.checks,
        not_applicable=requirement.reason.removeprefix(NOT_APPLICABLE) if by_word else "",
        strict=run.settings.get("strict", "").startswith("True"),
    )
    if BETTER_FIRST.index(requirement.verdict) >= BETTER_FIRST.index(judged.verdict):
        return ""
    return (
        f"contradiction: run.json says {requirement.verdict} of {requirement.id}, its checks give"
        f" {judged.verdict}: {judged.reason}"
    )
