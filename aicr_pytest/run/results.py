"""What came of every check, as the controller knows it: told by one process or by several."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aicr_pytest.evidence.attempts import what_counts
from aicr_pytest.evidence.record import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a check in one process."""

    requirement: str
    """Id of the requirement."""
    check: str
    """Name of the test with its parameters."""
    attempts: Sequence[Attempt]
    """At least one, in their order."""
    left_behind: str = ""
    """What stays on the cluster."""
    seconds: float = 0.0
    """Wall clock of all attempts."""
    worker: str = ""
    """The process."""

    @property
    def counts(self) -> Attempt:
        """The attempt that decides, with a word about the others."""
        return what_counts(self.attempts)

    def doubted(self, message: str, since: str = "") -> "Result":
        """The result of a check of which something was learned after its end.

        It concerns one that passed. It excuses one that failed only where every failure is later
        than ``since``, e.g. when somebody else may have had what the check needed.

        Args:
            message: what was learned.
            since: UTC, ISO 8601 with ``Z``; empty: nothing is excused.
        """
        told = self.counts
        failures = [one for one in self.attempts if one.outcome == "failed"]
        excused = since and failures and all(one.finished_at > since for one in failures)
        if told.outcome != "passed" and not excused:
            return self
        if excused:
            message = f"{message}\n  Hence it proves nothing that it failed: {told.message}"
        others = [one for one in self.attempts if one.outcome not in ("passed", "failed")]
        doubt = replace(told, outcome="inconclusive", message=message)
        return replace(self, attempts=(*others, doubt))

    def to_json(self) -> dict[str, Any]:
        """For another process of the same run."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Result":
        """Read back what ``to_json`` gave."""
        return cls(**{**data, "attempts": tuple(Attempt(**one) for one in data["attempts"])})


class Results:
    """One result per check of a run."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Result]] = {}

    def take(self, nodeid: str, result: Result) -> None:
        """Note a result; the newest of a process holds what it told before."""
        self._told.setdefault(nodeid, {})[result.worker] = result

    def of(self, nodeid: str) -> Result | None:
        """What came of a check in all processes; None for one that has not ended."""
        told = list(self._told.get(nodeid, {}).values())
        if not told:
            return None
        return replace(
            told[0],
            attempts=tuple(attempt for one in told for attempt in one.attempts),
            left_behind="\n".join(dict.fromkeys(one.left_behind for one in told)).strip(),
            seconds=sum(one.seconds for one in told),
        )

    def __iter__(self) -> Iterator[Result]:
        return (result for nodeid in self._told if (result := self.of(nodeid)))
