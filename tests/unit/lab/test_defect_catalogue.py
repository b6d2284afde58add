"""The list of defects: complete, consistent, and about checks that exist."""

import re
from pathlib import Path

import pytest

from aicr_lab.accelerators.oci_defects import MODES
from aicr_lab.defects.catalogue import DEFECTS, defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.device_path import BrokenRuntime
from aicr_lab.errors import LabError

CONFORMANCE = Path(__file__).parents[3] / "tests" / "conformance"

DEMANDED = {
    "dra_support": (
        "dra-driver-down dra-driver-injects-all dra-driver-injects-none "
        "dra-driver-injects-wrong-device dra-slices-incomplete-pool dra-class-matches-nothing "
        "dra-class-ignores-selector dra-claim-never-released dra-same-device-twice "
        "dra-uuid-attribute-lies dra-api-not-served dra-crud-refused dra-api-forbidden"
    ),
    "secure_accelerator_access": (
        "env-bypass env-bypass-explicit runtimeclass-bypass volume-mount-bypass "
        "sibling-gets-device device-cgroup-open plugin-injects-all every-pod-gets-a-device "
        "admin-access-open tool-lies exec-forbidden mknod-refused positive-twin-fails"
    ),
    "cluster_autoscaling": (
        "ca-down ca-at-limit ca-node-never-ready ca-cpu-node-only ca-node-preexisting "
        "ca-never-scales-down"
    ),
    "gang_scheduling": (
        "gang-plain-scheduler gang-split gang-min-one gang-quota-only gang-never-releases "
        "gang-controller-down gang-deadlock gang-leaks"
    ),
    "accelerator_metrics": (
        "metrics-static metrics-missing-device metrics-one-node-only metrics-duplicate-uuid "
        "metrics-stale metrics-wrong-device-moves metrics-html metrics-exporter-crash-loop "
        "prometheus-not-scraping"
    ),
    "robust_controller": (
        "op-webhook-missing op-webhook-fail-open op-webhook-denies-all op-schema-only "
        "op-foreign-webhook op-controller-down op-reconciles-nothing op-status-lies "
        "op-children-orphaned op-rbac-denied"
    ),
    "ai_service_metrics": (
        "svc-target-not-discovered svc-scrape-fails svc-counter-frozen svc-prometheus-down "
        "svc-histogram-missing svc-stale-target svc-slow"
    ),
    "pod_autoscaling": (
        "hpa-metric-frozen hpa-metric-cluster-wide hpa-metric-average hpa-goes-back-at-once "
        "hpa-adapter-down hpa-controller-off "
        "hpa-metric-missing-labels hpa-new-pod-pending hpa-never-scales-down "
        "hpa-metric-of-other-pod hpa-always-max"
    ),
    "": (
        "api-429-storm api-500-blips watch-drops api-slow psa-restricted-default "
        "limitrange-and-quota node-cordoned node-not-ready tainted-accelerators "
        "image-pull-fails no-capacity api-gone-midway api-errors-only"
    ),
}
"""What the list of checks asks for, by requirement; empty: any."""


@pytest.mark.parametrize("requirement", DEMANDED)
def test_every_demanded_defect_is_there(requirement: str) -> None:
    listed = {defect.id for defect in DEFECTS if defect.requirement == requirement}

    assert set(DEMANDED[requirement].split()) <= listed


def test_ids_are_unique() -> None:
    ids = [defect.id for defect in DEFECTS]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.id)
def test_defect_names_checks_of_its_requirement(defect: Defect) -> None:
    named = {*defect.also_fails, *filter(None, [defect.detected_by])}
    if not defect.requirement:
        assert not named, "what cuts across is aimed at no check"
        return
    text = (CONFORMANCE / f"test_{defect.requirement}.py").read_text()
    # One parameter of a check may be meant.
    assert {name.partition("[")[0] for name in named} <= set(
        re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    )


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.id)
def test_defect_that_costs_the_verdict_is_aimed_at_a_check(defect: Defect) -> None:
    if defect.expects == "Not Implemented":
        assert defect.detected_by
    if defect.expects != "Implemented":
        assert defect.expected_message
    assert defect.detected_by or not defect.also_fails


def test_every_runtime_defect_has_its_edit() -> None:
    used = {
        defect.injection.mode for defect in DEFECTS if isinstance(defect.injection, BrokenRuntime)
    }

    assert used == set(MODES)


def test_defect_is_found_with_and_without_its_prefix() -> None:
    assert defect_named("d:env-bypass") is defect_named("env-bypass")


def test_unknown_defect_is_refused() -> None:
    with pytest.raises(LabError, match="no defect 'env-bypas'"):
        defect_named("env-bypas")
