"""Where there is nothing to see, or nobody answers, nothing passes."""

from pathlib import Path

import pytest

from aicr_lab.defects.catalogue import defect_named
from aicr_lab.state import LabOptions

from .conftest import Broken, Labs
from .suite import REQUIREMENTS, run_suite

pytestmark = pytest.mark.xdist_group("platforms")

NO_ACCELERATORS = LabOptions(nodes=1, gpus=0)


def test_cluster_without_accelerators_is_inconclusive(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(NO_ACCELERATORS).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert {one.id: one.verdict for one in run.requirements} == dict.fromkeys(
        REQUIREMENTS, "Inconclusive"
    ), run
    assert run.exit_status == 1
    behaviour = [result for result in run.results if "NoAccelerators" in result.message]
    assert {result.outcome for result in behaviour} == {"inconclusive"}
    # What needs no accelerator may pass: the API is served whether or not there are any.
    others = [result.check for result in run.results if result not in behaviour]
    assert all(check.startswith(("test_stable_dra_api", "test_dra_object_")) for check in others)


def test_api_server_that_answers_only_errors_is_refused_before_any_check(
    labs: Labs, broken: Broken, tmp_path: Path
) -> None:
    lab, defect = labs(NO_ACCELERATORS), defect_named("api-errors-only")

    with broken(lab, defect):
        run = run_suite(defect.kubeconfig(lab), REQUIREMENTS, tmp_path / "run")

    assert run.exit_status == pytest.ExitCode.USAGE_ERROR, run
    assert run.results == []
    assert "passed" not in run.output
    assert "Implemented" not in run.output
    assert "answers" in run.output
    assert "Traceback" not in run.output
