"""By which metric pods can be scaled, out of what the metrics APIs of a cluster offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.custom_metrics import (
    CustomMetrics,
    ExternalMetrics,
    MetricsApi,
    Reply,
    matching,
)
from aicr_pytest.errors import EndpointSilent, SolutionAbsent

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.waiting import Waiter


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingMetric:
    """A metric, and the API that serves it."""

    name: str
    """As the API calls it."""
    api: MetricsApi
    """Who serves it."""

    def __str__(self) -> str:
        return self.name

    def of_pods(self, namespace: str, labels: str) -> Reply:
        """Its values by pod."""
        return self.api.of_pods(namespace, labels, self.name)


def scaling_metric(
    cluster: "Cluster", waiter: "Waiter", patterns: Sequence[str], named: str | None
) -> ScalingMetric:
    """The metric by which pods that hold accelerators can be scaled.

    Args:
        patterns: of the vendor's metrics.
        named: by the user; it is taken as it is, for not every API lists what it serves.

    Raises:
        SolutionAbsent: there is no metrics API for autoscalers.
        WaitTimeout: none of them offers such a metric.
    """
    apis = (CustomMetrics(cluster), ExternalMetrics(cluster))
    wanted = [named] if named else list(patterns)

    def look() -> tuple[ScalingMetric | None, str]:
        offers = _offers(apis)
        for api, names in offers:
            if name := matching(names, wanted):
                return ScalingMetric(name=name, api=api), ""
        if named:
            return ScalingMetric(name=named, api=offers[0][0]), ""
        told = (f"{api.group} offers {', '.join(names) or 'nothing'}" for api, names in offers)
        return None, "; ".join(told)

    found, _ = waiter.poll(
        f"the metrics API: a metric of accelerator pods ({', '.join(wanted)})",
        look,
        until=lambda seen: seen[0] is not None,
        describe=lambda seen: seen[1],
        timeout=waiter.deadlines.monitoring_answers,
        tolerate=(EndpointSilent,),
    )
    assert found is not None
    return found


def _offers(apis: Sequence[MetricsApi]) -> list[tuple[MetricsApi, list[str]]]:
    """What each API that is registered and answers offers.

    Raises:
        SolutionAbsent: none is registered; as the first one says.
        EndpointSilent: none answers, and one is registered.
    """
    offers: list[tuple[MetricsApi, list[str]]] = []
    absent: list[SolutionAbsent] = []
    silent: list[EndpointSilent] = []
    for api in apis:
        try:
            offers.append((api, api.offered()))
        except SolutionAbsent as error:
            absent.append(error)
        except EndpointSilent as error:
            silent.append(error)
    if offers:
        return offers
    raise silent[0] if silent else absent[0]
