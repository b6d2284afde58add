"""An AI operator works: its controller, its webhook, and what it makes of a custom resource."""

from collections.abc import Iterator
from typing import Any

import pytest

from aicr_pytest.checks import Operators, OperatorTrial, Platform, Solutions, Steps

pytestmark = pytest.mark.requirement("robust_controller")

one_operator = Steps[OperatorTrial]("operators")
"""What one operator has to pass, in this order."""


@pytest.fixture(scope="module")
def operators(aicr_solution: Solutions[Any], aicr_platform: Platform) -> Iterator[Operators]:
    """The installed operators; one that passes everything is enough."""
    operators = Operators(aicr_solution, aicr_platform, one_operator)
    yield operators
    operators.close()


@pytest.mark.aicr_check(basis="text", creates="nothing", seconds=1)
@one_operator.passes
def test_operator_runs_and_is_asked_about_its_resources(operator: OperatorTrial) -> None:
    """The CRD is established, the controller runs, and a webhook of its own is asked."""
    seen = operator.presence()

    assert seen.unavailable == (), seen.because()
    assert seen.established == "True", seen.because()
    assert seen.own_webhooks != (), seen.because()


@pytest.mark.aicr_check(basis="text", creates="nothing (dry run)", seconds=1)
@one_operator.passes
def test_flawed_resource_is_denied_by_the_operators_own_webhook(operator: OperatorTrial) -> None:
    """A resource that is valid for the schema but not for the operator is denied by its webhook."""
    offered = operator.offer_flawed()

    assert not offered.admitted, offered.because()
    assert offered.denied_by in offered.own_webhooks, offered.because()


@pytest.mark.aicr_check(basis="text", creates="nothing (dry run)", seconds=1)
@one_operator.passes
def test_resource_with_the_flaw_mended_is_admitted(operator: OperatorTrial) -> None:
    """The same resource with that one field mended is admitted: the webhook tells them apart."""
    offered = operator.offer_mended()

    assert offered.admitted, offered.because()


@pytest.mark.aicr_check(basis="text", creates="a custom resource with 2 small pods", seconds=10)
@one_operator.passes
def test_resource_is_reconciled(operator: OperatorTrial) -> None:
    """A resource gets its children, and they are ready when its status says so."""
    seen = operator.reconciliation()

    assert seen.ready >= seen.wanted, seen.because()  # of each kind as many, or more


@pytest.mark.aicr_check(basis="hardening", creates="nothing more", seconds=8)
def test_child_that_was_deleted_comes_back(operators: Operators) -> None:
    """The operator replaces a child that somebody has deleted."""
    seen = operators.in_use.replacement()

    assert seen.lost in seen.before, seen.because()
    assert seen.instead not in seen.before, seen.because()


@pytest.mark.aicr_check(basis="text", creates="nothing more", seconds=6)
@one_operator.passes
def test_deletion_removes_what_the_operator_made(operator: OperatorTrial) -> None:
    """When a resource is deleted, its children go too."""
    seen = operator.removal()

    assert seen.owned > 0, seen.because()
    assert seen.gone, seen.because()


@pytest.mark.aicr_check(
    basis="hardening",
    creates="a custom resource with 2 small pods; deletes the controller's pods",
    seconds=30,
)
def test_operator_survives_the_loss_of_its_pod_while_it_reconciles(operators: Operators) -> None:
    """A resource is reconciled though the controller's pod is deleted in the middle of it."""
    seen = operators.in_use.survival()

    assert seen.deleted != (), seen.because()
    assert seen.reconciled, seen.because()
