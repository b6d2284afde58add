"""A Deployment whose pods hold accelerators, scaled by a metric of these pods: up and back."""

import contextlib
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.load import since
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.cluster.kinds import requests_for
from aicr_pytest.errors import (
    AicrError,
    EndpointSilent,
    Inconclusive,
    ProbeFailed,
    SolutionAbsent,
    WaitFailed,
    WaitTimeout,
)
from aicr_pytest.requirements.pod_autoscaling.deployment import Scaled
from aicr_pytest.requirements.pod_autoscaling.evidence import ScalingEvidence
from aicr_pytest.requirements.pod_autoscaling.metric import PodMetric, PodMetrics
from aicr_pytest.requirements.pod_autoscaling.recorder import ReplicaRecorder, Snapshot
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.monitoring.metrics_api import MetricsApi
    from aicr_pytest.requirements.platform import Platform

NAME = "scaled"
STABILIZATION = 30.0
"""Seconds without load after which replicas may go, as in the manifest."""
EARLIEST = 10.0
"""Seconds before which they may not: an autoscaler may have seen the load for the last time up to
15 s before its end, or 20 s where it is slow."""


class AutoscalingTrial:
    """Idle, under load, and idle again; each check judges what came of one of these stages."""

    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._metrics = PodMetrics(
            platform.cluster,
            platform.waiter,
            named=platform.settings.hpa_metric,
            patterns=lambda: platform.accelerators.stock[0].profile.pod_metrics,
            has_value=self._has_value,
        )
        self._trouble: AicrError | None = None
        self._blind: Inconclusive | None = None
        self._scaled = Scaled(platform)
        self._pods: tuple[AcceleratorPod, AcceleratorPod] | None = None

    # -- what the checks ask -------------------------------------------------------------------

    def not_served(self) -> list[str]:
        """Where the metric is not served for our pod, or not below the target while it idles."""
        idle, metric = self._idle, self.metric
        if not idle.ready:
            return [f"no pod of Deployment {NAME} is ready any more: {idle}"]
        pod = idle.ready[0]
        found = []
        if (value := idle.values.get(pod)) is None:
            found.append(f"{metric.name} has no value for pod {pod}: {idle}")
        elif value >= metric.target:
            below = f"not below {metric.target:g}"
            found.append(f"pod {pod} idles, and its {metric.name} is {value:g}, {below}")
        if not found and idle.desired != 1:
            found.append(
                f"pod {pod} idles, and the autoscaler wants {idle.desired or 'no'} replicas: {idle}"
            )
        return found

    def not_scaled_out(self) -> list[str]:
        """Where load did not lead to a second pod on an accelerator of its own."""
        return self._busy_faults

    def foreign_metric(self) -> list[str]:
        """Where the new pod, which idles beside the loaded one, has no metric of its own."""
        first, new = self._two_pods()
        metric = self.metric
        idle = self._idle.values.get(first.pod.name, 0.0)
        # Half-way from idle to the target: an average of both pods is above it.
        halfway = (idle + metric.target) / 2
        sight, why = self._try_poll(
            f"{metric.name} above {metric.target:g} of the loaded pod {first.pod.name}, and at "
            f"most {halfway:g} of the new pod {new.pod.name}",
            lambda sight: (
                sight.values.get(first.pod.name, 0.0) > metric.target
                and sight.values.get(new.pod.name, metric.target) <= halfway
            ),
            self._platform.waiter.deadlines.samples_follow,
        )
        self._platform.evidence.fact("metric of both pods", str(sight))
        if why:
            shown = self._scaled.load(new).seen()
            idles = f"pod {new.pod.name} idles ({shown:.0%} by {new.on.profile.tool})"
            beside = f"beside the loaded pod {first.pod.name}"
            return [f"{idles} {beside}, and its {metric.name} is none of its own: {why}"]
        return []

    def not_scaled_in(self) -> list[str]:
        """Where replicas did not go back once the load had ended, and not before."""
        first, _ = self._two_pods()
        _, why = self._try_poll(
            f"Deployment {NAME}: 2 replicas, as long as there is load",
            lambda sight: sight.desired == 2 and len(sight.ready) == 2,
            self._platform.waiter.deadlines.looked_again,
        )
        if why:
            return [f"there is still load, and replicas go: {why}"]
        ended = time.monotonic()
        self._scaled.load(first).off()
        self._watched.mark(f"load off in pod {first.pod.name}")
        try:
            wanted, why = self._try_poll(
                f"Deployment {NAME}: 1 replica wanted again",
                lambda sight: sight.desired == 1,
                STABILIZATION + self._platform.waiter.deadlines.replicas_follow,
            )
            waited = time.monotonic() - ended
            if not why and waited < EARLIEST:
                told = f"the {STABILIZATION:g} s that the autoscaler is told to wait"
                return [f"replicas go {waited:.1f} s after the load's end, before {told}: {wanted}"]
            if not why:
                _, why = self._try_poll(
                    f"Deployment {NAME}: back to 1 replica",
                    lambda sight: sight.desired == 1 and len(sight.ready) == 1,
                    self._platform.waiter.deadlines.pod_gone,
                )
            if why:
                return [f"the load has ended, and replicas do not go back: {why}"]
        finally:
            self._keep("when the load had ended")
        self._platform.evidence.fact("seconds from the load's end to 1 replica", since(ended))
        return []

    # -- the stages ----------------------------------------------------------------------------

    @cached_property
    def metric(self) -> PodMetric:
        """The metric by which pods are scaled; there is a pod of ours that has it."""
        return self._metrics.choose()

    def _has_value(self, api: "MetricsApi", metric: str) -> bool:
        namespace = self._platform.workspaces.at().namespace
        return bool(api.of_pods(namespace, f"app={NAME}", metric).values)

    @cached_property
    def _watched(self) -> ReplicaRecorder:
        namespace, metric = self._platform.workspaces.at().namespace, self.metric
        return ReplicaRecorder(
            self._platform.cluster,
            namespace,
            NAME,
            lambda: metric.of_app(namespace, NAME).values,
            metric.target,
            title=f"Replicas by {metric.name}",
        )

    @cached_property
    def _kept(self) -> ScalingEvidence:
        namespace = self._platform.workspaces.at().namespace
        return ScalingEvidence(
            self._platform,
            namespace=namespace,
            name=NAME,
            metric=self.metric.name,
            answer=lambda: self.metric.of_app(namespace, NAME),
            exporter=self._platform.accelerators.stock[0].profile.exporter,
        )

    @property
    def _idle(self) -> Snapshot:
        """What is seen before any load; the autoscaler has had its look.

        Raises:
            ProbeFailed: an earlier check has found it broken, and nothing is left to look at.
        """
        if isinstance(self._trouble, (Inconclusive, SolutionAbsent)):
            raise self._trouble
        if self._trouble is not None:
            raise ProbeFailed(f"There is nothing to scale: {self._trouble}")
        try:
            return self._once_idle
        except AicrError as error:
            self._trouble = error
            raise

    @cached_property
    def _once_idle(self) -> Snapshot:
        self._metrics.require()  # before anything is created
        self._scaled.start(NAME)
        metric = self.metric
        self._platform.evidence.fact(
            "metric", f"{metric.name} of {metric.api.group}, target {metric.target:g}"
        )
        with contextlib.suppress(EndpointSilent):  # that it is silent is judged where it matters
            self._kept.keep_answer("idle, before there is an autoscaler")
        sight, unserved = self._try_poll(
            f"{metric.name} of the idle pod",
            lambda sight: (
                bool(sight.ready)
                and all(sight.values.get(pod, metric.target) < metric.target for pod in sight.ready)
            ),
            self._platform.waiter.deadlines.samples_follow,
        )
        if unserved:
            return sight  # an autoscaler could only repeat it
        (scaler,) = render_actor(
            metric.api.autoscaler,
            actor=NAME,
            namespace=self._platform.workspaces.at().namespace,
            target=NAME,
            metric=metric.name,
            average=f"{metric.target:g}",
        )
        (made,) = self._platform.workspaces.at().apply([scaler])
        self._platform.evidence.yaml("The autoscaler", made, source=requests_for("PATCH", [made]))
        self._watched.mark("the autoscaler is there")
        sight, _ = self._try_poll(
            "the autoscaler: its first word",
            lambda sight: bool(sight.desired and "ScalingActive" in sight.conditions),
            self._platform.waiter.deadlines.replicas_follow,
        )
        self._keep("while it idles")
        return sight

    @property
    def _busy_faults(self) -> list[str]:
        if self._blind is not None:
            raise self._blind  # the next check need not wait as long again
        try:
            return self._once_busy_faults
        except Inconclusive as error:
            self._blind = error
            raise

    @cached_property
    def _once_busy_faults(self) -> list[str]:
        idle, metric = self._idle, self.metric
        if self._broken_idle(idle):
            raise ProbeFailed(f"Scaling out cannot be seen: {idle}")
        first = self._scaled.pod(idle.ready[0])
        load = self._scaled.load(first)
        load.on()
        self._watched.mark(f"load on in pod {first.pod.name}")
        started = time.monotonic()
        try:
            _, why = self._try_poll(
                f"{metric.name} of the loaded pod above {metric.target:g}",
                lambda sight: sight.values.get(first.pod.name, 0.0) > metric.target,
                self._platform.waiter.deadlines.samples_follow,
            )
            if why:
                loads = f"loads its accelerator ({load.seen():.0%} by {first.on.profile.tool})"
                said = f"pod {first.pod.name} {loads}, and its {metric.name} does not rise"
                return [f"{said}: {why}"]
            return self._growth_faults(first, started)
        finally:
            self._keep("under load")

    def _growth_faults(self, first: AcceleratorPod, started: float) -> list[str]:
        _, why = self._try_poll(
            f"Deployment {NAME}: 2 replicas wanted",
            lambda sight: sight.desired == 2,
            self._platform.waiter.deadlines.replicas_follow,
        )
        if why:
            return [f"under load there is no second pod that is ready: {why}"]
        try:
            new = self._scaled.second(NAME, first)
        except (WaitTimeout, WaitFailed) as error:
            return [f"under load there is no second pod that is ready: {error}"]
        _, why = self._try_poll(
            f"Deployment {NAME}: 2 replicas ready",
            lambda sight: sight.desired == 2 and {first.pod.name, new.pod.name} <= set(sight.ready),
            self._platform.waiter.deadlines.looked_again,
        )
        if why:
            return [f"under load there are not two pods that stay: {why}"]
        self._platform.evidence.fact("seconds from load to 2 replicas ready", since(started))
        return self._sharing(first, new)

    def _sharing(self, first: AcceleratorPod, new: AcceleratorPod) -> list[str]:
        """Where the new pod holds no accelerator of its own."""
        self._pods = (first, new)
        mine, theirs = first.held(), new.held()
        rows = [[one.on.name, one.pod.name, ", ".join(held)]
                for one, held in ((first, mine), (new, theirs))]  # fmt: skip
        self._platform.evidence.table(
            "Accelerators of both pods",
            ["node", "pod", "sees"],
            rows,
            source=f"{new.on.profile.tool} in each pod",
        )
        common = sorted(set(mine) & set(theirs))
        if common and new.on.units_per_device > 1:
            units = f"{new.on.units_per_device} units of each device"
            raise Inconclusive(
                f"{new.on.name} offers {units}: both pods may have units of the same one.",
                hint="Name a node that does not share its devices with --aicr-nodes.",
            )
        return [f"{first} and {new} both see {', '.join(common)}"] if common else []

    def _broken_idle(self, idle: Snapshot) -> bool:
        value = idle.values.get(idle.ready[0]) if idle.ready else None
        return value is None or value >= self.metric.target or idle.desired != 1

    def _two_pods(self) -> tuple[AcceleratorPod, AcceleratorPod]:
        if self._busy_faults or self._pods is None:
            raise ProbeFailed("There never were two pods: nothing to compare, nothing to go back.")
        return self._pods

    def _try_poll(
        self, what: str, until: Callable[[Snapshot], bool], timeout: float
    ) -> tuple[Snapshot, str]:
        return self._watched.until(self._platform.waiter, what, until, timeout)

    def _keep(self, when: str) -> None:
        self._kept.keep(when, self._watched)
