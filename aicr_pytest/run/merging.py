"""One run of several: by requirement, by worker, or with a requirement that was run again.

Of a check that several runs have looked at the worst outcome counts, as with several attempts in
one run: a platform that does it right only the second time does not do it right. Where it was
mended in between, the user's word makes the newest count. Either way it is said, with dates.
"""

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.attempts import WORST_FIRST
from aicr_pytest.evidence.json_fields import to_bytes
from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.provenance import fingerprint
from aicr_pytest.evidence.record import RECORD_FILE, CheckRecord, Outcome
from aicr_pytest.evidence.run import (
    RUN_FILE,
    CheckResult,
    ClusterInfo,
    Part,
    RequirementResult,
    RunInfo,
)
from aicr_pytest.evidence.totals import completed
from aicr_pytest.reports.writing import write_reports
from aicr_pytest.requirements.catalogue import BY_ID, Level
from aicr_pytest.run.mixing import Source, read_sources
from aicr_pytest.run.verdicts import NOT_APPLICABLE, judge

_LOOKED: tuple[Outcome, ...] = ("failed", "absent", "unknown", "not applicable", "passed")
"""Outcomes of a check that could look; any of them counts more than one that could not."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A check, and the run whose word counts."""

    source: Source
    result: CheckResult
    conflict: str
    """What the runs say differently; empty where they agree."""


def merge(out: Path, directories: Sequence[Path], *, newest: bool, start: Path) -> RunInfo:
    """Write a run that holds what several runs have found.

    Args:
        out: a directory that is not there yet, or empty.
        directories: of the runs, in any order.
        newest: of a check that several runs have looked at, the newest counts.
        start: the directory of the user, from which ``out`` is told.

    Raises:
        SettingsError: a directory holds no whole run, the runs do not go together, or ``out`` holds
            something or cannot be written. Nothing was written then.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{out}: is there and not empty; name a new directory.")
    sources = read_sources(directories)
    if any(out.is_relative_to(source.directory) for source in sources):
        raise SettingsError(f"{out}: lies in a run that is to be merged; name another directory.")
    chosen = _chosen(sources, newest)
    told = out.relative_to(start).as_posix() if out.is_relative_to(start) else ""
    run = dataclasses.replace(_run(sources, chosen), directory=told)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".aicr-", dir=out.parent) as folder:
            made = Path(folder) / "run"
            _write(made, sources, chosen)
            run = completed(run, made)
            (made / RUN_FILE).write_bytes(to_bytes(run.to_json()))
            if problems := write_reports(made):
                raise SettingsError("; ".join(problems))
            made.rename(out)
    except OSError as error:
        raise SettingsError(f"{out}: cannot be written: {error.strerror or error}.") from error
    return run


# -- what counts --------------------------------------------------------------------------------


def _chosen(sources: Sequence[Source], newest: bool) -> dict[tuple[str, str], _Chosen]:
    """By requirement and check, requirements in the order of the list."""
    found: dict[tuple[str, str], list[tuple[Source, CheckResult]]] = {}
    for source in sources:
        for requirement in source.run.requirements:
            for result in requirement.checks:
                found.setdefault((requirement.id, result.check), []).append((source, result))
    order = list(BY_ID)
    keys = sorted(found, key=lambda key: order.index(key[0]) if key[0] in order else len(order))
    return {key: _choose(key, found[key], newest) for key in keys}


def _choose(
    key: tuple[str, str], candidates: Sequence[tuple[Source, CheckResult]], newest: bool
) -> _Chosen:
    """Of one check; the candidates come in the order of time."""
    ran = [one for one in candidates if one[1].outcome != "not run"]
    looked = [one for one in ran if one[1].outcome in _LOOKED]
    counting = looked or ran or candidates
    if looked and not newest:
        worst = min(WORST_FIRST.index(result.outcome) for _, result in looked)
        counting = [one for one in looked if WORST_FIRST.index(one[1].outcome) == worst]
    source, result = counting[-1]
    conflict = ""
    if len({result.outcome for _, result in ran}) > 1:
        said = ", ".join(f"{result.outcome} in {source.told}" for source, result in ran)
        conflict = f"{'/'.join(key)}: {said}; {_rule(looked, newest)} counts: {result.outcome}"
    return _Chosen(source=source, result=result, conflict=conflict)


def _rule(looked: Sequence[tuple[Source, CheckResult]], newest: bool) -> str:
    if len({result.outcome for _, result in looked}) < 2:
        return "what could look"
    return "by the user's word the newest" if newest else "the worst"


# -- run.json -----------------------------------------------------------------------------------


def _run(sources: Sequence[Source], chosen: dict[tuple[str, str], _Chosen]) -> RunInfo:
    runs = [source.run for source in sources]
    newest = runs[-1]
    ids = sorted(run.run_id for run in runs)
    suite = {name: digest for run in runs for name, digest in run.suite.items()}
    requirements = tuple(_requirements(sources, chosen))
    unfinished = any(one.result.outcome == "not run" for one in chosen.values())
    problems = _distinct(f"run {run.run_id}: {line}" for run in runs for line in run.problems)
    left_behind = _distinct(line for run in runs for line in run.left_behind)
    amiss = problems or left_behind or any(_is_unmet(one, newest) for one in requirements)
    return dataclasses.replace(
        newest,
        run_id=f"merged-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:8]}",
        started_at=min(run.started_at for run in runs),
        finished_at=max(run.finished_at for run in runs),
        seconds=round(sum(run.seconds for run in runs), 1),
        cluster=_cluster([run.cluster for run in runs]),
        settings=_joined([run.settings for run in runs]),
        versions=_joined([run.versions for run in runs]),
        requirements=requirements,
        official_words={name: words for run in runs for name, words in run.official_words.items()},
        exit_status=1 if amiss else 0,
        interrupted=unfinished and any(run.interrupted for run in runs),
        command="; ".join(_distinct(run.command for run in runs)),
        problems=problems,
        left_behind=left_behind,
        clean_command="; ".join(_distinct(run.clean_command for run in runs)),
        suite=dict(sorted(suite.items())),
        suite_sha256=fingerprint(suite) if suite else "",
        parts=tuple(_part(source, chosen) for source in sources),
        conflicts=tuple(one.conflict for one in chosen.values() if one.conflict),
    )


def _requirements(
    sources: Sequence[Source], chosen: dict[tuple[str, str], _Chosen]
) -> Iterable[RequirementResult]:
    strict = _is_strict(sources[-1].run)
    for name in dict.fromkeys(requirement for requirement, _ in chosen):
        told = [one for s in sources for one in s.run.requirements if one.id == name]
        of_it = {key: one for key, one in chosen.items() if key[0] == name}
        by_word = [one for one in told if one.reason.startswith(NOT_APPLICABLE)]
        records = [one.source.records.get(key) for key, one in of_it.items()]
        judgement = judge(
            [one.result for one in of_it.values()],
            not_applicable=by_word[-1].reason.removeprefix(NOT_APPLICABLE) if by_word else "",
            strict=strict,
            left_behind=[record.left_behind for record in records if record],
        )
        conflicts = [one.conflict for one in of_it.values() if one.conflict]
        differ = f"; runs differ: {conflicts[0]}" if conflicts else ""
        yield dataclasses.replace(
            told[-1],
            verdict=judgement.verdict,
            reason=judgement.reason + differ,
            checks=tuple(one.result for one in of_it.values()),
        )


def _is_strict(run: RunInfo) -> bool:
    return run.settings.get("strict", "").startswith("True")


def _is_unmet(requirement: RequirementResult, run: RunInfo) -> bool:
    """Whether a run of its own would end with 1 for it."""
    unlucky = ("failed", "absent", "error", "inconclusive", "unknown")
    if any(
        one.outcome in unlucky
        and (one.basis != "hardening" or _is_strict(run) or one.outcome == "error")
        for one in requirement.checks
    ):
        return True
    whole = all(one.outcome != "not run" or one.basis == "hardening" for one in requirement.checks)
    met = requirement.verdict in ("Implemented", "N/A")
    return whole and requirement.level == Level.MUST and not met


def _cluster(clusters: Sequence[ClusterInfo]) -> ClusterInfo:
    """The newest look at it, with what all runs remarked and looked at."""
    newest = clusters[-1]
    names = [{node.name for node in cluster.nodes} for cluster in clusters]
    remarks = _distinct(line for cluster in clusters for line in cluster.remarks)
    if any(some != names[-1] for some in names):
        remarks += (
            "nodes: those of the newest run; the others had other nodes, or other pseudonyms",
        )
        return dataclasses.replace(newest, remarks=remarks)
    looked_at = {n.name for cluster in clusters for n in cluster.nodes if n.looked_at}
    nodes = tuple(
        dataclasses.replace(node, looked_at=node.name in looked_at) for node in newest.nodes
    )
    return dataclasses.replace(newest, nodes=nodes, remarks=remarks)


def _part(source: Source, chosen: dict[tuple[str, str], _Chosen]) -> Part:
    return Part(
        run_id=source.run.run_id,
        started_at=source.run.started_at,
        finished_at=source.run.finished_at,
        manifest_sha256=source.manifest_sha256,
        checks=tuple("/".join(key) for key, one in chosen.items() if one.source is source),
    )


def _joined(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            found.setdefault(name, []).append(value)
    return {name: "; ".join(dict.fromkeys(found[name])) for name in sorted(found)}


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


# -- files --------------------------------------------------------------------------------------


def _write(out: Path, sources: Sequence[Source], chosen: dict[tuple[str, str], _Chosen]) -> None:
    owners = {check_folder(*key): one.source for key, one in chosen.items()}
    for key, one in chosen.items():
        if (record := one.source.records.get(key)) is not None:
            _write_check(out, check_folder(*key), record, one.source, owners)
    for source in sources:
        for journal in sorted(source.directory.glob("requests*.jsonl")):
            worker = journal.stem.removeprefix("requests")
            _copy(journal, out / f"requests-{source.run.run_id}{worker}.jsonl")


def _write_check(
    out: Path, folder: str, record: CheckRecord, source: Source, owners: dict[str, Source]
) -> None:
    """A record and its files; what it cites of a check that is taken from elsewhere goes along."""
    observations = []
    for one in record.observations:
        file = one.file
        if file and owners.get(file.rpartition("/")[0]) is not source:
            file = f"{folder}/cited/{file.replace('/', '-')}"
        if one.file and (source.directory / one.file).is_file():
            _copy(source.directory / one.file, out / file)
        observations.append(dataclasses.replace(one, file=file))
    kept = dataclasses.replace(record, observations=tuple(observations))
    path = out / folder / RECORD_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(kept.to_json()))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
