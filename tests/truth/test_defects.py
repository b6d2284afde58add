"""Each defect of the lab is seen by the check that is aimed at it, for the right reason.

Three labs' worth of work, for ``-n 3 --dist loadgroup``; each group ends with a green run on the
lab that was broken and healed all the time.
"""

from pathlib import Path

import pytest

from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Broken, Labs
from .judging import complaints
from .suite import REQUIREMENTS, run_side_by_side, run_suite

LABS = {
    "dra_support": LabOptions(),
    # Claims on one node, the device plugin on the other: a defect must be seen on both.
    "secure_accelerator_access": LabOptions(allocation="mixed"),
    "any": LabOptions(allocation="mixed"),
}

ALL_WAIT = ("dra-slices-incomplete-pool", "dra-class-matches-nothing")
"""Every pod waits for a node to the end, so that the deadlines are the duration."""
SHORT = 0.15

# Those that restart the API server last: they leave the lab with caches to fill.
IN_ORDER = sorted(DEFECTS, key=lambda defect: defect.id == "dra-api-not-served")


def _of(requirement: str) -> list[object]:
    group = pytest.mark.xdist_group(requirement or "any")
    return [
        pytest.param(defect, marks=group, id=defect.id)
        for defect in IN_ORDER
        if defect.requirement == requirement
    ]


@pytest.mark.parametrize("defect", [*_of(REQUIREMENTS[0]), *_of(REQUIREMENTS[1])])
def test_defect_is_seen(defect: Defect, labs: Labs, broken: Broken, tmp_path: Path) -> None:
    lab = labs(LABS[defect.requirement])
    scale = {"timeout_scale": SHORT} if defect.id in ALL_WAIT else {}

    with broken(lab, defect):
        run = run_suite(defect.kubeconfig(lab), [defect.requirement], tmp_path / "run", **scale)

    assert complaints(defect, run) == []
    assert run.exit_status == (0 if run.passed_throughout else 1)


@pytest.mark.parametrize("defect", [d for d in _of("") if d.id != "api-errors-only"])
def test_defect_that_cuts_across_is_told_from_a_broken_platform(
    defect: Defect, labs: Labs, broken: Broken, tmp_path: Path
) -> None:
    lab = labs(LABS["any"])

    with broken(lab, defect):
        runs = run_side_by_side(defect.kubeconfig(lab), tmp_path)

    assert [sentence for run in runs for sentence in complaints(defect, run)] == []


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in LABS]
)
def test_lab_that_was_healed_of_everything_is_green(
    kind: str, labs: Labs, tmp_path: Path
) -> None:
    run = run_suite(labs(LABS[kind]).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert {one.id: one.verdict for one in run.requirements} == dict.fromkeys(
        REQUIREMENTS, "Implemented"
    ), run
    assert {result.outcome for result in run.results} == {"passed"}, run
    assert run.exit_status == 0
