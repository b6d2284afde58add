"""Healthy platforms of other shapes get no FAIL; the lab is the same, handed out differently."""

from pathlib import Path

import pytest

from aicr_lab.state import LabOptions

from .conftest import Labs
from .health import faults
from .suite import REQUIREMENTS, SuiteRun, clean, run_suite

PLATFORMS = pytest.mark.xdist_group("platforms")

API_CHECKS = {
    "test_stable_dra_api_is_served",
    *(
        f"test_dra_object_can_be_created_read_updated_and_deleted[{kind}]"
        for kind in ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice")
    ),
}


def run_on(labs: Labs, options: LabOptions, directory: Path) -> SuiteRun:
    return run_suite(labs(options).kubeconfig, REQUIREMENTS, directory / "run")


def outcomes(run: SuiteRun) -> dict[str, set[str]]:
    """Names of checks by outcome."""
    found: dict[str, set[str]] = {}
    for result in run.results:
        found.setdefault(result.outcome, set()).add(result.check)
    return found


def assert_implemented(run: SuiteRun) -> None:
    verdicts = {one.id: one.verdict for one in run.requirements}
    assert verdicts == dict.fromkeys(REQUIREMENTS, "Implemented"), run
    assert run.exit_status == 0, run


@PLATFORMS
def test_device_plugin_alone_is_judged_by_what_applies_to_it(labs: Labs, tmp_path: Path) -> None:
    run = run_on(labs, LabOptions(nodes=1, allocation="device-plugin"), tmp_path)

    assert_implemented(run)
    dra = {check.check for check in run.requirements[0].checks}
    secure = {check.check for check in run.requirements[1].checks}
    assert outcomes(run) == {"passed": API_CHECKS | secure, "not applicable": dra - API_CHECKS}


@PLATFORMS
def test_one_accelerator_in_all_is_enough(labs: Labs, tmp_path: Path) -> None:
    run = run_on(labs, LabOptions(nodes=1, gpus=1), tmp_path)

    assert_implemented(run)
    found = outcomes(run)
    assert found.keys() == {"passed", "not applicable"}
    assert found["not applicable"] == {
        "test_claim_for_several_devices_is_given_that_many",
        "test_two_pods_hold_different_devices",
    }


@pytest.mark.xdist_group("dra_support")
def test_leftovers_of_an_earlier_run_change_nothing(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LabOptions())
    first = run_suite(lab.kubeconfig, ["dra_support"], tmp_path / "first", "--aicr-keep=always")
    kept = lab.api.list("resource.k8s.io/v1", "ResourceClaim")

    second = run_suite(lab.kubeconfig, ["dra_support"], tmp_path / "second")
    clean(lab.kubeconfig, first)

    assert kept, "the first run left nothing"
    for run in (first, second):
        assert {one.verdict for one in run.requirements} == {"Implemented"}, run
    assert faults(lab) == []
