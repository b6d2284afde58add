"""Every defect of ``pod_autoscaling`` is seen, on a lab that scales pods by their accelerators."""

from pathlib import Path

import pytest

from aicr_lab import addons
from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Labs
from .matrix import defects_of, name_of, try_out
from .suite import run_suite

pytestmark = pytest.mark.thorough

REQUIREMENT = "pod_autoscaling"
LAB = LabOptions(addons=addons.parse("accelerator-exporter,prometheus-adapter"), fast=True)


@pytest.mark.parametrize("defect", defects_of(REQUIREMENT), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, [REQUIREMENT], tmp_path / "run")

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
