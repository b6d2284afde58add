"""What is no fault of the platform's accelerators is not taken for one, by either requirement."""

import dataclasses
from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.options import LabOptions

from .conftest import Labs
from .matrix import across, defects_of, name_of, trials, try_out
from .suite import REQUIREMENTS, run_side_by_side

LAB = LabOptions(allocation="mixed")
"""Claims on the first node, the device plugin on the second."""

BLINDING = [defect for defect in defects_of("") if defect.expects == "Inconclusive"]
ALIKE = across("node-without-network")
"""Harmless where another node is of the same kind, which takes another lab: test_dra_support.py."""
HARMLESS = [d for d in defects_of("") if d.expects == "Implemented" and d not in ALIKE]


@pytest.mark.parametrize("defect", trials(BLINDING), ids=name_of)
def test_where_nobody_can_look_nobody_is_accused(
    defect: Defect, labs: Labs, tmp_path: Path
) -> None:
    assert try_out(labs(LAB), defect, tmp_path, requirements=REQUIREMENTS) == []


# After those above, so that it is seen that they healed; what is harmless meets the same code in
# both requirements, so that each of it is tried with one of them.
@pytest.mark.parametrize("defect", trials(HARMLESS), ids=name_of)
def test_what_is_harmless_changes_no_verdict(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    requirement = REQUIREMENTS[(HARMLESS.index(defect) + 1) % 2]

    assert try_out(labs(LAB), defect, tmp_path, requirements=[requirement]) == []


@pytest.mark.thorough
def test_label_that_a_policy_wants_is_the_way_out(labs: Labs, tmp_path: Path) -> None:
    (denied,) = across("pods-denied")
    met = dataclasses.replace(denied, expects="Implemented", expected_message="owner: ml")

    assert (
        try_out(labs(LAB), met, tmp_path, "--aicr-label=owner=ml", requirements=REQUIREMENTS) == []
    )


def test_two_runs_at_the_same_time_change_no_verdict(labs: Labs, tmp_path: Path) -> None:
    runs = run_side_by_side(labs(LAB).kubeconfig, REQUIREMENTS, tmp_path)

    assert [run.info.requirements[0].verdict for run in runs if run.info] == ["Implemented"] * 2
    assert all(run.all_fine and run.exit_status == 0 for run in runs), runs
