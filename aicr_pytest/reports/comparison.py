"""Two runs side by side: verdicts, versions, timings."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from aicr_pytest.evidence.run import CheckResult, RequirementResult, RunInfo, Verdict
from aicr_pytest.reports import formatting

BETTER_FIRST: tuple[Verdict, ...] = (
    "Implemented",
    "N/A",
    "Unknown",
    "Inconclusive",
    "Not Implemented",
)
"""Verdicts by what they say for a platform."""

_SLOWER = 1.5
"""Factor from which on a check's time is worth a line …"""
_SECONDS = 5.0
"""… where it is also that many seconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that the two runs tell differently."""

    what: str
    """``verdict``, ``level``, ``check``, ``cluster``, ``version``, ``suite`` or ``time``."""
    name: str
    """Of the requirement, the check, the program …"""
    old: str
    """As the old run has it; empty where it has none."""
    new: str
    """As the new run has it; empty where it has none."""
    worse: bool = False
    """A verdict speaks less for the platform than it did."""

    def __str__(self) -> str:
        flag = "worse: " if self.worse else ""
        return f"{flag}{self.what} {self.name}: {self.old or 'none'} → {self.new or 'none'}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed from one run to another."""

    old: RunInfo
    """The run to compare with."""
    new: RunInfo
    """The run to look at."""
    changes: tuple[Change, ...]
    """Verdicts first."""

    @property
    def is_worse(self) -> bool:
        """Whether a verdict got worse."""
        return any(change.worse for change in self.changes)

    def as_lines(self) -> list[str]:
        """For people."""
        runs = [
            f"{name}: run {run.run_id}, {formatting.moment(run.started_at)},"
            f" {formatting.duration(run.seconds)}{', SIMULATED' * run.simulated}"
            for name, run in (("old", self.old), ("new", self.new))
        ]
        return [*runs, *(map(str, self.changes) if self.changes else ("no difference",))]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "old": {"run_id": self.old.run_id, "started_at": self.old.started_at},
            "new": {"run_id": self.new.run_id, "started_at": self.new.started_at},
            "worse": self.is_worse,
            "changes": [dataclasses.asdict(change) for change in self.changes],
        }


def compare(old: RunInfo, new: RunInfo) -> Comparison:
    """What the new run tells differently from the old one."""
    changes = (
        *_verdicts(old, new),
        *_checks(old, new),
        *_fields("cluster", _cluster(old), _cluster(new)),
        *_fields("version", old.versions, new.versions),
        *_fields("suite", _short(old.suite), _short(new.suite)),
        *_times(old, new),
    )
    return Comparison(old=old, new=new, changes=changes)


def _verdicts(old: RunInfo, new: RunInfo) -> Iterator[Change]:
    before, after = _by_id(old), _by_id(new)
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was is None or now is None or was.verdict != now.verdict:
            yield Change(
                what="verdict",
                name=name,
                old=was.verdict if was else "",
                new=f"{now.verdict} ({now.reason})" if now else "",
                worse=was is not None and _rank(now) > _rank(was),
            )
        if was and now and was.level != now.level:
            yield Change(what="level", name=name, old=was.level, new=now.level)


def _rank(requirement: RequirementResult | None) -> int:
    """The better, the lower; a requirement that is not looked at any more is as good as unseen."""
    return BETTER_FIRST.index(requirement.verdict if requirement else "Inconclusive")


def _checks(old: RunInfo, new: RunInfo) -> Iterator[Change]:
    before, after = _results(old), _results(new)
    for name in dict.fromkeys((*before, *after)):
        was = before[name].outcome if name in before else ""
        now = after[name].outcome if name in after else ""
        if was != now:
            yield Change(what="check", name=name, old=was, new=now)


def _times(old: RunInfo, new: RunInfo) -> Iterator[Change]:
    before, after = _results(old), _results(new)
    for name in (name for name in before if name in after):
        was, now = before[name].seconds, after[name].seconds
        shorter, longer = sorted((was, now))
        if longer - shorter >= _SECONDS and longer >= _SLOWER * shorter:
            told = formatting.duration
            yield Change(what="time", name=name, old=told(was), new=told(now))


def _fields(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if old.get(name, "") != new.get(name, ""):
            yield Change(what=what, name=name, old=old.get(name, ""), new=new.get(name, ""))


def _cluster(run: RunInfo) -> dict[str, str]:
    cluster = run.cluster
    pools = [f"{pool.count} {pool.model} by {pool.mechanism}" for pool in cluster.accelerators]
    return {
        "id": cluster.id,
        "context": cluster.context,
        "platform": cluster.platform,
        "Kubernetes": cluster.version,
        "list": run.list_version,
        "nodes": str(len(cluster.nodes)),
        "accelerators": "; ".join(pools),
        "simulated": "yes" if run.simulated else "no",
    }


def _short(suite: Mapping[str, str]) -> dict[str, str]:
    return {name: digest[:12] for name, digest in suite.items()}


def _by_id(run: RunInfo) -> dict[str, RequirementResult]:
    return {requirement.id: requirement for requirement in run.requirements}


def _results(run: RunInfo) -> dict[str, CheckResult]:
    return {f"{one.id}/{check.check}": check for one in run.requirements for check in one.checks}
