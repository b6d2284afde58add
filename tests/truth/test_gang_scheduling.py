"""Every defect of ``gang_scheduling`` is seen, on a lab with the native gang scheduler."""

from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import defects_of, name_of, try_out
from .suite import run_suite

LAB = LabOptions()
LEASES = ("coordination.k8s.io/v1", "Lease", "default")


@pytest.mark.parametrize("defect", defects_of("gang_scheduling"), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, ["gang_scheduling"], tmp_path / "run")

    assert {result.outcome for result in run.results} == {"passed"}, run
    assert lab.api.list(*LEASES) == []
    assert faults(lab) == []
