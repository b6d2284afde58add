"""A scaled Deployment under watch: what is awaited of it, and what is kept as evidence."""

import contextlib
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.loading import Clock
from aicr_pytest.cluster.kinds import HORIZONTAL_POD_AUTOSCALER
from aicr_pytest.errors import EndpointSilent, Inconclusive, SolutionAbsent, WaitTimeout
from aicr_pytest.replicas import Sight, Watched
from aicr_pytest.scaling_metric import ScalingMetric, scaling_metric

if TYPE_CHECKING:
    from aicr_pytest.accelerators.profile import Profile
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.prometheus import Prometheus
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.workspaces import Workspaces


class ScalingView:
    """Looks at a Deployment, its autoscaler and its metric."""

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        workspaces: "Workspaces",
        prometheus: "Callable[[], Prometheus]",
        evidence: Callable[[], "CheckEvidence"],
        clock: Clock,
        *,
        name: str,
        target: float,
        profile: "Callable[[], Profile]",
        named: str | None,
    ) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._workspaces = workspaces
        self._prometheus = prometheus
        self._evidence = evidence
        self._clock = clock
        self._name = name
        self._target = target
        self._profile = profile
        self._named = named

    @property
    def namespace(self) -> str:
        """Where the Deployment is."""
        return self._workspaces.at().namespace

    @cached_property
    def metric(self) -> ScalingMetric:
        """The metric by which pods are scaled.

        Raises:
            SolutionAbsent: the platform serves none for pods that tells of accelerators.
        """
        patterns = self._profile().pod_metrics
        return scaling_metric(self._cluster, self._waiter, patterns, self._named)

    @cached_property
    def watched(self) -> Watched:
        """Every look at it."""
        namespace = self.namespace
        return Watched(
            self._cluster,
            namespace,
            self._name,
            lambda: self.metric.of_pods(namespace, f"app={self._name}").values,
            self._target,
            self._clock,
            f"Replicas by {self.metric}",
        )

    def poll(self, what: str, until: Callable[[Sight], bool], timeout: float) -> Sight:
        """Look until it is as awaited.

        Raises:
            WaitTimeout: it does not become so.
        """
        return self._waiter.poll(
            what,
            self.watched.look,
            until=until,
            timeout=timeout,
            tolerate=(EndpointSilent,),
        )

    def try_poll(self, what: str, until: Callable[[Sight], bool], timeout: float) -> str:
        """Why what is awaited did not come; empty where it did."""
        try:
            self.poll(what, until, timeout)
        except WaitTimeout as error:
            return str(error)
        return ""

    def keep_answer(self, when: str) -> None:
        """What the metrics API says, verbatim."""
        with contextlib.suppress(EndpointSilent):  # that it is silent is judged where it matters
            reply = self.metric.of_pods(self.namespace, f"app={self._name}")
            self._evidence().text(f"{self.metric}, {when}", reply.text, source=reply.request)

    def keep(self, when: str) -> None:
        """What is evidence of a stage, whatever came of it."""
        namespace, name = self.namespace, self._name
        self.keep_answer(when)
        self._keep_query(when)
        if scaler := self._cluster.find(HORIZONTAL_POD_AUTOSCALER, name, namespace):
            self._evidence().yaml(
                f"HorizontalPodAutoscaler {name}, {when}",
                scaler,
                source=f"kubectl get hpa -n {namespace} {name} -o yaml",
            )
        self._evidence().timeline(
            self.watched.timeline,
            source=f"{self.metric} of the pods, pods, HorizontalPodAutoscaler {name} and its "
            f"events in {namespace}, asked every second",
        )

    def _keep_query(self, when: str) -> None:
        """What the monitoring system has of the pods, where there is one that can be asked."""
        exporter = self._profile().exporter
        if exporter is None:
            return
        names = "|".join(reading.name for reading in exporter.utilization)
        expression = " or ".join(
            f'{{__name__=~"{names}",{label}="{self.namespace}"}}'
            for label in ("namespace", "exported_namespace")
        )
        # The autoscaler is judged by the metrics API alone: no door to Prometheus is no finding.
        with contextlib.suppress(SolutionAbsent, WaitTimeout, Inconclusive):
            self._prometheus().query(expression, title=f"The series behind it, {when}")
