"""Every defect of ``ai_inference`` is seen, on a lab with Contour and Envoy."""

from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.state import LabOptions

from .conftest import Labs
from .matrix import defects_of, name_of, try_out, verdicts
from .suite import run_suite

LAB = LabOptions(nodes=2, gpus=1, addons=("loadbalancer", "python", "gateway-api", "contour"))


@pytest.mark.parametrize("defect", defects_of("ai_inference"), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, ["ai_inference"], tmp_path / "run")

    assert verdicts(run) == {"ai_inference": "Implemented"}
    assert {result.outcome for result in run.results} == {"passed"}


def test_new_gateway_is_made_only_where_that_is_allowed(labs: Labs, tmp_path: Path) -> None:
    pinned = "--aicr-gateway=projectcontour/edge"
    lab = labs(LAB)
    run = run_suite(lab.kubeconfig, ["ai_inference"], tmp_path / "run", pinned)

    assert verdicts(run) == {"ai_inference": "Implemented"}
