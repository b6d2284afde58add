"""Every defect of ``gang_scheduling`` is seen, on a lab with the native gang scheduler."""

from pathlib import Path

import pytest

from aicr_lab.defects.by_requirement.gang_scheduling import DEFECTS, STARVED
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.gang_scheduler import UNGROUPED
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import broken, defects_of, name_of, try_out
from .suite import run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions()
OF_ONE = LabOptions(nodes=1, gpus=1)
WITH_KUEUE = LabOptions(addons=("kueue",))
KUEUE = "--aicr-solution=gang=kueue"
PLAIN = next(one for one in DEFECTS if one.id == "gang-plain-scheduler")
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


def test_kueue_as_a_second_solution_passes_the_same_checks(labs: Labs, tmp_path: Path) -> None:
    lab = labs(WITH_KUEUE)

    # It has just started: its first admission may take as long as on a real cluster.
    run = run_suite(lab.kubeconfig, ["gang_scheduling"], tmp_path / "run", KUEUE, timeout_scale=1.0)

    assert {result.outcome for result in run.results} == {"passed"}, run
    assert lab.api.list("kueue.x-k8s.io/v1beta2", "ClusterQueue") == []
    assert faults(lab) == []


def test_kueue_that_admits_pods_one_by_one_is_seen(labs: Labs, tmp_path: Path) -> None:
    lab = labs(WITH_KUEUE)
    UNGROUPED.inject(lab)
    try:
        run = run_suite(lab.kubeconfig, ["gang_scheduling"], tmp_path / "run", KUEUE)
    finally:
        UNGROUPED.revert(lab)

    assert {one.verdict for one in run.requirements} == {"Not Implemented"}, run
    starved = run.result(STARVED)
    assert starved is not None
    assert "though there was room for 2 of the 3" in starved.message
    assert not run.left_behind
    assert faults(lab) == []


@pytest.mark.thorough
def test_gang_is_seen_where_there_is_one_accelerator(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(OF_ONE).kubeconfig, ["gang_scheduling"], tmp_path / "run")

    assert {result.outcome for result in run.results} == {"passed"}, run


@pytest.mark.thorough
def test_scheduler_without_gangs_is_seen_where_there_is_one_accelerator(
    labs: Labs, tmp_path: Path
) -> None:
    with broken(labs(OF_ONE), PLAIN) as kubeconfig:
        run = run_suite(kubeconfig, ["gang_scheduling"], tmp_path / "run", timeout_scale=0.15)

    starved = run.result(STARVED)
    assert starved is not None
    assert starved.outcome == "failed", run
    assert "gang-1 was bound" in starved.message
    assert "though there was room for 0 of the 1 accelerators" in starved.message
    assert not run.left_behind
