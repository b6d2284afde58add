"""d:rbac-minimal-minus-one: without one right of the table nothing passes by it, nobody is accused.

The user has exactly the rights of ``docs/rbac.yaml`` but one, each in turn.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aicr_lab.defects.identities import RestrictedUser
from aicr_lab.lab import Lab
from aicr_lab.state import LabOptions
from aicr_pytest.cluster.preflight import Need
from aicr_pytest.cluster.rbac import Rule, cluster_role
from aicr_pytest.rights import all_needs

from .conftest import Labs
from .suite import REQUIREMENTS, SuiteRun, run_suite

LAB = LabOptions(nodes=1)
AT_ONCE = 3
"""Runs side by side, each of another user."""

NEEDS = sorted(set(all_needs()), key=lambda need: (need.feature, str(need)))


def requirement_of(need: Need) -> str:
    """The requirement to run without it; what every check needs is missed by each."""
    return need.feature if need.feature in REQUIREMENTS else REQUIREMENTS[1]


def rule(need: Need) -> Rule:
    """A need as a rule of a role."""
    return Rule(
        verb=need.verb, group=need.group, resource=need.resource, subresource=need.subresource
    )


def without(need: Need) -> list[Rule]:
    """All rights but this one, for whatever feature it is needed."""
    return [other for other in map(rule, all_needs()) if other != rule(need)]


@pytest.fixture(scope="module")
def runs(
    labs: Labs, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, str], SuiteRun]:
    """A run without each right, by requirement and right."""
    lab = labs(LAB)
    directory = tmp_path_factory.mktemp("rights")

    def run(number: int) -> SuiteRun:
        return _run(lab, number, directory)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        done = threads.map(run, range(len(NEEDS)))
        return {(need.feature, str(need)): run for need, run in zip(NEEDS, done, strict=True)}


def _run(lab: Lab, number: int, directory: Path) -> SuiteRun:
    need = NEEDS[number]
    rules = cluster_role(without(need))["rules"]
    user = RestrictedUser(name=f"minus-{number}", rules=lambda _: rules)
    user.inject(lab)
    return run_suite(user.kubeconfig(lab), [requirement_of(need)], directory / str(number))


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.feature}: {need}")
def test_without_a_right_nobody_is_accused(
    need: Need, runs: Mapping[tuple[str, str], SuiteRun]
) -> None:
    run = runs[need.feature, str(need)]
    messages = [result.message for result in run.results]
    verdicts = {one.verdict for one in run.requirements}

    assert [result for result in run.results if result.outcome == "failed"] == [], run
    if run.exit_status == pytest.ExitCode.USAGE_ERROR:
        assert not run.results, run
        assert _names(need, run.output), run
    elif verdicts == {"Inconclusive"}:
        assert any(_names(need, message) for message in messages), run
    else:
        # A right to watch is used only where something has to be waited for, and so on.
        assert verdicts == {"Implemented"}, run
        assert run.exit_status == 0, run


def _names(need: Need, text: str) -> bool:
    resource = f"{need.resource}/{need.subresource}" if need.subresource else need.resource
    return re.search(rf"{need.verb}\S* {re.escape(resource)}", text) is not None
