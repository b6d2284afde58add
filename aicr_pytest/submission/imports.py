"""Results of other suites that come into a submission: ``aicr-pytest submit --import-upstream``.

They never make an answer better. What they say is shown beside what the run has measured; where the
two differ, the vendor has to say why.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.catalogue import minor_version
from aicr_pytest.submission.artifacts import ALL_TESTS, TestOutcome
from aicr_pytest.submission.recognition import (
    NoResultsError,
    Report,
    Suite,
    UnfitError,
    recognise,
)

FOLDER = "upstream"
"""Of these files, in a submission, and in the evidence of a run beside which that suite ran."""

_MUST_PASS = (Suite.UPSTREAM, Suite.KUBERNETES)
"""Suites of which a failed test keeps the programme from taking a submission."""
_MOST_FILES = 10_000
"""Of a folder; a Sonobuoy tarball of a large cluster has some hundred."""
_MOST_NAMED = 5
"""Tests or files that a message names."""
_MOST_OF_NAME = 160
"""Characters of a test's name in a message."""
_WANTED = (
    "  Valid are results of upstream's suite (JUnit, `go test -json`, `go test -v`), JUnit and log "
    "of\n  Kubernetes' e2e.test, and a ConformanceReport of the Gateway API or its Inference "
    "Extension."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What another suite says of one requirement."""

    says: str
    """Whose word: a test of upstream's suite, or a report."""
    outcome: TestOutcome
    """What came of it."""
    evidence: tuple[tuple[str, str], ...]
    """Files in ``FOLDER`` that hold it, each with the test to be looked up in it, or none."""

    def contradicts(self, status: str) -> bool:
        """Whether an answer in the programme's words claims something else."""
        claims = {"passed": ("Not Implemented", "N/A"), "failed": ("Implemented",)}
        return status in claims.get(self.outcome, ())

    def is_evidence_of(self, status: str) -> bool:
        """Whether it is named as evidence of an answer; a skipped test proves that nothing ran."""
        return status == "N/A" if self.outcome == "skipped" else bool(status)

    def __str__(self) -> str:
        return f"{self.says} {'was skipped' if self.outcome == 'skipped' else self.outcome}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Results that fit together."""

    reports: tuple[Report, ...] = ()
    """No two of them have the same name."""
    sources: tuple[str, ...] = ()
    """Where each was found."""
    left_out: tuple[str, ...] = ()
    """Files of a folder that are something else, and what."""

    @classmethod
    def read(cls, sources: Sequence[tuple[str, Path]]) -> "Imports":
        """Look at files, and at every file of folders.

        Args:
            sources: who names it, in words for messages, and the file or folder.

        Raises:
            SettingsError: one holds nothing that is known here, or cannot be taken; two are of
                different runs; or a test failed that the programme wants passed.
        """
        found: list[tuple[str, Report]] = []
        left_out: list[str] = []
        for origin, path in sources:
            taken = list(_recognised(origin, path, left_out))
            if not taken:
                raise SettingsError(f"{origin}: {path} holds no results.\n{_WANTED}")
            found += taken
        once = {report.content: (source, report) for source, report in reversed(found)}
        named = list(_named(list(once.values())[::-1]))
        _refuse_two_runs(named)
        return cls(
            reports=tuple(report for _, report in named),
            sources=tuple(source for source, _ in named),
            left_out=tuple(left_out),
        )

    def check(self, version: str) -> None:
        """See that nothing was measured on another version of Kubernetes than the run's.

        Raises:
            SettingsError: something was.
        """
        for source, report in zip(self.sources, self.reports, strict=True):
            if report.version and minor_version(report.version) != version:
                raise SettingsError(
                    f"{source}: was measured on Kubernetes {report.version}, and the run on "
                    f"{version}.\n  A submission speaks of one version."
                )

    def of(self, requirement: str) -> tuple[Told, ...]:
        """What is said of a requirement."""
        return tuple(self._told(requirement))

    def _told(self, requirement: str) -> Iterator[Told]:
        test = ALL_TESTS.get(requirement, "")
        outcomes = {
            report.file: outcome
            for report in self.reports
            if report.suite is Suite.UPSTREAM and (outcome := report.results.of(test))
        }
        if outcomes:
            yield Told(
                says=f"upstream's {test}",
                outcome=next(iter(outcomes.values())),
                evidence=tuple((file, test) for file in outcomes),
            )
        for report in self.reports:
            if report.requirement == requirement:
                of = f" ({report.of})" if report.of else ""
                yield Told(
                    says=f"{report.suite}{of}",
                    outcome=report.results.of(report.suite) or "failed",
                    evidence=((report.file, ""),),
                )


def _recognised(origin: str, path: Path, left_out: list[str]) -> Iterator[tuple[str, Report]]:
    for file in _files(origin, path):
        try:
            report = recognise(file)
        except UnfitError as error:
            raise SettingsError(f"{origin}: {file} {error}.") from None
        except NoResultsError as error:
            if file == path:
                raise SettingsError(
                    f"{origin}: {file} holds no results: {error}.\n{_WANTED}"
                ) from None
            left_out.append(f"{file}: {error}")
            continue
        if report.suite in _MUST_PASS and report.results.failures:
            names = [name[:_MOST_OF_NAME] for name in report.results.failures]
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            raise SettingsError(
                f"{origin}: {file}: {report.suite} failed: {', '.join(names[:_MOST_NAMED])}{more}."
                "\n  The programme takes no submission with a failed test in it. Mend what it "
                "found, and run that suite again."
            )
        yield str(file), report


def _files(origin: str, path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SettingsError(f"{origin}: {path} is no file and no folder.\n{_WANTED}")
    files: list[Path] = []
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.is_symlink():
            files.append(file)
        if len(files) > _MOST_FILES:
            raise SettingsError(f"{origin}: {path} has more than {_MOST_FILES} files.")
    return files


def _named(found: Sequence[tuple[str, Report]]) -> Iterator[tuple[str, Report]]:
    """Each with a name of its own; of a suite's own three names there is one each."""
    names: dict[str, str] = {}
    for source, report in found:
        file, number = report.file, 1
        if report.suite in _MUST_PASS and file in names:
            raise SettingsError(
                f"{names[file]} and {source}: are two runs of {report.suite}.\n"
                "  Name the files of one."
            )
        while file in names:
            number += 1
            stem, dot, suffix = report.file.rpartition(".")
            file = f"{stem}-{number}{dot}{suffix}"
        names[file] = source
        yield source, dataclasses.replace(report, file=file)


def _refuse_two_runs(named: Sequence[tuple[str, Report]]) -> None:
    """JUnit, results and log of upstream's suite agree where they are of one run."""
    first: tuple[str, dict[str, TestOutcome | None]] | None = None
    for source, report in named:
        if report.suite is not Suite.UPSTREAM:
            continue
        outcomes = {test: report.results.of(test) for test in ALL_TESTS.values()}
        if first is None:
            first = source, outcomes
        for test, outcome in outcomes.items():
            if outcome != first[1][test]:
                raise SettingsError(
                    f"{first[0]} and {source}: are of different runs: {test} is "
                    f"{first[1][test] or 'missing'} in one and {outcome or 'missing'} in the "
                    "other.\n  Name the files of one."
                )
