"""Each defect of the lab is seen by the check that is aimed at it, for the right reason.

Three labs' worth of work, for ``-n 3 --dist loadgroup``; each group ends with a green run on the
lab that was broken and healed all the time.
"""

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Broken, Labs
from .health import faults
from .judging import complaints
from .suite import REQUIREMENTS, TIMEOUT_SCALE, clean, run_side_by_side, run_suite

LABS = {
    "dra_support": LabOptions(),
    # Claims on one node, the device plugin on the other: a defect must be seen on both.
    "secure_accelerator_access": LabOptions(allocation="mixed"),
    "any": LabOptions(allocation="mixed"),
}

ELSEWHERE = ("api-errors-only",)
"""Stops a run before it begins; see test_nothing_to_see.py."""

ALL_WAIT = (
    "dra-slices-incomplete-pool",
    "dra-class-matches-nothing",
    "dra-claim-never-released",
)
"""What is awaited never comes, so that the deadlines are the duration."""
SHORT = 0.15

# Those that restart the API server last: they leave the lab with caches to fill.
IN_ORDER = sorted(DEFECTS, key=lambda defect: defect.id == "dra-api-not-served")


def defects_of(*requirements: str) -> list[ParameterSet]:
    """The defects of requirements, each in the group of its lab."""
    return [
        pytest.param(
            defect, marks=pytest.mark.xdist_group(defect.requirement or "any"), id=defect.id
        )
        for requirement in requirements
        for defect in IN_ORDER
        if defect.requirement == requirement and defect.id not in ELSEWHERE
    ]


@pytest.mark.parametrize("defect", defects_of(*REQUIREMENTS))
def test_defect_is_seen(defect: Defect, labs: Labs, broken: Broken, tmp_path: Path) -> None:
    lab = labs(LABS[defect.requirement])
    scale = SHORT if defect.id in ALL_WAIT else TIMEOUT_SCALE

    with broken(lab, defect):
        run = run_suite(
            defect.kubeconfig(lab), [defect.requirement], tmp_path / "run", timeout_scale=scale
        )
    if defect.leaves_behind:
        clean(lab.kubeconfig, run)

    assert complaints(defect, run) + faults(lab) == []


@pytest.mark.parametrize("defect", defects_of(""))
def test_defect_that_cuts_across_is_told_from_a_broken_platform(
    defect: Defect, labs: Labs, broken: Broken, tmp_path: Path
) -> None:
    lab = labs(LABS["any"])

    with broken(lab, defect):
        runs = run_side_by_side(defect.kubeconfig(lab), tmp_path)
    for run in runs if defect.leaves_behind else ():
        clean(lab.kubeconfig, run)

    logs = [*lab.dir.rglob("quota-keeper.log")]
    said = [sentence for run in runs for sentence in complaints(defect, run, logs)]
    assert said + faults(lab) == []


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in LABS]
)
def test_lab_that_was_healed_of_everything_is_green(kind: str, labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LABS[kind]).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert {one.id: one.verdict for one in run.requirements} == dict.fromkeys(
        REQUIREMENTS, "Implemented"
    ), run
    assert {result.outcome for result in run.results} == {"passed"}, run
    assert run.exit_status == 0
