"""Every defect of ``ai_inference`` is seen, on a lab with Contour and Envoy."""

from pathlib import Path

import pytest

from aicr_lab.addons import contour, envoy_gateway
from aicr_lab.defects.by_requirement.ai_inference import NOT_OURS, SPLIT
from aicr_lab.defects.catalogue import defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.gateways import LyingGateway, ScaledToNothing
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import COMMON, broken, defects_of, name_of, try_out, unlike
from .suite import run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions(nodes=2, gpus=1, addons=("loadbalancer", "python", "gateway-api", "contour"))
TWO = LabOptions(nodes=2, gpus=1, addons=(*LAB.addons, "envoy-gateway"))
"""Two gateways; Envoy Gateway splits by counting, Contour at random."""
ENVOY_GATEWAY = "--aicr-solution=gateway=envoy-gateway"


@pytest.mark.parametrize("defect", defects_of("ai_inference"), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path) == []


@pytest.mark.thorough
@pytest.mark.parametrize("defect", COMMON, ids=name_of)
def test_what_cuts_across_accuses_nobody(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, requirements=["ai_inference"]) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    pinned = "--aicr-gateway=projectcontour/edge"
    run = run_suite(labs(LAB).kubeconfig, ["ai_inference"], tmp_path / "run", pinned)

    assert unlike(run, {"ai_inference": "Implemented"}) == []
    assert {result.outcome for result in run.results} == {"passed"}


def test_gateway_of_our_own_is_made_where_that_is_allowed(labs: Labs, tmp_path: Path) -> None:
    allowed = "--aicr-allow=load-balancer"
    with broken(labs(LAB), defect_named(NOT_OURS)) as kubeconfig:
        # A new Envoy takes longer than anything else here.
        run = run_suite(kubeconfig, ["ai_inference"], tmp_path / "run", allowed, timeout_scale=1.0)

    assert unlike(run, {"ai_inference": "Implemented"}) == []
    assert {result.outcome for result in run.results} == {"passed"}


@pytest.mark.thorough
def test_second_product_passes_the_same_checks(labs: Labs, tmp_path: Path) -> None:
    lab = labs(TWO)

    run = run_suite(lab.kubeconfig, ["ai_inference"], tmp_path / "run", ENVOY_GATEWAY)

    assert unlike(run, {"ai_inference": "Implemented"}) == []
    assert {result.outcome for result in run.results} == {"passed"}, run
    assert faults(lab) == []


@pytest.mark.thorough
def test_second_product_that_ignores_weights_is_seen(labs: Labs, tmp_path: Path) -> None:
    lab = labs(TWO)
    ignorant = LyingGateway(mode="weights-ignored", namespace=envoy_gateway.NAMESPACE)
    try:
        ignorant.inject(lab)
        run = run_suite(
            lab.kubeconfig, ["ai_inference"], tmp_path / "run", ENVOY_GATEWAY, timeout_scale=0.1
        )
    finally:
        ignorant.revert(lab)

    assert unlike(run, {"ai_inference": "Not Implemented"}) == []
    split = run.result(SPLIT)
    assert split is not None
    assert "first of weight 80 answered 1000 requests: 50.0 %" in split.message
    assert "though HTTPRoute" in split.message
    assert not run.left_behind


@pytest.mark.thorough
def test_one_gateway_of_two_that_splits_is_enough(labs: Labs, tmp_path: Path) -> None:
    lab = labs(TWO)
    ignorant = LyingGateway(mode="weights-ignored", namespace=contour.NAMESPACE)
    try:
        ignorant.inject(lab)
        run = run_suite(lab.kubeconfig, ["ai_inference"], tmp_path / "run", timeout_scale=0.1)
    finally:
        ignorant.revert(lab)

    assert unlike(run, {"ai_inference": "Implemented"}) == []
    told = "".join(path.read_text() for path in run.directory.rglob("record.json"))
    assert "first of weight 80 answered 1000 requests: 50.0 %" in told
    assert "solution envoy-gateway" in told
    assert faults(lab) == []


@pytest.mark.thorough
def test_new_gateway_that_never_comes_is_gone_before_the_next_product_is_tried(
    labs: Labs, tmp_path: Path
) -> None:
    lab = labs(TWO)
    idle = ScaledToNothing(deployment=contour.PROVISIONER)
    with broken(lab, defect_named(NOT_OURS)) as kubeconfig:
        try:
            idle.inject(lab)
            run = run_suite(
                kubeconfig,
                ["ai_inference"],
                tmp_path / "run",
                "--aicr-allow=load-balancer",
                timeout_scale=0.1,
            )
        finally:
            idle.revert(lab)

    assert unlike(run, {"ai_inference": "Implemented"}) == []
    told = "".join(path.read_text() for path in run.directory.rglob("record.json"))
    assert "gateway-contour: Programmed, with an address: not within" in told
    requests = (run.directory / "requests.jsonl").read_text().splitlines()
    deleted = [line for line in requests if "DELETE" in line]
    assert ["/gateways/gateway-contour" in line for line in deleted].index(True) == 0
    assert faults(lab) == []
