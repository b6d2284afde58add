"""A run's evidence, believed only where all of it fits together."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import MANIFEST_FILE, verify
from aicr_pytest.evidence.run import RUN_FILE, read_run
from aicr_pytest.reports.view import CheckView, RequirementView, RunView, content_path, read_view
from aicr_pytest.requirements.catalogue import minor_version

_MOST_TOLD = 5
"""Lines of a kind that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A whole run that nobody has touched since."""

    view: RunView
    """All of it."""
    version: str
    """Minor version of the cluster's Kubernetes, whose list applies."""

    def of(self, requirement: str) -> RequirementView | None:
        """What the run says of a requirement; None where no check of it was chosen."""
        found = (one for one in self.view.requirements if one.result.id == requirement)
        return next(found, None)


def read_measured(directory: Path, *, simulated: bool) -> Measured:
    """The run in a directory of evidence.

    Args:
        directory: of the evidence.
        simulated: whether a run on simulated accelerators is expected.

    Raises:
        SettingsError: there is none, it is not whole, something of it was changed, or it is
            simulated where that is not expected; or the other way round.
    """
    _refuse_what_is_no_evidence(directory)
    run = read_run(directory)  # first, since an older reader must not guess at a newer format
    if run.interrupted or not run.finished_at or run.exit_status is None:
        raise SettingsError(
            f"{directory}: run {run.run_id} was ended early, and half a run proves nothing.\n"
            "  Run it again, into another directory."
        )
    if run.simulated and not simulated:
        raise SettingsError(
            f"{directory}: run {run.run_id} had simulated accelerators, which prove nothing of a "
            "product.\n  A rehearsal that says so in every file: --simulated"
        )
    if simulated and not run.simulated:
        raise SettingsError(
            f"--simulated: run {run.run_id} had real accelerators.\n  Leave --simulated out."
        )
    if not (directory / MANIFEST_FILE).is_file():
        raise SettingsError(f"{directory}: it has no {MANIFEST_FILE}, with which a run ends.")
    _refuse(directory, "is not as its run has written it", verify(directory))
    view = read_view(directory)
    _refuse(directory, "is not whole", list(view.problems))
    _refuse(directory, "contradicts itself", list(_contradictions(view)))
    return Measured(view=view, version=_version(directory, view))


def outcomes_that_count(requirement: RequirementView) -> list[CheckView]:
    """The checks that decide: those of the requirement's text and of its test plan."""
    return [check for check in requirement.checks if check.result.basis != "hardening"]


def _refuse_what_is_no_evidence(directory: Path) -> None:
    if not directory.is_dir():
        raise SettingsError(f"{directory} is no directory.")
    if (directory / RUN_FILE).is_file():
        return
    below = sorted(path.parent.name for path in directory.glob(f"*/{RUN_FILE}"))
    if below:
        raise SettingsError(
            f"{directory}: holds several runs; a submission speaks of one: {', '.join(below[-3:])}"
        )
    raise SettingsError(
        f"{directory}: is no evidence of aicr-pytest: it has no {RUN_FILE}.\n"
        "  Make it with `aicr-pytest run --evidence-dir DIR`."
    )


def _refuse(directory: Path, what: str, lines: list[str]) -> None:
    if not lines:
        return
    more = len(lines) - _MOST_TOLD
    told = "\n  ".join([*lines[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])])
    raise SettingsError(f"{directory}: the evidence {what}:\n  {told}")


def _contradictions(view: RunView) -> Iterator[str]:
    """Where run.json, the records and the files of a run say different things."""
    for requirement in view.requirements:
        name = requirement.result.id
        for check in requirement.checks:
            if check.record is not None and check.record.outcome != check.result.outcome:
                yield (
                    f"{name}: {check.result.check} is {check.result.outcome} in {RUN_FILE} and "
                    f"{check.record.outcome} in its record"
                )
            yield from _altered(view.directory, check)
        if requirement.result.verdict == "Implemented" and (why := _not_clean(requirement)):
            yield f"{name} is Implemented in {RUN_FILE}, though {why}"


def _altered(directory: Path, check: CheckView) -> Iterator[str]:
    for observation in check.kept.observations:
        path = content_path(directory, observation)
        if path and hashlib.sha256(path.read_bytes()).hexdigest() != observation.sha256:
            yield f"{observation.file} is not what its record says"


def _not_clean(requirement: RequirementView) -> str:
    deciding = outcomes_that_count(requirement)
    bad = [one for one in deciding if one.outcome not in ("passed", "not applicable")]
    if bad:
        return f"{bad[0].result.check} is {bad[0].outcome}"
    if not any(one.outcome == "passed" for one in deciding):
        return "no deciding check of it passed"
    return ""


def _version(directory: Path, view: RunView) -> str:
    try:
        version = minor_version(view.run.cluster.version)
    except ValueError:
        raise SettingsError(f"{directory}: the run does not say which Kubernetes it met.") from None
    if view.run.list_version != version:
        raise SettingsError(
            f"{directory}: the run was judged by the list of {view.run.list_version}, and the "
            f"cluster has Kubernetes {version}.\n"
            "  Run again without --aicr-k8s-version, with an aicr-pytest that knows that list."
        )
    return version
