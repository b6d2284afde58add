"""An AI operator works: its controller, its webhook, and what it makes of a custom resource."""

from collections.abc import Iterator
from typing import Any

import pytest

from aicr_pytest.checks import Operators, OperatorTrial, Platform, Solutions

pytestmark = pytest.mark.requirement("robust_controller")


@pytest.fixture(scope="module")
def operators(aicr_solution: Solutions[Any], aicr_platform: Platform) -> Iterator[Operators]:
    """The installed operators; one that passes everything is enough."""
    operators = Operators(aicr_solution, aicr_platform)
    yield operators
    operators.close()


@pytest.mark.aicr_check(basis="text", creates="nothing", seconds=1)
def test_operator_runs_and_is_asked_about_its_resources(operators: Operators) -> None:
    """The CRD is established, the controller runs, and a webhook of its own is asked."""
    assert operators.faults(OperatorTrial.presence) == []


@pytest.mark.aicr_check(basis="text", creates="nothing (dry run)", seconds=1)
def test_flawed_resource_is_denied_by_the_operators_own_webhook(operators: Operators) -> None:
    """A resource that is valid for the schema but not for the operator is denied by its webhook."""
    assert operators.faults(OperatorTrial.denial) == []


@pytest.mark.aicr_check(basis="text", creates="nothing (dry run)", seconds=1)
def test_resource_with_the_flaw_mended_is_admitted(operators: Operators) -> None:
    """The same resource with that one field mended is admitted: the webhook tells them apart."""
    assert operators.faults(OperatorTrial.admission) == []


@pytest.mark.aicr_check(basis="text", creates="a custom resource with 2 small pods", seconds=10)
def test_resource_is_reconciled(operators: Operators) -> None:
    """A resource gets its children, and they are ready when its status says so."""
    assert operators.faults(OperatorTrial.reconciliation) == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=8)
def test_child_that_was_deleted_comes_back(operators: Operators) -> None:
    """The operator replaces a child that somebody has deleted."""
    assert operators.finding(OperatorTrial.replacement) == []


@pytest.mark.aicr_check(basis="text", creates="nothing more", seconds=6)
def test_deletion_removes_what_the_operator_made(operators: Operators) -> None:
    """When a resource is deleted, its children go too."""
    assert operators.faults(OperatorTrial.removal) == []


@pytest.mark.aicr_check(
    basis="hardening",
    creates="a custom resource with 2 small pods; deletes the controller's pods",
    seconds=30,
)
def test_operator_survives_the_loss_of_its_pod_while_it_reconciles(operators: Operators) -> None:
    """A resource is reconciled though the controller's pod is deleted in the middle of it."""
    assert operators.finding(OperatorTrial.survival) == []
