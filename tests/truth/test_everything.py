"""All requirements in one run, on a lab with all add-ons, with the rights of the table alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_lab.addons import catalogue
from aicr_lab.defects.catalogue import defect_named
from aicr_lab.defects.injections.api_access import RestrictedUser
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions
from aicr_pytest.cluster.access import Rule, cluster_role, needs_from_journal
from aicr_pytest.requirements.rights import all_needs

from .conftest import Labs
from .fencing import fence_around
from .health import faults
from .matrix import try_out
from .suite import ALLOW_ALL, AUTOMATED, REQUIREMENTS, SuiteRun, run_suite

LAB = LabOptions(addons=catalogue.parse(catalogue.ALL), fast=True)
SAMPLE = {
    "gang-plain-scheduler": (),
    "metrics-missing-device": (),
    "svc-counter-frozen": ("--aicr-solution=metrics=service-monitor",),
    "hpa-metric-frozen": (),
    "ca-at-limit": ("--aicr-allow=scale-out", "--aicr-timeout-scale=0.05"),
    "gw-header-ignored": (),
    "op-schema-only": ("--aicr-solution=operator=kuberay",),
}
"""A defect of each requirement that a core lab lacks, and options to see it by."""
OPERATOR = "ray-system"
"""Where the operator is whose pod is deleted by a check that has to be allowed."""
LEASES = ("coordination.k8s.io/v1", "Lease", "default")

FOR_EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews", "create")}
"""Rights that every authenticated user has (system:basic-user)."""


@pytest.fixture(scope="module")
def lab(labs: Labs) -> Lab:
    """With everything that the requirements ask for."""
    return labs(LAB)


@pytest.fixture(scope="module")
def user(lab: Lab) -> Iterator[RestrictedUser]:
    """One with the rights of ``docs/rbac.yaml``, behind the fence of ``docs/fence.yaml``."""
    rules = cluster_role(n.rule for n in all_needs() if not n.namespace)["rules"]
    local = cluster_role(n.rule for n in all_needs() if n.namespace)["rules"]
    user = RestrictedUser(name="entitled", rules=lambda _: rules, in_default=tuple(local))
    user.inject(lab)
    fence = fence_around(user, OPERATOR)
    fence.inject(lab)
    yield user
    fence.revert(lab)
    user.revert(lab)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("-n", "auto"), id="parallel"),
        pytest.param((), id="serial", marks=pytest.mark.thorough),
    ],
)
def run(
    request: pytest.FixtureRequest,
    lab: Lab,
    user: RestrictedUser,
    tmp_path_factory: pytest.TempPathFactory,
) -> SuiteRun:
    """Every check, by the list of a version in which all of these are MUST."""
    return run_suite(
        user.kubeconfig(lab),
        AUTOMATED,
        tmp_path_factory.mktemp("everything") / "run",
        ALLOW_ALL,
        "--aicr-k8s-version=1.35",
        *request.param,
        timeout_scale=1,
        patience=900,
    )


def test_a_healthy_platform_implements_every_must(run: SuiteRun) -> None:
    told = {one.id: (one.level, one.verdict) for one in run.requirements}

    assert told == dict.fromkeys(AUTOMATED, ("MUST", "Implemented")), run
    assert len(told) == 9
    assert run.exit_status == 0, run


def test_the_suite_asks_for_no_right_beyond_the_table(run: SuiteRun) -> None:
    journals = [path.read_text() for path in run.directory.glob("requests*.jsonl")]  # per worker
    requests = [json.loads(line) for journal in journals for line in journal.splitlines()]
    asked = needs_from_journal((item["method"], item["path"]) for item in requests)
    granted = {(n.group, n.resource, n.subresource, n.verb) for n in all_needs()}

    assert len(requests) > 500
    assert {rule for rule in asked if not _is_granted(rule, granted)} == set()


def test_nothing_of_the_run_stays(run: SuiteRun, lab: Lab) -> None:
    assert run.left_behind == []
    assert lab.api.list(*LEASES) == []
    assert faults(lab) == []


@pytest.mark.parametrize("defect_id", SAMPLE)
def test_one_defect_of_each_requirement_is_seen(defect_id: str, lab: Lab, tmp_path: Path) -> None:
    defect = defect_named(defect_id)

    assert try_out(lab, defect, tmp_path, *SAMPLE[defect_id]) == []


def test_every_requirement_with_add_ons_has_a_defect_in_the_sample() -> None:
    sampled = {defect_named(defect_id).requirement for defect_id in SAMPLE}

    assert sampled == set(AUTOMATED) - set(REQUIREMENTS)


def _is_granted(rule: Rule, granted: set[tuple[str, str, str, str]]) -> bool:
    if rule.path or (rule.group, rule.resource, rule.verb) in FOR_EVERYBODY:
        return True
    whole_group = (rule.group, "*", "", rule.verb)  # metrics are resources of any name
    return whole_group in granted or (
        (rule.group, rule.resource, rule.subresource, rule.verb) in granted
    )
