"""Autoscalers: what their node pools tell without any node."""

from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.cluster_autoscaling.solutions.karpenter import (
    Karpenter,
    _forbids,
    _limits,
    _tolerations,
)


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
        ({"consolidateAfter": "14m59s"}, False),
        ({"consolidateAfter": "1h30m"}, True),
        ({"budgets": [{"nodes": "0"}]}, True),
        ({"budgets": [{"nodes": "0", "reasons": ["Drifted"]}]}, False),
        ({"budgets": [{"nodes": "0", "reasons": ["Empty"]}]}, True),
        ({"budgets": [{"nodes": "0", "schedule": "0 9 * * *", "duration": "8h"}]}, False),
    ],
)
def test_settings_that_forbid_removal_are_named(disruption: Any, forbidden: bool) -> None:
    assert bool(_forbids(pool(disruption=disruption), 900.0)) is forbidden


class FakeCluster:
    def __init__(self, *pools: dict[str, Any]) -> None:
        self.pools = list(pools)

    def list(self, *_: object, **__: object) -> list[dict[str, Any]]:
        return self.pools

    def find(self, *_: object) -> dict[str, Any]:
        return self.pools[0]


def named(name: str, **spec: Any) -> dict[str, Any]:
    return {**pool(**spec), "metadata": {"name": name}}


NEVER = {"consolidateAfter": "Never"}


def test_node_pools_that_would_keep_the_node_are_left_out() -> None:
    cluster: Any = FakeCluster(named("keeps", disruption=NEVER), named("gives"))

    reach = Karpenter().reach(cluster, [], scale_in_timeout=900)

    assert [one["values"] for one in reach.requirements] == [["gives"]]
    assert reach.left_out == "NodePool keeps has consolidateAfter Never"


def test_nothing_is_bought_that_would_stay() -> None:
    cluster: Any = FakeCluster(named("keeps", disruption=NEVER))

    with pytest.raises(Inconclusive, match="none is bought: NodePool keeps has consolidateAfter"):
        Karpenter().reach(cluster, [], scale_in_timeout=900)


def test_why_a_node_stays_for_now_is_told() -> None:
    budget = {"nodes": "0", "schedule": "0 9 * * *", "duration": "8h"}
    cluster: Any = FakeCluster(named("office", disruption={"budgets": [budget]}))
    node = {"metadata": {"name": "n", "labels": {"karpenter.sh/nodepool": "office"}}}
    kept = {"metadata": {"name": "n", "annotations": {"karpenter.sh/do-not-disrupt": "true"}}}

    assert "budget of no node at 0 9 * * *" in Karpenter().keeps(cluster, node)
    assert "n has annotation karpenter.sh/do-not-disrupt" in Karpenter().keeps(cluster, kept)
