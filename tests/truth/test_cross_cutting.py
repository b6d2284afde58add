"""What is no fault of the platform's accelerators is not taken for one, by either requirement.

Both requirements run at the same time, each in a run of its own: two runs do not disturb each other
either.
"""

from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Labs
from .matrix import defects_of, not_green, try_out
from .suite import REQUIREMENTS, run_suite

LAB = LabOptions(allocation="mixed")


@pytest.mark.parametrize("defect", defects_of(""))
def test_defect_is_told_from_a_broken_platform(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert not_green(run) == []
