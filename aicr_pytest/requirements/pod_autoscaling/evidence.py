"""What is kept of each stage of scaling, whatever came of it; nothing here decides."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import HORIZONTAL_POD_AUTOSCALER
from aicr_pytest.errors import AicrError
from aicr_pytest.evidence.answers import reduce_answer

if TYPE_CHECKING:
    from aicr_pytest.accelerators.profile import ExporterProfile
    from aicr_pytest.monitoring.metrics_api import Reply
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.pod_autoscaling.recorder import ReplicaRecorder


class ScalingEvidence:
    """The answers behind the timeline: metrics API, monitoring system, autoscaler."""

    def __init__(
        self,
        platform: "Platform",
        *,
        namespace: str,
        name: str,
        metric: str,
        answer: "Callable[[], Reply]",
        exporter: "ExporterProfile | None",
    ) -> None:
        self._platform = platform
        self._namespace = namespace
        self._name = name
        self._metric = metric
        self._answer = answer
        self._exporter = exporter

    def keep(self, when: str, watched: "ReplicaRecorder") -> None:
        """Everything, at the end of a stage."""
        for part in (self.keep_answer, self._keep_query, self._keep_autoscaler):
            try:
                part(when)
            except AicrError as error:  # what is only kept must not replace what was judged
                self._platform.evidence.fact(f"not kept {when}", str(error))
        self._platform.evidence.timeline(
            watched.timeline,
            source=f"{self._metric} of the pods, pods, HorizontalPodAutoscaler {self._name} and "
            f"its events in {self._namespace}, asked every second",
        )

    def keep_answer(self, when: str) -> None:
        """What the metrics API says."""
        reply = self._answer()
        answer = reduce_answer(reply.text)
        self._platform.evidence.text(f"{self._metric}, {when}", answer, source=reply.request)

    def _keep_query(self, when: str) -> None:
        """What the monitoring system has of the pods, where there is one that can be asked."""
        if self._exporter is None:
            return
        names = "|".join(reading.name for reading in self._exporter.utilization)
        expression = " or ".join(
            f'{{__name__=~"{names}",{label}="{self._namespace}"}}'
            for label in ("namespace", "exported_namespace")
        )
        self._platform.monitoring.prometheus.query(
            expression, title=f"The series behind it, {when}"
        )

    def _keep_autoscaler(self, when: str) -> None:
        found = self._platform.cluster.find(HORIZONTAL_POD_AUTOSCALER, self._name, self._namespace)
        if found:
            self._platform.evidence.yaml(
                f"HorizontalPodAutoscaler {self._name}, {when}",
                found,
                source=HORIZONTAL_POD_AUTOSCALER.request("GET", self._namespace, self._name),
            )
