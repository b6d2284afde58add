"""Every defect of ``dra_support`` is seen, on a lab that hands out devices by claims."""

from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import across, defects_of, name_of, not_green, trials, try_out
from .suite import REQUIREMENTS, clean, run_suite

LAB = LabOptions()


@pytest.mark.parametrize("defect", trials(defects_of("dra_support")), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


@pytest.mark.parametrize("defect", trials(across("node-without-network")), ids=name_of)
def test_another_node_of_the_kind_is_looked_at(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, requirements=REQUIREMENTS) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert not_green(run) == []
    assert {result.outcome for result in run.results} == {"passed"}


@pytest.mark.thorough
def test_leftovers_of_an_earlier_run_change_nothing(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    first = run_suite(lab.kubeconfig, ["dra_support"], tmp_path / "first", "--aicr-keep=always")
    kept = lab.api.list("resource.k8s.io/v1", "ResourceClaim")

    second = run_suite(lab.kubeconfig, ["dra_support"], tmp_path / "second")
    clean(lab.kubeconfig, first)

    assert kept, "the first run left nothing"
    for run in (first, second):
        assert {one.verdict for one in run.requirements} == {"Implemented"}, run
    assert faults(lab) == []
