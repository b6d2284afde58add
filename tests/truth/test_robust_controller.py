"""Every defect of ``robust_controller`` is seen, on a lab with KubeRay and JobSet."""

from pathlib import Path

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.operator_webhooks import WebhooksMissing
from aicr_lab.machine.namespaces import wait_until
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .matrix import COMMON, defects_of, name_of, try_out, unlike
from .suite import begin, clean_of, run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions(gpus=1, addons=("jobset", "kuberay"))
REQUIREMENT = "robust_controller"

_NOT_OF_KUBERAY = ("op-webhook-denies-all",)
"""Defects that KubeRay cannot have: its webhook serves one path."""
_OF_JOBSET = (*_NOT_OF_KUBERAY, "op-schema-only", "op-status-lies")
"""Defects that are tried with JobSet too; all of them have been, and it takes long."""


def trials() -> list[tuple[Defect, str]]:
    """Every defect with KubeRay, and what shows something else with JobSet."""
    defects = defects_of(REQUIREMENT)
    with_kuberay = [(one, "kuberay") for one in defects if one.id not in _NOT_OF_KUBERAY]
    with_jobset = [(one, "jobset") for one in defects if one.id in _OF_JOBSET]
    return with_kuberay + with_jobset


@pytest.mark.parametrize(("defect", "operator"), trials(), ids=name_of)
def test_defect_is_seen(defect: Defect, operator: str, labs: Labs, tmp_path: Path) -> None:
    pinned = f"--aicr-solution=operator={operator}"

    assert try_out(labs(LAB), defect, tmp_path, pinned) == []


def test_defect_of_every_operator_is_seen_where_none_is_pinned(labs: Labs, tmp_path: Path) -> None:
    (defect,) = (one for one in defects_of(REQUIREMENT) if one.id == "op-webhook-missing")

    assert try_out(labs(LAB), defect, tmp_path) == []


@pytest.mark.thorough
@pytest.mark.parametrize("defect", COMMON, ids=name_of)
def test_what_cuts_across_accuses_nobody(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    # Where no image comes, the controller's pod would not come back either.
    allowed = ["--aicr-allow=disruption"] if defect.expects == "Implemented" else []

    assert try_out(labs(LAB), defect, tmp_path, *allowed, requirements=[REQUIREMENT]) == []


@pytest.mark.parametrize("operator", ["jobset", "kuberay"])
def test_operator_of_a_healed_lab_is_green(operator: str, labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)
    pinned = f"--aicr-solution=operator={operator}"
    run = run_suite(
        lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned, "--aicr-allow=disruption"
    )

    assert unlike(run, {REQUIREMENT: "Implemented"}) == []
    assert {result.outcome for result in run.results} == {"passed"}, run
    assert faults(lab) == []


def test_operator_that_is_not_installed_is_absent_not_broken(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(
        labs(LAB).kubeconfig, [REQUIREMENT], tmp_path / "run", "--aicr-solution=operator=kserve"
    )

    assert unlike(run, {REQUIREMENT: "Not Implemented"}) == []
    assert {result.outcome for result in run.results} == {"absent"}, run
    assert "CRD inferenceservices.serving.kserve.io" in run.requirements[0].reason


def test_operator_without_webhooks_beside_a_healthy_one_is_fine(labs: Labs, tmp_path: Path) -> None:
    lab, without_webhooks = labs(LAB), WebhooksMissing(only="kuberay")
    try:
        without_webhooks.inject(lab)
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run")
    finally:
        without_webhooks.revert(lab)

    assert unlike(run, {REQUIREMENT: "Implemented"}) == []
    told = "".join(path.read_text() for path in run.directory.rglob("record.json"))
    assert "no webhook of KubeRay is asked" in told


@pytest.mark.thorough
@pytest.mark.parametrize("operator", ["jobset", "kuberay"])
def test_what_a_run_killed_amid_a_reconcile_leaves_can_be_cleaned_up(
    operator: str, labs: Labs, tmp_path: Path
) -> None:
    lab = labs(LAB)
    pinned = f"--aicr-solution=operator={operator}"

    def pods() -> list[str]:
        named = [pod["metadata"] for pod in lab.api.list("v1", "Pod")]
        return [one["name"] for one in named if one["namespace"].startswith("aicr-")]

    process = begin(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned)
    wait_until(lambda: bool(pods()), 120.0, every=0.2)
    process.kill()
    process.communicate()
    assert pods() != []

    clean_of(lab.kubeconfig, "--all", "--yes")

    assert faults(lab) == []
