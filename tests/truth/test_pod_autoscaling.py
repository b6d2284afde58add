"""Every defect of ``pod_autoscaling`` is seen, on a lab that scales pods by their accelerators."""

from pathlib import Path

import pytest

from aicr_lab.addons import catalogue
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.pod_autoscaler import EMPTY_LISTS, EXTERNAL_METRICS_ONLY
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import defects_of, name_of, try_out
from .suite import run_suite

pytestmark = pytest.mark.thorough

REQUIREMENT = "pod_autoscaling"
LAB = LabOptions(addons=catalogue.parse("accelerator-exporter,prometheus-adapter"), fast=True)


@pytest.mark.parametrize("defect", defects_of(REQUIREMENT), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, [REQUIREMENT], tmp_path / "run")

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}


@pytest.mark.thorough
def test_external_metrics_are_enough(labs: Labs, tmp_path: Path) -> None:
    lab, external = labs(LAB), EXTERNAL_METRICS_ONLY
    try:
        external.inject(lab)
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run")
    finally:
        external.revert(lab)

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
    records = [path.read_text() for path in run.directory.rglob("record.json")]
    assert any("gpu_utilization of external.metrics.k8s.io" in record for record in records)
    assert faults(lab) == []


@pytest.mark.thorough
def test_metrics_api_that_lists_nothing_accuses_nobody(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    try:
        EMPTY_LISTS.inject(lab)
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", timeout_scale=0.2)
    finally:
        EMPTY_LISTS.revert(lab)

    assert [one.verdict for one in run.requirements] == ["Inconclusive"], run
    assert {result.outcome for result in run.results} == {"inconclusive"}, run
    assert all("--aicr-hpa-metric" in result.message for result in run.results), run
    assert faults(lab) == []
