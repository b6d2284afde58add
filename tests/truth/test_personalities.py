"""Each kind of platform of ``personalities.py``: healthy it is judged rightly, broken it is red.

``docs/accelerators.md`` holds what the suite said of each.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_lab.lab import Lab
from aicr_pytest.evidence.run import RequirementResult

from .conftest import Labs
from .health import faults
from .matrix import IMPATIENT
from .personalities import ADDONS, BROKEN, PERSONALITIES, REQUIREMENTS, Broken, Personality, Right
from .suite import PATIENCE, SuiteRun, run_side_by_side, run_suite

HEALTHY = "healthy"
QUICK = ("both",)
"""Personalities that not only ``make personalities`` tries."""


def trials() -> Iterator[object]:
    """Every personality with everything that it is tried with, those of one lab in a row."""
    for personality in PERSONALITIES:
        for broken in (None, *BROKEN):
            quick = personality.name in QUICK and broken is None
            yield pytest.param(
                personality,
                broken,
                id=f"{personality.name}-{broken.name if broken else HEALTHY}",
                marks=() if quick else pytest.mark.thorough,
            )


@pytest.mark.parametrize(("personality", "broken"), list(trials()))
def test_platform_is_judged_rightly(
    personality: Personality, broken: Broken | None, labs: Labs, tmp_path: Path
) -> None:
    lab = labs(dataclasses.replace(personality.options, addons=ADDONS, fast=True))

    wrong = (
        _broken(lab, personality, broken, tmp_path)
        if broken
        else _healthy(lab, personality, tmp_path)
    )

    assert wrong + faults(lab) == []


def _healthy(lab: Lab, personality: Personality, directory: Path) -> list[str]:
    """What the suite says wrongly of a lab that nobody has broken."""
    # Five runs wait for each other's accelerators, while other labs are at work.
    runs = run_side_by_side(lab.kubeconfig, REQUIREMENTS, directory, patience=2 * PATIENCE)
    wrong = [f"there is no verdict: {run}" for run in runs if not run.requirements]
    wrong += [f"left behind: {left}" for run in runs for left in run.left_behind]
    judged = [one for run in runs for one in run.requirements]
    return wrong + [
        said for one in judged for said in _misjudged(one, personality.right.get(one.id, Right()))
    ]


def _misjudged(one: RequirementResult, right: Right) -> Iterator[str]:
    if one.verdict != right.verdict:
        yield f"{one.id} is {one.verdict}, not {right.verdict}: {one.reason}"
    others = [check for check in one.checks if check.outcome != "passed"]
    for check in others:
        if not any(re.search(reason, check.message) for reason in right.because):
            yield f"{check.check} is {check.outcome}: {check.message}"
    for reason in right.because:
        if not any(re.search(reason, check.message) for check in others):
            yield f"{one.id}: nothing says {reason!r}"


def _broken(lab: Lab, personality: Personality, broken: Broken, directory: Path) -> list[str]:
    """What the suite overlooks of what is broken."""
    try:
        broken.injection.inject(lab)
        run = run_suite(
            lab.kubeconfig, [broken.requirement], directory / "run", timeout_scale=IMPATIENT
        )
    finally:
        broken.injection.revert(lab)
    overlooked = _overlooked(run, broken)
    if broken.name not in personality.unseen:
        return overlooked
    return [] if overlooked else [f"it is seen, though {personality.unseen[broken.name]}"]


def _overlooked(run: SuiteRun, broken: Broken) -> list[str]:
    result = run.result(broken.check)
    if [one.verdict for one in run.requirements] != ["Not Implemented"] or result is None:
        return [f"FALSE PASS: {run}"]
    if result.outcome != "failed" or not re.search(broken.message, result.message, re.DOTALL):
        return [f"{result.check} is {result.outcome} for another reason: {result.message}"]
    return []
