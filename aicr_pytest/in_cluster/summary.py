"""What came of a run, small enough for where a pod leaves its last words."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.run import read_run

_MOST = 4096
"""Bytes of a container's termination message, and of a Tekton result."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in a line."""

    exit: int
    """Status with which the run ended."""
    run: str = ""
    """Id of the run; empty where it did not begin."""
    verdicts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Requirement → verdict, as far as they were given."""

    @classmethod
    def of(cls, directory: Path, status: int) -> "Summary":
        """Of a directory of evidence, which may be missing."""
        try:
            run = read_run(directory)
        except SettingsError:
            return cls(exit=status)
        verdicts = {one.id: one.verdict for one in run.requirements}
        return cls(exit=status, run=run.run_id, verdicts=verdicts)

    @classmethod
    def read(cls, text: str) -> "Summary | None":
        """Read back what ``text`` gave; None of anything else."""
        try:
            fields = json.loads(text)
            return cls(
                exit=int(fields["exit"]),
                run=str(fields["run"]),
                verdicts={str(key): str(value) for key, value in fields["verdicts"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    @property
    def text(self) -> str:
        """As JSON; without verdicts where they do not fit, which the evidence has all the same."""
        whole = json.dumps(dataclasses.asdict(self), separators=(",", ":"))
        if len(whole.encode()) <= _MOST:
            return whole
        return dataclasses.replace(self, verdicts={}).text

    def lines(self) -> list[str]:
        """For people."""
        width = max(map(len, self.verdicts), default=0)
        return [f"{name.ljust(width)}  {verdict}" for name, verdict in self.verdicts.items()]
