"""The truth matrix: break a lab, run the suite on it, judge the run, heal the lab, see it healthy.

Each test module has a lab of its own, and each personality, so that ``-n 4`` runs four at once.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aicr_lab.defects.active import inject, revert
from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_lab.lab import Lab

from .health import faults
from .judging import complaints
from .suite import (
    TIMEOUT_SCALE,
    SuiteRun,
    clean,
    run_side_by_side,
)

STOPS_BEFORE_ANY_CHECK = "api-errors-only"
"""The one defect of which there is no verdict; see test_platforms.py."""

_NEVER_COMES = (
    "dra-slices-incomplete-pool",
    "dra-class-matches-nothing",
    "dra-claim-never-released",
    "gang-quota-only",
    "gang-never-releases",
    "gang-leaks",
    "gang-deadlock",
    "gang-plain-scheduler",
    "gang-split",
    "gang-min-one",
    "gang-controller-down",
    "metrics-static",
    "metrics-static-on-one-node",
    "metrics-stale",
    "metrics-wrong-device-moves",
    "metrics-one-always-busy",
    "metrics-one-never-busy",
    "metrics-exporter-crash-loop",
    "prometheus-not-scraping",
    "svc-target-not-discovered",
    "svc-scrape-fails",
    "svc-prometheus-down",
    "svc-counter-frozen",
    "svc-histogram-missing",
    "svc-queue-missing",
    "svc-stale-target",
    "hpa-metric-frozen",
    "hpa-metric-missing-labels",
    "hpa-metric-of-other-pod",
    "hpa-metric-cluster-wide",
    "hpa-metric-average",
    "hpa-never-scales-down",
    "hpa-controller-off",
    "hpa-always-max",
    "gw-weights-ignored",
    "gw-header-ignored",
    "gw-one-backend-dead",
    "gw-weights-stale",
    "gw-dataplane-frozen",
    "gw-route-not-applied",
    "gw-controller-down",
    "gw-programmed-lies",
    "gw-pods-cut-off",
    "op-controller-down",
    "op-reconciles-nothing",
    "op-children-orphaned",
)
"""Defects under which checks wait for what never comes, so that deadlines are the duration."""
IMPATIENT = 0.15
_VERY_IMPATIENT = 0.1
"""For gateways, which get ten minutes on clouds."""

_LAST = (
    # The kubelet withdraws the ResourceSlices of a dead driver after 30 s. While three labs come up
    # at once, the suite may not have looked by then.
    "dra-driver-down",
    # Restarts the API server, which costs every component its caches.
    "dra-api-not-served",
)


def defects_of(requirement: str) -> list[Defect]:
    """The defects of a requirement; empty: those that cut across."""
    found = [
        defect
        for defect in DEFECTS
        if defect.requirement == requirement and defect.id != STOPS_BEFORE_ANY_CHECK
    ]
    return sorted(found, key=lambda defect: _LAST.index(defect.id) if defect.id in _LAST else -1)


SMOKE = frozenset(
    {
        *("dra-driver-injects-all", "dra-class-ignores-selector", "dra-claim-never-released"),
        *("dra-same-device-twice", "dra-updates-lost", "dra-api-forbidden"),
        *("env-bypass", "device-cgroup-open", "plugin-injects-all", "one-device-wrong"),
        *("claim-not-on-the-books", "exec-forbidden", "root-forbidden"),
        *("api-429-storm", "watch-drops", "pods-denied", "sidecar-first"),
        *("psa-restricted-default", "tainted-accelerators", "dead-api"),
    }
)
"""Rows that ``make test`` tries, too: of each kind one. Of requirements that want add-ons those of
``test_everything.py``."""


def trials(defects: Sequence[Defect]) -> list[Any]:
    """Parameters of a test that tries them (``pytest.param``): all but :data:`SMOKE` thorough."""
    return [
        pytest.param(defect, marks=() if defect.id in SMOKE else pytest.mark.thorough)
        for defect in defects
    ]


def across(*names: str) -> list[Defect]:
    """Defects that cut across, by their names: those that a requirement is tried with, too."""
    return [defect for defect in defects_of("") if defect.id in names]


COMMON = across(
    "limitrange-and-quota",
    "psa-restricted-default",
    "image-pull-fails",
    "api-429-storm",
    "api-500-blips",
)
"""What meets other code in each requirement."""


def name_of(value: object) -> str | None:
    """How a parameter of a test is called."""
    return value.id if isinstance(value, Defect) else None


@contextlib.contextmanager
def broken(lab: Lab, defect: Defect) -> Iterator[Path]:
    """Break a lab for as long as the context lasts; give the kubeconfig for the suite."""
    try:
        inject(lab, defect)
        yield defect.kubeconfig(lab)
    finally:
        revert(lab, [defect])


def try_out(
    lab: Lab, defect: Defect, directory: Path, *arguments: str, requirements: Sequence[str] = ()
) -> list[str]:
    """What is wrong with the suite's answer to a defect, and with the lab after it is healed.

    Args:
        arguments: more of them for the suite.
        requirements: to be run side by side; empty: the one that the defect is about.
    """
    scale = TIMEOUT_SCALE
    if defect.id in _NEVER_COMES:
        scale = _VERY_IMPATIENT if defect.requirement == "ai_inference" else IMPATIENT
    chosen = requirements or [defect.requirement]
    with broken(lab, defect) as kubeconfig:
        runs = run_side_by_side(kubeconfig, chosen, directory, *arguments, timeout_scale=scale)
    if defect.leaves_behind:
        for run in runs:
            clean(lab.kubeconfig, run)
    logs = [*lab.dir.rglob("quota-keeper.log")]
    return [said for run in runs for said in complaints(defect, run, logs)] + faults(lab)


def unlike(run: SuiteRun, expected: Mapping[str, str]) -> list[str]:
    """Which requirements have another verdict than expected, and why, as sentences."""
    seen = {one.id: one for one in run.requirements}
    wrong = [
        f"{name}: {seen[name].verdict if name in seen else 'not there'}, not {verdict}:"
        f" {seen[name].reason if name in seen else ''}"
        for name, verdict in expected.items()
        if name not in seen or seen[name].verdict != verdict
    ]
    wrong += [f"{name}: unexpected" for name in seen if name not in expected]
    return [*wrong, str(run)] if wrong else []


def not_green(run: SuiteRun) -> list[str]:
    """What keeps a run on a healthy lab from being all green, as sentences."""
    wrong = unlike(run, {one.id: "Implemented" for one in run.requirements})
    if not run.requirements:
        wrong.append("no requirement has a verdict")
    if not run.all_fine or run.exit_status != 0:
        wrong.append(str(run))
    return wrong
