"""Ways to collect metrics: what they need to be asked."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import Inconclusive
from aicr_pytest.monitoring.discovery import Monitoring
from aicr_pytest.requirements.registry import discover
from tests.unit.requirements.served_cluster import ServedCluster

UNNAMED: Any = SimpleNamespace(
    prometheus_url=None, prometheus_service=None, prometheus_token_file=None, solutions={}
)


def test_googles_collection_without_a_word_where_it_is_asked_accuses_nobody() -> None:
    cluster: Any = ServedCluster("monitoring.googleapis.com/v1 PodMonitoring")
    (candidate,) = discover("metrics", cluster, {}, settings=UNNAMED)
    monitoring = Monitoring(cluster, Waiter(cluster, 0.001), UNNAMED, lambda: None)  # type: ignore[arg-type,return-value] # no evidence is kept

    with pytest.raises(Inconclusive, match="--aicr-prometheus-url"):
        monitoring.prometheus_at(candidate.solution.name, candidate.solution.endpoint)
