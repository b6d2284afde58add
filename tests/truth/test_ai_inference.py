"""Every defect of ``ai_inference`` is seen, on a lab with Contour and Envoy."""

from pathlib import Path

import pytest

from aicr_lab.defects.catalogue import defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.of_ai_inference import NOT_OURS
from aicr_lab.state import LabOptions

from .conftest import Labs
from .matrix import broken, defects_of, name_of, try_out, verdicts
from .suite import run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions(nodes=2, gpus=1, addons=("loadbalancer", "python", "gateway-api", "contour"))


@pytest.mark.parametrize("defect", defects_of("ai_inference"), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    pinned = "--aicr-gateway=projectcontour/edge"
    run = run_suite(labs(LAB).kubeconfig, ["ai_inference"], tmp_path / "run", pinned)

    assert verdicts(run) == {"ai_inference": "Implemented"}
    assert {result.outcome for result in run.results} == {"passed"}


def test_gateway_of_our_own_is_made_where_that_is_allowed(labs: Labs, tmp_path: Path) -> None:
    allowed = "--aicr-allow=load-balancer"
    with broken(labs(LAB), defect_named(NOT_OURS)) as kubeconfig:
        # A new Envoy takes longer than anything else here.
        run = run_suite(kubeconfig, ["ai_inference"], tmp_path / "run", allowed, timeout_scale=1.0)

    assert verdicts(run) == {"ai_inference": "Implemented"}
    assert {result.outcome for result in run.results} == {"passed"}
