"""The suite as a user runs it: a pytest of its own, and what it left as evidence."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.build.builder import cache_dir, take_cache
from aicr_pytest.evidence.record import read_records
from aicr_pytest.evidence.run import RUN_FILE, CheckResult, RequirementResult, RunInfo, read_run
from aicr_pytest.requirements import catalogue
from aicr_pytest.requirements.catalogue import NOT_AUTOMATED

REQUIREMENTS = ("dra_support", "secure_accelerator_access")
"""What every lab is about, whatever its allocation."""

CORE = (*REQUIREMENTS, "gang_scheduling")
"""What a lab implements without add-ons."""

AUTOMATED = tuple(one.id for one in catalogue.REQUIREMENTS if one.id not in NOT_AUTOMATED)
"""What a lab with all add-ons implements."""

ALLOW_ALL = "--aicr-allow=scale-out,load-balancer,disruption"
"""It costs and disturbs nobody here."""

TIMEOUT_SCALE = 0.5
"""The lab answers within seconds; deadlines are those of a cluster that pulls images."""

FINE = ("passed", "not applicable")
"""Outcomes of checks that noticed nothing."""

PATIENCE = 420.0
"""Seconds that a run of one requirement may last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """One run of the suite, finished."""

    directory: Path
    """Its evidence."""
    exit_status: int
    """Of pytest."""
    output: str
    """What it said."""
    info: RunInfo | None
    """run.json; ``None`` where the run ended before it began."""

    @property
    def requirements(self) -> tuple[RequirementResult, ...]:
        """What run.json says of requirements."""
        return self.info.requirements if self.info else ()

    @property
    def results(self) -> list[CheckResult]:
        """What run.json says of checks."""
        return [check for requirement in self.requirements for check in requirement.checks]

    @property
    def left_behind(self) -> list[str]:
        """What checks could not remove."""
        records = read_records(self.directory)
        return [record.left_behind for record in records if record.left_behind]

    @property
    def all_fine(self) -> bool:
        """Whether every check that decides passed or does not apply."""
        decides = (one for one in self.results if one.basis != "hardening")
        return all(one.outcome in FINE for one in decides) and not self.left_behind

    def result(self, check: str) -> CheckResult | None:
        """One check, by the name of its test."""
        return next((result for result in self.results if result.check == check), None)

    def __str__(self) -> str:
        return f"exit status {self.exit_status}, evidence in {self.directory}\n{self.output}"


def run_suite(
    kubeconfig: Path,
    features: Sequence[str],
    directory: Path,
    *arguments: str,
    timeout_scale: float = TIMEOUT_SCALE,
    patience: float = PATIENCE,
) -> SuiteRun:
    """Run the checks of some requirements on a cluster, from an empty directory.

    Args:
        patience: seconds after which it is ended, gracefully, so that it removes what it created.
    """
    process = begin(kubeconfig, features, directory, *arguments, timeout_scale=timeout_scale)
    evidence = directory / "evidence"
    try:
        output, _ = process.communicate(timeout=patience)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)
    info = read_run(evidence) if (evidence / RUN_FILE).exists() else None
    finished = SuiteRun(
        directory=evidence, exit_status=process.returncode, output=output, info=info
    )
    _agree(finished)
    return finished


def begin(
    kubeconfig: Path,
    features: Sequence[str],
    directory: Path,
    *arguments: str,
    timeout_scale: float = TIMEOUT_SCALE,
) -> "subprocess.Popen[str]":
    """Start a run and do not wait for its end; whoever asks for it ends it."""
    directory.mkdir(parents=True)
    command = [
        *(sys.executable, "-m", "pytest", "--aicr", "-p", "no:cacheprovider"),
        *(f"--aicr-feature={feature}" for feature in features),
        f"--aicr-kubeconfig={kubeconfig}",
        f"--evidence-dir={directory / 'evidence'}",
        f"--aicr-timeout-scale={timeout_scale:g}",
        "--aicr-redact=secrets",  # messages are judged by the nodes that they name
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=directory,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_side_by_side(
    kubeconfig: Path,
    features: Sequence[str],
    directory: Path,
    *arguments: str,
    timeout_scale: float = TIMEOUT_SCALE,
    patience: float = PATIENCE,
) -> list[SuiteRun]:
    """Run each requirement in a run of its own, at the same time, as two people would.

    Args:
        patience: seconds that each may last, its wait for the others' accelerators included.
    """

    def run(requirement: str) -> SuiteRun:
        return run_suite(
            kubeconfig,
            [requirement],
            directory / requirement,
            *arguments,
            timeout_scale=timeout_scale,
            patience=patience,
        )

    with ThreadPoolExecutor(max_workers=len(features)) as threads:
        return list(threads.map(run, features))


def clean(kubeconfig: Path, run: SuiteRun) -> None:
    """Remove what a run left behind, as its user would."""
    assert run.info is not None
    clean_of(kubeconfig, "--run", run.info.run_id)


def clean_of(kubeconfig: Path, *which: str) -> None:
    """Remove what one run, or all of them, have left, as their user would."""
    command = [str(Path(sys.executable).with_name("aicr-pytest")), "clean", *which]
    environment = _environment() | {"KUBECONFIG": str(kubeconfig)}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE)


def _environment() -> dict[str, str]:
    """Ours, without what belongs to the pytest that we run in or would steer the one we start."""
    ours = ("AICR_", "PYTEST_")
    others = ("KUBECONFIG", "PYTHONDONTWRITEBYTECODE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in others and not (name.startswith(ours) and name[:8] != "AICR_LAB")
    }
    take_cache(cache_dir())
    # Half of a run's processor time is spent on compiling Python where that is not kept.
    return kept | {"PYTHONPYCACHEPREFIX": str(cache_dir() / "bytecode")}


def _agree(run: SuiteRun) -> None:
    """run.json must say of each check what its record says."""
    records = {record.check: record for record in read_records(run.directory)}
    for result in run.results:
        if result.outcome != "not run":
            record = records[result.check]
            assert (record.outcome, record.basis) == (result.outcome, result.basis)
