"""Autoscalers: what their node pools tell without any node."""

from typing import Any

import pytest

from aicr_pytest.solutions.autoscaler.karpenter import _forbids, _limits, _tolerations


def pool(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "gpus"},
        "spec": {"template": {"spec": {}}, **spec},
        "status": {"resources": {"nvidia.com/gpu": "8", "cpu": "64"}},
    }


def test_limits_are_told_with_what_is_in_use() -> None:
    assert _limits(pool(limits={"nvidia.com/gpu": "8"})) == (
        "NodePool gpus has limits nvidia.com/gpu: 8, in use nvidia.com/gpu: 8"
    )
    assert _limits(pool()) == "NodePool gpus has limits none"


def test_taints_of_every_pool_are_tolerated_once() -> None:
    taint = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
    tainted = pool(template={"spec": {"taints": [taint]}})

    assert _tolerations([tainted, pool(), tainted]) == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize(
    ("disruption", "forbidden"),
    [
        ({}, False),
        ({"consolidateAfter": "30s", "budgets": [{"nodes": "10%"}]}, False),
        ({"consolidateAfter": "Never"}, True),
        ({"budgets": [{"nodes": "0"}]}, True),
        ({"budgets": [{"nodes": "0", "reasons": ["Drifted"]}]}, False),
        ({"budgets": [{"nodes": "0", "reasons": ["Empty"]}]}, True),
        ({"budgets": [{"nodes": "0", "schedule": "0 9 * * *", "duration": "8h"}]}, False),
    ],
)
def test_settings_that_forbid_removal_are_named(disruption: Any, forbidden: bool) -> None:
    assert bool(_forbids(pool(disruption=disruption))) is forbidden
