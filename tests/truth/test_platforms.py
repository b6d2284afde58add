"""Healthy platforms of other shapes get no FAIL; where there is nothing to see, nothing passes."""

from pathlib import Path
from typing import Any

import pytest

from aicr_lab.defects.catalogue import defect_named
from aicr_lab.options import LabOptions

from .conftest import Labs
from .matrix import STOPS_BEFORE_ANY_CHECK, broken, not_green, unlike
from .suite import ALLOW_ALL, AUTOMATED, CORE, REQUIREMENTS, SuiteRun, run_suite

API_CHECKS = {
    "test_stable_dra_api_is_served",
    *(
        f"test_dra_object_can_be_created_read_updated_and_deleted[{kind}]"
        for kind in ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice")
    ),
}
NO_ACCELERATORS = LabOptions(nodes=1, gpus=0)


def with_outcome(run: SuiteRun, outcome: str) -> set[str]:
    """Names of the checks with an outcome."""
    return {result.check for result in run.results if result.outcome == outcome}


def test_device_plugin_alone_is_judged_by_what_applies_to_it(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LabOptions(nodes=1, allocation="device-plugin"))

    run = run_suite(lab.kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert not_green(run) == []
    dra = {check.check for check in run.requirements[0].checks}
    secure = {check.check for check in run.requirements[1].checks}
    assert with_outcome(run, "passed") == API_CHECKS | secure
    assert with_outcome(run, "not applicable") == dra - API_CHECKS


@pytest.mark.thorough
def test_one_accelerator_in_all_is_enough(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LabOptions(nodes=1, gpus=1))

    run = run_suite(lab.kubeconfig, CORE, tmp_path / "run")

    assert not_green(run) == []
    assert with_outcome(run, "not applicable") == {
        "test_claim_for_several_devices_is_given_that_many",
        "test_two_pods_hold_different_devices",
    }


def test_what_is_not_installed_is_not_implemented(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LabOptions()).kubeconfig, AUTOMATED, tmp_path / "run", ALLOW_ALL)

    assert (
        unlike(run, {one: "Implemented" if one in CORE else "Not Implemented" for one in AUTOMATED})
        == []
    )
    absent = [one for one in run.requirements if one.id not in CORE]
    assert all("ooked for" in one.reason for one in absent), absent
    assert run.left_behind == []


@pytest.mark.thorough
def test_what_no_adapter_knows_is_not_absent(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LabOptions())
    others = [
        definition("PodMonitor", "podmonitors", "azmonitoring.coreos.com"),
        definition("PyTorchJob", "pytorchjobs", "kubeflow.org"),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "infra"}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cluster-autoscaler-status", "namespace": "infra"},
        },
    ]
    expected = {
        "ai_service_metrics": ("Unknown", "PodMonitor of azmonitoring.coreos.com/v1"),
        "robust_controller": ("Unknown", "PyTorchJob of kubeflow.org/v1"),
        "cluster_autoscaling": ("Inconclusive", "--aicr-allow scale-out"),
    }
    try:
        for obj in others:
            lab.api.apply(obj)
        run = run_suite(lab.kubeconfig, list(expected), tmp_path / "run")
    finally:
        for obj in reversed(others):
            named = obj["metadata"]
            lab.api.delete(
                obj["apiVersion"], obj["kind"], named["name"], named.get("namespace", "")
            )

    assert {one.id: one.verdict for one in run.requirements} == {
        name: verdict for name, (verdict, _) in expected.items()
    }, run
    for one in run.requirements:
        messages = [check.message for check in one.checks]
        assert all(expected[one.id][1] in message for message in messages), messages


def definition(kind: str, plural: str, group: str) -> dict[str, Any]:
    """A CustomResourceDefinition that takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def test_cluster_without_accelerators_is_inconclusive(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(NO_ACCELERATORS).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert unlike(run, dict.fromkeys(REQUIREMENTS, "Inconclusive")) == []
    assert run.exit_status == 1
    # What needs no accelerator may pass: the API is served whether or not there are any.
    assert with_outcome(run, "passed") <= API_CHECKS
    others = [result for result in run.results if result.check not in API_CHECKS]
    assert {result.outcome for result in others} == {"inconclusive"}
    assert all("offers an accelerator" in result.message for result in others)


def test_api_server_that_answers_only_errors_is_refused_before_any_check(
    labs: Labs, tmp_path: Path
) -> None:
    defect = defect_named(STOPS_BEFORE_ANY_CHECK)

    with broken(labs(NO_ACCELERATORS), defect) as kubeconfig:
        run = run_suite(kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert run.exit_status == pytest.ExitCode.USAGE_ERROR, run
    assert run.results == []
    assert "passed" not in run.output
    assert "Implemented" not in run.output
    assert "500" in run.output
    assert "the lab's fault proxy says so" in run.output
    assert "Traceback" not in run.output
