"""A Deployment whose pods hold accelerators, scaled by a metric of these pods: up and back."""

import contextlib
import dataclasses
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
from aicr_pytest.once import Once
from aicr_pytest.requirements.pod_autoscaling.deployment import Scaled
from aicr_pytest.requirements.pod_autoscaling.evidence import ScalingEvidence
from aicr_pytest.requirements.pod_autoscaling.metric import PodMetric, PodMetrics
from aicr_pytest.requirements.pod_autoscaling.observed import (
    AfterLoad,
    Idle,
    PodDevices,
    Replicas,
    SideBySide,
    UnderLoad,
    value_of,
)
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
    """Idle, under load, and idle again; each check judges what was seen in one of these stages."""

    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._metrics = PodMetrics(
            platform.cluster,
            platform.waiter,
            named=platform.settings.hpa_metric,
            patterns=lambda: platform.accelerators.stock[0].profile.pod_metrics,
            has_value=self._has_value,
        )
        self._scaled = Scaled(platform)
        self._start = Once(self._start_idle)
        self._load = Once(self._load_first)
        self._pods: tuple[AcceleratorPod, ...] = ()

    # -- what the checks ask -------------------------------------------------------------------

    def idle(self) -> Idle:
        """What is served for our pod, and what the autoscaler wants, while it idles.

        Raises:
            ProbeFailed: an earlier check has found it broken, and nothing is left to look at.
        """
        error = self._start.error
        if error is not None and not isinstance(error, (Inconclusive, SolutionAbsent)):
            raise ProbeFailed(f"There is nothing to scale: {error}")
        return self._start()

    def under_load(self) -> UnderLoad:
        """What comes of load on the accelerator of the first pod."""
        return self._load()

    def side_by_side(self) -> SideBySide:
        """The metrics of the loaded pod, and of the new one that idles beside it."""
        first, new = self._two_pods()
        name, target = self.metric.name, self.metric.target
        idle = self.idle().value or 0.0
        halfway = (idle + target) / 2
        seen, why = self._until(
            f"{name} above {target:g} of the loaded pod {first.pod.name}, and at "
            f"most {halfway:g} of the new pod {new.pod.name}",
            lambda now: (
                value_of(now.values, first.pod.name) > target
                and value_of(now.values, new.pod.name) <= halfway
            ),
            self._platform.waiter.deadlines.metric_follows,
        )
        self._platform.evidence.fact("metric of both pods", str(seen))
        if why:
            shown = self._scaled.load(new).seen()
            idles = f"pod {new.pod.name} idles ({shown:.0%} by {new.on.profile.tool})"
            beside = f"beside the loaded pod {first.pod.name}"
            why = f"{idles} {beside}, and its {name} is none of its own: {why}"
        return SideBySide(
            loaded=value_of(seen.values, first.pod.name),
            idle=value_of(seen.values, new.pod.name),
            target=target,
            halfway=halfway,
            because=why,
        )

    def after_load(self) -> AfterLoad:
        """How many replicas there are as long as there is load, and after its end."""
        first, _ = self._two_pods()
        seen, why = self._until(
            f"Deployment {NAME}: 2 replicas, as long as there is load",
            lambda now: _replicas(now) == Replicas(wanted=2, ready=2),
            self._platform.waiter.deadlines.looked_again,
        )
        loaded = AfterLoad(while_loaded=_replicas(seen), earliest=EARLIEST)
        if why:
            because = f"there is still load, and replicas go: {why}"
            return dataclasses.replace(loaded, because=because)
        ended = time.monotonic()
        self._scaled.load(first).off()
        self._watched.mark(f"load off in pod {first.pod.name}")
        try:
            after = self._go_back(loaded, ended)
        finally:
            self._keep("when the load had ended")
        if not after.because:
            self._platform.evidence.fact("seconds from the load's end to 1 replica", since(ended))
        return after

    def _go_back(self, loaded: AfterLoad, ended: float) -> AfterLoad:
        deadlines = self._platform.waiter.deadlines
        seen, why = self._until(
            f"Deployment {NAME}: 1 replica wanted again",
            lambda now: now.desired == 1,
            STABILIZATION + deadlines.metric_follows + deadlines.replicas_follow,
        )
        seconds = loaded.seconds if why else time.monotonic() - ended
        if seconds < EARLIEST:
            told = f"the {STABILIZATION:g} s that the autoscaler is told to wait"
            because = f"replicas go {seconds:.1f} s after the load's end, before {told}: {seen}"
        else:
            if not why:
                seen, why = self._until(
                    f"Deployment {NAME}: back to 1 replica",
                    lambda now: _replicas(now) == Replicas(wanted=1, ready=1),
                    deadlines.pod_gone,
                )
            because = f"the load has ended, and replicas do not go back: {why}" if why else ""
        return dataclasses.replace(
            loaded, replicas=_replicas(seen), seconds=seconds, because=because
        )

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

    def _start_idle(self) -> Idle:
        """See our pod before any load; the autoscaler has had its look."""
        self._metrics.require()  # before anything is created
        self._scaled.start(NAME)
        metric = self.metric
        self._platform.evidence.fact(
            "metric", f"{metric.name} of {metric.api.group}, target {metric.target:g}"
        )
        with contextlib.suppress(EndpointSilent):  # that it is silent is judged where it matters
            self._kept.keep_answer("idle, before there is an autoscaler")
        seen, unserved = self._until(
            f"{metric.name} of the idle pod",
            lambda now: (
                bool(now.ready)
                and all(value_of(now.values, pod) < metric.target for pod in now.ready)
            ),
            self._platform.waiter.deadlines.metric_follows,
        )
        if unserved:
            idle = self._idle(seen)
            untold = idle.pod and idle.value is None
            if untold and (excuse := metric.excuse(idle.pod, idle.seen)):
                raise excuse
            return idle  # an autoscaler could only repeat it
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
        seen, _ = self._until(
            "the autoscaler's first status",
            lambda now: bool(now.desired and "ScalingActive" in now.conditions),
            self._platform.waiter.deadlines.replicas_follow,
        )
        self._keep("while it idles")
        return self._idle(seen)

    def _idle(self, seen: Snapshot) -> Idle:
        pod = next(iter(seen.ready), "")
        return Idle(
            pod=pod,
            metric=self.metric.name,
            value=seen.values.get(pod),
            target=self.metric.target,
            wanted=seen.desired,
            seen=str(seen),
        )

    def _load_first(self) -> UnderLoad:
        idle, metric = self.idle(), self.metric
        if not idle.is_quiet:
            raise ProbeFailed(f"Scaling out cannot be seen: {idle}")
        first = self._scaled.pod(idle.pod)
        load = self._scaled.load(first)
        load.on()
        self._watched.mark(f"load on in pod {first.pod.name}")
        started = time.monotonic()
        try:
            seen, why = self._until(
                f"{metric.name} of the loaded pod above {metric.target:g}",
                lambda now: value_of(now.values, first.pod.name) > metric.target,
                self._platform.waiter.deadlines.metric_follows,
            )
            loaded = UnderLoad(value=value_of(seen.values, first.pod.name), target=metric.target)
            if not why:
                return self._grow(loaded, first, started)
            loads = f"loads its accelerator ({load.lasting():.0%} by {first.on.profile.tool})"
            said = f"pod {first.pod.name} {loads}, and its {metric.name} does not rise"
            return dataclasses.replace(loaded, because=f"{said}: {why}")
        finally:
            self._keep("under load")

    def _grow(self, loaded: UnderLoad, first: AcceleratorPod, started: float) -> UnderLoad:
        def grown(seen: Snapshot, *pods: AcceleratorPod) -> Replicas:
            ready = {pod.pod.name for pod in pods} & set(seen.ready)
            return Replicas(wanted=seen.desired, ready=len(ready))

        seen, why = self._until(
            f"Deployment {NAME}: 2 replicas wanted",
            lambda now: now.desired == 2,
            self._platform.waiter.deadlines.replicas_follow,
        )
        loaded = dataclasses.replace(loaded, replicas=grown(seen, first))
        missing = "under load there is no second pod that is ready"
        if why:
            return dataclasses.replace(loaded, because=f"{missing}: {why}")
        try:
            new = self._scaled.second(NAME, first)
        except (WaitTimeout, WaitFailed) as error:
            return dataclasses.replace(loaded, because=f"{missing}: {error}")
        seen, why = self._until(
            f"Deployment {NAME}: 2 replicas ready",
            lambda now: grown(now, first, new) == Replicas(wanted=2, ready=2),
            self._platform.waiter.deadlines.looked_again,
        )
        loaded = dataclasses.replace(loaded, replicas=grown(seen, first, new))
        if why:
            because = f"under load there are not two pods that stay: {why}"
            return dataclasses.replace(loaded, because=because)
        self._platform.evidence.fact("seconds from load to 2 replicas ready", since(started))
        self._pods = (first, new)
        return dataclasses.replace(loaded, pods=self._devices(first, new))

    def _devices(self, first: AcceleratorPod, new: AcceleratorPod) -> tuple[PodDevices, ...]:
        """What both pods see.

        Raises:
            Inconclusive: both see the same device, which is handed out in units.
        """
        held = [(one, one.held()) for one in (first, new)]
        self._platform.evidence.table(
            "Accelerators of both pods",
            ["node", "pod", "sees"],
            [[one.on.name, one.pod.name, ", ".join(seen)] for one, seen in held],
            source=f"{new.on.profile.tool} in each pod",
        )
        pods = tuple(
            PodDevices(pod=str(one), devices=frozenset(map(one.on.known_as, seen)))
            for one, seen in held
        )
        both = sorted(pods[0].devices & pods[1].devices)
        if both and (why := new.why_shared(both[0])):
            raise Inconclusive(
                f"Both pods may have units of the same device: {why}.",
                hint="Name a node that does not share its devices with --aicr-nodes.",
            )
        return pods

    def _two_pods(self) -> tuple[AcceleratorPod, AcceleratorPod]:
        """The loaded pod and the new one, for whoever has to compare them.

        Raises:
            ProbeFailed: there never were two, each with an accelerator of its own.
        """
        never = "There never were two pods: nothing to compare, nothing to go back."
        try:
            pods = self._load().pods
        except (Inconclusive, SolutionAbsent):
            raise
        except AicrError as error:
            raise ProbeFailed(never) from error
        if len(pods) != 2 or pods[0].devices & pods[1].devices:
            raise ProbeFailed(never)
        first, new = self._pods
        return first, new

    def _until(
        self, what: str, reached: Callable[[Snapshot], bool], timeout: float
    ) -> tuple[Snapshot, str]:
        return self._watched.until(
            self._platform.waiter, what, reached, timeout, tolerate=(EndpointSilent,)
        )

    def _keep(self, when: str) -> None:
        self._kept.keep(when, self._watched)


def _replicas(seen: Snapshot) -> Replicas:
    return Replicas(wanted=seen.desired, ready=len(seen.ready))
