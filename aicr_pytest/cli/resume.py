"""`aicr-pytest run --resume DIR`: the rest of an earlier run, and one dossier of both.

By whole requirements: checks of one build on each other, and a verdict needs them all.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.saying import say, say_line
from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED

if TYPE_CHECKING:
    import pytest

    from aicr_pytest.evidence.run import RunInfo

_INTERRUPTED = 2
"""pytest's numbers from here on say that the run itself did not go well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What of earlier runs is looked at again."""

    directories: tuple[Path, ...]
    """Their evidence."""
    failed: bool
    """Those that were Not Implemented, since the platform was mended; else what nobody saw."""


class Seen:
    """A pytest plugin that notes where the evidence of a run goes."""

    directory: Path | None = None

    def pytest_sessionstart(self, session: "pytest.Session") -> None:
        """Once the run is known."""
        from aicr_pytest.run.session import run_key

        run = session.config.stash.get(run_key, None)
        self.directory = run.directory if run else None


def words_of(arguments: Sequence[str]) -> tuple[Resume | None, list[str]]:
    """What is resumed, and the words that are left for pytest.

    Raises:
        SettingsError: they contradict each other.
    """
    directories: list[Path] = []
    rest: list[str] = []
    failed = False
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--resume":
            directories.append(Path(value if equals else next(words, "")))
        elif word == "--failed":
            failed = True
        else:
            rest.append(word)
    if not directories:
        if failed:
            raise SettingsError("--failed speaks of an earlier run: name it with --resume DIR.")
        return None, rest
    if any(word.partition("=")[0] == "--aicr-feature" for word in rest):
        raise SettingsError(
            "--resume chooses the requirements itself.\n  Leave --aicr-feature out; -m narrows it."
        )
    return Resume(directories=tuple(directories), failed=failed), rest


def requirements_of(resume: Resume) -> list[str]:
    """Ids of the requirements that are looked at again, in the order of the list.

    Raises:
        SettingsError: a directory holds no run, or they do not go together.
    """
    run = _earlier(resume)
    verdict = "Not Implemented" if resume.failed else "Inconclusive"
    chosen = {one.id for one in run.requirements if one.verdict == verdict}
    if run.exit_status is None and not resume.failed:
        # Killed before it could tell its plan: what it never came to is in no record.
        chosen |= BY_ID.keys() - NOT_AUTOMATED.keys() - {one.id for one in run.requirements}
    return [name for name in BY_ID if name in chosen]


def _earlier(resume: Resume) -> "RunInfo":
    """The run, or the runs as one."""
    from aicr_pytest.evidence.run import read_judged_run, read_run
    from aicr_pytest.reports.writing import rebuild
    from aicr_pytest.run import merging
    from aicr_pytest.run.conclusion import judge_records

    for directory in resume.directories:
        run = read_run(directory)
        if run.parts:
            runs = " ".join(f"--resume {part.run_id}" for part in run.parts)
            raise SettingsError(
                f"{directory}: was merged of several runs.\n"
                f"  Name the evidence of each instead: {runs}"
            )
        if run.exit_status is None and not run.requirements:
            rebuild(directory, judge_records)
            say_line(f"{directory}: was killed; its verdicts were made of its records", sys.stderr)
    if len(resume.directories) == 1:
        return read_judged_run(resume.directories[0])
    with tempfile.TemporaryDirectory(prefix="aicr-") as folder:
        target = Path(folder) / "merged"
        return merging.merge(target, resume.directories, newest=resume.failed, start=target)


def join(resume: Resume, directory: Path | None, status: int) -> int:
    """Make one dossier of all runs, beside the evidence of the new one; the exit status.

    Args:
        directory: of the evidence of the new run; None where it came to none.
        status: of the new run.

    Raises:
        SettingsError: they do not go together; all of them stay as they are.
    """
    from aicr_pytest.evidence.run import RUN_FILE
    from aicr_pytest.run import merging

    if directory is None or not (directory / RUN_FILE).is_file():
        return status
    out = directory.with_name(f"{directory.name}-merged")
    run = merging.merge(
        out, [*resume.directories, directory], newest=resume.failed, start=Path.cwd()
    )
    say("")
    for requirement in run.requirements:
        say_line(f"{requirement.id}  {requirement.level}  {requirement.verdict}")
    for conflict in run.conflicts:
        say_line(f"said differently: {conflict}")
    say_line(f"All of it: {out / 'index.html'}")
    return status if status >= _INTERRUPTED else run.exit_status or 0
