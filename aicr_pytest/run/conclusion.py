"""The end of a run: verdicts, run.json, reports, exit status."""

import contextlib
import dataclasses
import datetime
import platform
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aicr_pytest import __version__, extensions
from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence import provenance
from aicr_pytest.evidence.checksums import MANIFEST_FILE
from aicr_pytest.evidence.names import DERIVED
from aicr_pytest.evidence.record import CheckRecord, read_records
from aicr_pytest.evidence.run import (
    RUN_FILE,
    CheckResult,
    ClusterInfo,
    NotLookedAt,
    RequirementResult,
    RunInfo,
)
from aicr_pytest.evidence.totals import completed, nodes_looked_at
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED, Level
from aicr_pytest.run.plan import Check
from aicr_pytest.run.results import Result
from aicr_pytest.run.session import Run
from aicr_pytest.run.verdicts import Judgement, judge

_SATISFIED = ("Implemented", "N/A")
_MAKES_ROOM = (MANIFEST_FILE, *DERIVED)
"""What makes room for run.json on a full disk, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One requirement at the end of a run."""

    result: RequirementResult
    """As run.json has it."""
    judgement: Judgement
    """With its findings."""
    whole: bool
    """Whether all of its deciding checks were chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a run amounts to."""

    judged: tuple[Judged, ...]
    """Every requirement that was looked at, in the order of the list."""
    exit_status: int
    """pytest's, for which findings are no failures, or 1 where a MUST that was selected whole is
    not satisfied, something stays on the cluster, or the run or its evidence is not whole."""


def conclude(run: Run, exit_status: int) -> Conclusion:
    """Verdicts and exit status."""
    died = run.deaths.told
    judged = tuple(_judged(run, requirement, died) for requirement in run.plan.requirements)
    unmet = any(
        one.whole and one.result.level == Level.MUST and one.result.verdict not in _SATISFIED
        for one in judged
    )
    amiss = unmet or died or run.left_behind or run.problems or run.store.problems
    return Conclusion(judged=judged, exit_status=1 if amiss and exit_status == 0 else exit_status)


def run_info(run: Run, conclusion: Conclusion, now: datetime.datetime) -> RunInfo:
    """The run as run.json has it."""
    modules = {check.module for check in run.plan.selected}
    suite = provenance.suite_files(modules, run.plan.requirements)
    return RunInfo(
        run_id=run.run_id,
        simulated=run.simulated,
        started_at=_iso(run.started),
        finished_at=_iso(now),
        seconds=round((now - run.started).total_seconds(), 1),
        cluster=_cluster_info(run),
        settings=run.settings.as_text(),
        versions=_versions(),
        requirements=tuple(one.result for one in conclusion.judged),
        not_looked_at=_rest_of_list(run, {one.result.id for one in conclusion.judged}),
        exit_status=conclusion.exit_status,
        list_version=run.shared.list_version,
        official_words=run.official_words,
        interrupted=run.interrupted,
        command=run.command,
        upstream=run.upstream,
        problems=tuple(run.problems),
        left_behind=tuple(run.left_behind),
        clean_command=run.clean_command if run.left_behind else "",
        directory=_below(run.invocation_dir, run.directory),
        tool=provenance.tool(),
        suite=suite,
        suite_sha256=provenance.fingerprint(suite),
    )


def _rest_of_list(run: Run, judged: Set[str]) -> tuple[NotLookedAt, ...]:
    """Requirements of the applicable list that no check of the run was about."""
    version = run.shared.list_version
    return tuple(
        NotLookedAt(
            id=one.id,
            title=one.title,
            category=one.category,
            level=one.level(version),
            why=NOT_AUTOMATED.get(one.id, "no check of it was selected"),
        )
        for one in BY_ID.values()
        if one.id not in judged and one.level(version) is not Level.NOT_LISTED
    )


def judge_records(info: RunInfo, records: Sequence[CheckRecord]) -> RunInfo:
    """The verdicts of a run that was killed before it could compute them, for ``report``."""
    requirements = []
    for requirement in BY_ID.values():
        results = [_of_record(record) for record in records if record.requirement == requirement.id]
        if not results:
            continue
        judgement = judge(
            results,
            # The plan died with the run: what was never begun left no record.
            not_applicable="",
            left_behind=[r.left_behind for r in records if r.requirement == requirement.id],
        )
        verdict, reason = judgement.verdict, judgement.reason
        if verdict in _SATISFIED:
            verdict, reason = "Inconclusive", f"the run was ended early; so far {reason}"
        requirements.append(
            RequirementResult(
                id=requirement.id,
                title=requirement.title,
                category=requirement.category,
                level=requirement.level(info.list_version),
                verdict=verdict,
                reason=reason,
                checks=tuple(results),
            )
        )
    return dataclasses.replace(info, requirements=tuple(requirements), interrupted=True)


def note_beginning(run: Run) -> None:
    """Write what is known before the first check: a run that is killed can be merged by it."""
    now = datetime.datetime.now(datetime.UTC)
    info = run_info(run, Conclusion(judged=(), exit_status=0), now)
    run.store.write_run(
        dataclasses.replace(
            info, finished_at="", seconds=0.0, exit_status=None, interrupted=True, not_looked_at=()
        )
    )


def came_to_nothing(run: Run) -> bool:
    """Whether there is nothing that evidence could tell: no check was selected, and all is well."""
    told = run.plan.selected or run.problems or run.left_behind or run.kept or run.upstream
    return not (told or run.interrupted or run.store.problems)


def write_evidence(run: Run, conclusion: Conclusion) -> list[str]:
    """Write run.json and the reports; returns what is wrong with them, one line each."""
    from aicr_pytest.reports.writing import write_reports

    if run.directory is None or came_to_nothing(run):
        return []
    now = datetime.datetime.now(datetime.UTC)
    with contextlib.suppress(SettingsError):  # a record that cannot be read: the reports say so
        seen = nodes_looked_at(read_records(run.directory))
        run.survey = run.survey.corrected(seen, run.redactor.publish)
    info = run_info(run, conclusion, now)
    with contextlib.suppress(SettingsError):
        info = completed(info, run.directory)
    run.store.write_run(info)
    for name in _MAKES_ROOM:
        if run.store.lacks(RUN_FILE):
            # What is said there goes before what `aicr-pytest report` makes again from it.
            with contextlib.suppress(OSError):
                (run.directory / name).unlink(missing_ok=True)
            run.store.finish()
    return [*write_reports(run.directory), *run.store.finish()]


def _judged(run: Run, requirement_id: str, died: Mapping[str, str]) -> Judged:
    requirement = BY_ID[requirement_id]
    chosen = [check for check in run.plan.selected if check.requirement == requirement_id]
    left_out = [check for check in run.plan.left_out if check.requirement == requirement_id]
    results = [
        _after_death(_result(check, run.results.of(check.nodeid)), died.get(check.nodeid, ""))
        for check in chosen
    ]
    results += [_result(check, None, "It was not selected.") for check in left_out]
    level = requirement.level(run.shared.list_version)
    reason = run.not_applicable(requirement_id)
    if level is Level.MUST and not requirement.may_be_not_applicable:
        reason = ""  # the server's list has the last word; settings only knew the newest
    judgement = judge(
        results,
        not_applicable=reason,
        strict=run.settings.strict,
        left_behind=[
            came.left_behind for came in run.results if came.requirement == requirement_id
        ],
    )
    return Judged(
        result=RequirementResult(
            id=requirement.id,
            title=requirement.title,
            category=requirement.category,
            level=level,
            verdict=judgement.verdict,
            reason=judgement.reason,
            checks=tuple(results),
        ),
        judgement=judgement,
        whole=run.plan.is_whole(requirement_id),
    )


def _result(check: Check, came: Result | None, why_not: str = "") -> CheckResult:
    return CheckResult(
        check=check.name,
        title=check.title,
        basis=check.basis,
        outcome=came.counts.outcome if came else "not run",
        seconds=came.seconds if came else 0.0,
        message=came.counts.message if came else why_not,
    )


def _after_death(result: CheckResult, why: str) -> CheckResult:
    """The result of a check whose worker died over it, whatever another worker made of it later."""
    if not why or result.outcome in ("failed", "absent", "inconclusive", "error"):
        return result
    return dataclasses.replace(result, outcome="inconclusive", message=why)


def _of_record(record: CheckRecord) -> CheckResult:
    return CheckResult(
        check=record.check,
        title=record.title,
        basis=record.basis,
        outcome=record.outcome,
        seconds=record.seconds,
        message=record.message,
    )


def _cluster_info(run: Run) -> ClusterInfo:
    if not run.connected:
        return ClusterInfo(platform=run.shared.description)
    return ClusterInfo(
        context=run.cluster.context,
        server=run.cluster.server,
        version=run.cluster.version(),
        id=run.survey.cluster_id,
        platform=run.shared.description,
        nodes=run.survey.nodes_seen(),
        accelerators=run.survey.pools(),
        remarks=tuple(run.survey.remarks()),
    )


def _versions() -> dict[str, str]:
    found = {"aicr_pytest": __version__, "python": platform.python_version()}
    for package in ("pytest", "kubernetes", "pytest-html", "pytest-xdist", "pytest-kubernetes"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | extensions.versions()


def _below(start: Path, directory: Path | None) -> str:
    """The evidence's directory from where CI systems look for it; no other path is published."""
    if directory is None or not directory.is_relative_to(start):
        return ""
    return directory.relative_to(start).as_posix()


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
