"""The truth matrix: break a lab, run the suite on it, judge the run, heal the lab, see it healthy.

Each test module has a lab of its own, so that ``-n 3 --dist loadfile`` runs three labs at once.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from aicr_lab.defects.active import heal, inject
from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_lab.lab import Lab

from .health import faults
from .judging import complaints
from .suite import (
    REQUIREMENTS,
    TIMEOUT_SCALE,
    SuiteRun,
    clean,
    run_side_by_side,
    run_suite,
)

STOPS_BEFORE_ANY_CHECK = "api-errors-only"
"""The one defect of which there is no verdict; see test_platforms.py."""

_NEVER_COMES = (
    "dra-slices-incomplete-pool",
    "dra-class-matches-nothing",
    "dra-claim-never-released",
)
"""Defects under which checks wait for what never comes, so that deadlines are the duration."""
_IMPATIENT = 0.15

_LAST = (
    # The kubelet withdraws the ResourceSlices of a dead driver after 30 s. While three labs come up
    # at once, the suite may not have looked by then.
    "dra-driver-down",
    # Restarts the API server, which costs every component its caches.
    "dra-api-not-served",
)


def defects_of(requirement: str) -> list[ParameterSet]:
    """The defects of a requirement; empty: those that cut across."""
    found = [
        defect
        for defect in DEFECTS
        if defect.requirement == requirement and defect.id != STOPS_BEFORE_ANY_CHECK
    ]
    found.sort(key=lambda defect: _LAST.index(defect.id) if defect.id in _LAST else -1)
    return [pytest.param(defect, id=defect.id) for defect in found]


@contextlib.contextmanager
def broken(lab: Lab, defect: Defect) -> Iterator[Path]:
    """Breaks a lab for as long as the context lasts; gives the kubeconfig for the suite."""
    try:
        inject(lab, defect)
        yield defect.kubeconfig(lab)
    finally:
        heal(lab, [defect])


def try_out(lab: Lab, defect: Defect, directory: Path) -> list[str]:
    """What is wrong with the suite's answer to a defect, and with the lab after it is healed."""
    scale = _IMPATIENT if defect.id in _NEVER_COMES else TIMEOUT_SCALE
    with broken(lab, defect) as kubeconfig:
        if defect.requirement:
            place = directory / "run"
            runs = [run_suite(kubeconfig, [defect.requirement], place, timeout_scale=scale)]
        else:
            runs = run_side_by_side(kubeconfig, directory)
    if defect.leaves_behind:
        for run in runs:
            clean(lab.kubeconfig, run)
    logs = [*lab.dir.rglob("quota-keeper.log")]
    return [said for run in runs for said in complaints(defect, run, logs)] + faults(lab)


def verdicts(run: SuiteRun) -> dict[str, str]:
    """The verdict of each requirement of a run."""
    return {one.id: one.verdict for one in run.requirements}


def not_green(run: SuiteRun) -> list[str]:
    """What keeps a run on a healthy lab from being all green, as sentences."""
    wrong = []
    if verdicts(run) != dict.fromkeys(REQUIREMENTS, "Implemented"):
        wrong.append(f"verdicts: {verdicts(run)}")
    if not run.all_fine or run.exit_status != 0:
        wrong.append(str(run))
    return wrong
