"""Every defect of ``accelerator_metrics`` is seen, on a lab with an exporter and Prometheus."""

from pathlib import Path

import pytest

from aicr_lab.addons import catalogue
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.exporters import NoExporter, exporter_pods
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import defects_of, name_of, try_out
from .suite import run_side_by_side, run_suite

pytestmark = pytest.mark.thorough

REQUIREMENT = "accelerator_metrics"
LAB = LabOptions(addons=catalogue.parse("accelerator-exporter,prometheus"), fast=True)


@pytest.mark.parametrize("defect", defects_of(REQUIREMENT), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, [REQUIREMENT], tmp_path / "run")

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}


def test_platform_without_an_exporter_does_not_implement_it(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    absent = NoExporter()
    try:
        absent.inject(lab)
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run")
    finally:
        absent.revert(lab)

    (judged,) = run.requirements
    assert judged.verdict == "Not Implemented", run
    assert "There is no metrics exporter: no pod of dcgm-exporter" in judged.reason
    assert faults(lab) == []


@pytest.mark.thorough
def test_exporter_that_is_being_replaced_is_waited_for(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    for pod in exporter_pods(lab):
        metadata = pod["metadata"]
        lab.api.delete("v1", "Pod", metadata["name"], metadata["namespace"])

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run")

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}


@pytest.mark.thorough
def test_it_takes_turns_with_gangs_at_the_accelerators(labs: Labs, tmp_path: Path) -> None:
    runs = run_side_by_side(labs(LAB).kubeconfig, [REQUIREMENT, "gang_scheduling"], tmp_path)

    verdicts = [one.verdict for run in runs for one in run.requirements]
    assert verdicts == ["Implemented", "Implemented"], [str(run) for run in runs]
