"""d:rbac-minimal-minus-one: without one right of the table nothing passes by it, nobody is accused.

The user has exactly the rights of ``docs/rbac.yaml`` but one. That every one of them is missed, and
by its name, fake API servers show: ``tests/unit/cluster/test_refused_rights.py``. Here it is seen
that a real one refuses as they do: one right for each use that its authorizer tells apart.
"""

import dataclasses
import re
from pathlib import Path

import pytest

from aicr_lab.defects.injections.api_access import RestrictedUser
from aicr_lab.options import LabOptions
from aicr_pytest.cluster.access import Rule, cluster_role
from aicr_pytest.cluster.access_review import Need
from aicr_pytest.requirements.rights import all_needs, basic_needs

from .conftest import Labs
from .suite import REQUIREMENTS, clean, run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions(nodes=1)


def use_of(need: Need) -> tuple[str, str, str]:
    """What the API server's authorizer tells apart, whatever the resource."""
    return need.verb, need.subresource, need.namespace


def one_of_each_use() -> list[Need]:
    """The first right of each use: of a requirement's own, of every check's, and one that is basic.

    Without a basic one no run begins, so that nothing would be seen of the others.
    """
    basic, everything = basic_needs(), all_needs()
    own = [need for need in everything if need.feature == REQUIREMENTS[0]]
    shared = [need for need in everything if need.feature == basic[0].feature]
    first = {use_of(need): need for need in reversed([*own, *shared[len(basic) :]])}
    return sorted([*first.values(), basic[0]], key=lambda need: (need.feature, str(need)))


NEEDS = one_of_each_use()


def requirement_of(need: Need) -> str:
    """The requirement to run without it; what every check needs is missed by each."""
    return need.feature if need.feature in REQUIREMENTS else REQUIREMENTS[1]


def without(need: Need, namespace: str = "") -> list[Rule]:
    """All rights but this one, for whatever feature it is needed; those of one namespace."""
    gone = dataclasses.replace(need.rule, namespaced=False)
    rules = {
        dataclasses.replace(other.rule, namespaced=False)
        for other in all_needs()
        if other.namespace == namespace
    }
    return sorted(rules - {gone})


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.feature}: {need}")
def test_without_a_right_nobody_is_accused(need: Need, labs: Labs, tmp_path: Path) -> None:
    lab, rules = labs(LAB), cluster_role(without(need))["rules"]
    local = cluster_role(without(need, "default"))["rules"]
    user = RestrictedUser(name="minus-one", rules=lambda _: rules, in_default=tuple(local))
    try:
        user.inject(lab)
        run = run_suite(user.kubeconfig(lab), [requirement_of(need)], tmp_path / "run")
    finally:
        user.revert(lab)
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
        # What may not be taken away again stays, and is told.
        assert run.exit_status == (1 if run.left_behind else 0), run
        assert not run.left_behind or any(_names(need, told) for told in run.left_behind), run
    if run.left_behind:
        clean(lab.kubeconfig, run)


def _names(need: Need, text: str) -> bool:
    resource = f"{need.resource}/{need.subresource}" if need.subresource else need.resource
    return re.search(rf"{need.verb}\S* {re.escape(resource)}", text) is not None
