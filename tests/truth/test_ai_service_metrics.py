"""Every defect of ``ai_service_metrics`` is seen, on a lab with a Prometheus Operator."""

from pathlib import Path

import pytest

from aicr_lab import addons
from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import defects_of, name_of, try_out
from .suite import run_suite

pytestmark = pytest.mark.thorough

REQUIREMENT = "ai_service_metrics"
LAB = LabOptions(nodes=1, gpus=1, addons=addons.parse("prometheus,python"), fast=True)
WAYS = ("service-monitor", "pod-monitor", "annotations")


def pinned(way: str) -> str:
    """The option that lets the suite try one way to collect metrics only."""
    return f"--aicr-solution=metrics={way}"


@pytest.mark.parametrize("defect", defects_of(REQUIREMENT), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, pinned("service-monitor")) == []


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_be_collected_is_enough(way: str, labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned(way))

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
    assert faults(lab) == []


def test_platform_without_that_way_does_not_implement_it(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned("gke-pod-monitoring"))

    (judged,) = run.requirements
    assert judged.verdict == "Not Implemented", run
    assert "No solution of metrics is installed" in judged.reason
    assert "the API monitoring.googleapis.com/v1 with PodMonitoring" in judged.reason
