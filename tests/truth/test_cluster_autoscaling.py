"""Every defect of ``cluster_autoscaling`` is seen, on a lab with Karpenter."""

from pathlib import Path

import pytest

from aicr_lab.addons.karpenter import NODE_POOL, POOL_LABEL, node_pool
from aicr_lab.defects.defect import Defect
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import defects_of, name_of, try_out
from .suite import run_suite

pytestmark = pytest.mark.thorough

BY_PLUGIN = LabOptions(addons=("kwok", "karpenter"), allocation="device-plugin", fast=True)
LAB = LabOptions(addons=("kwok", "karpenter"), fast=True)
ALLOWED = "--aicr-allow=scale-out"
REMOVED = "--aicr-scale-in-timeout=150"
"""Karpenter's own waiting is 25 s; the lab's machine may be busy."""
NOT_REMOVED = "--aicr-scale-in-timeout=60"
IMPATIENT = "--aicr-timeout-scale=0.1"
"""A node comes within 2 s; what never comes is awaited for two minutes."""


@pytest.mark.parametrize("defect", defects_of("cluster_autoscaling"), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, ALLOWED, NOT_REMOVED, IMPATIENT) == []


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, ["cluster_autoscaling"], tmp_path / "run", ALLOWED, REMOVED)

    assert {result.outcome for result in run.results} == {"passed"}, run
    assert faults(lab) == []


def test_without_the_word_of_the_user_no_node_is_bought(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, ["cluster_autoscaling"], tmp_path / "run")

    assert {result.outcome for result in run.results} == {"inconclusive"}
    assert all("--aicr-allow scale-out" in result.message for result in run.results)


def test_cluster_without_an_autoscaler_does_not_implement_it(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LabOptions()).kubeconfig, ["cluster_autoscaling"], tmp_path / "run")

    assert {result.outcome for result in run.results} == {"absent"}
    assert {one.verdict for one in run.requirements} == {"Not Implemented"}
    assert "NodePools of karpenter.sh/v1" in run.requirements[0].reason


@pytest.mark.thorough
def test_free_accelerators_of_the_same_pool_are_no_room_for_the_pod(
    labs: Labs, tmp_path: Path
) -> None:
    lab = labs(BY_PLUGIN)
    pool = {"metadata": {"labels": {POOL_LABEL: NODE_POOL}}}
    lab.api.patch("v1", "Node", "node-0", pool)

    run = run_suite(lab.kubeconfig, ["cluster_autoscaling"], tmp_path / "run", ALLOWED, REMOVED)

    assert {result.outcome for result in run.results} == {"passed"}, run
    assert faults(lab) == []


@pytest.mark.thorough
def test_no_node_is_bought_that_would_stay(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    never = {"spec": {"disruption": {"consolidateAfter": "Never"}}}
    lab.api.patch("karpenter.sh/v1", "NodePool", NODE_POOL, never)
    try:
        run = run_suite(lab.kubeconfig, ["cluster_autoscaling"], tmp_path / "run", ALLOWED)
    finally:
        lab.api.apply(node_pool())

    assert {result.outcome for result in run.results} == {"inconclusive"}
    grown = run.result("test_accelerator_pod_that_fits_nowhere_gets_a_new_node")
    assert grown is not None
    assert "NodePool accelerators has consolidateAfter Never" in grown.message
    assert lab.api.list("karpenter.sh/v1", "NodeClaim") == []
