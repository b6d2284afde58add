"""A Deployment whose pods hold accelerators, scaled by a metric of these pods: up and back."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aicr_pytest.accelerators.loading import Clock, utc_now
from aicr_pytest.accelerators.pods import AcceleratorPod
from aicr_pytest.cluster import pod_state
from aicr_pytest.errors import (
    AicrError,
    Inconclusive,
    ProbeFailed,
    SolutionAbsent,
    WaitTimeout,
)
from aicr_pytest.manifests import render_actor
from aicr_pytest.replicas import Sight
from aicr_pytest.scaled import Scaled
from aicr_pytest.scaling_view import ScalingView

if TYPE_CHECKING:
    from aicr_pytest.accelerators.finder import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.prometheus import Prometheus
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.exclusive import Exclusive
    from aicr_pytest.settings import Settings
    from aicr_pytest.workspaces import Workspaces

Object = dict[str, Any]

NAME = "scaled"
TARGET = 50.0
"""Percent of utilization, on average over the pods, as in the manifest."""
STABILIZATION = 30.0
"""Seconds without load after which replicas may go, as in the manifest."""


class AutoscalingTrial:
    """Idle, under load, and idle again; each check judges what came of one of these stages."""

    def __init__(
        self,
        cluster: "Cluster",
        waiter: "Waiter",
        workspaces: "Workspaces",
        accelerators: "Accelerators",
        exclusive: "Exclusive",
        settings: "Settings",
        prometheus: "Callable[[], Prometheus]",
        evidence: Callable[[], "CheckEvidence"],
        clock: Clock = utc_now,
    ) -> None:
        self._waiter = waiter
        self._workspaces = workspaces
        self._accelerators = accelerators
        self._evidence = evidence
        self._view = ScalingView(
            cluster,
            waiter,
            workspaces,
            prometheus,
            evidence,
            clock,
            name=NAME,
            target=TARGET,
            profile=lambda: accelerators.stock[0].profile,
            named=settings.hpa_metric,
        )
        self._trouble: AicrError | None = None
        self._blind: Inconclusive | None = None
        self._scaled = Scaled(cluster, waiter, workspaces, accelerators, exclusive, evidence)
        self._pods: tuple[AcceleratorPod, AcceleratorPod] | None = None

    # -- what the checks ask -------------------------------------------------------------------

    def not_served(self) -> list[str]:
        """Where the metric is not served for our pod, or not below the target while it idles."""
        idle = self._idle
        pod = idle.ready[0]
        found = []
        if (value := idle.values.get(pod)) is None:
            found.append(f"{self._view.metric} has no value for pod {pod}: {idle}")
        elif value >= TARGET:
            found.append(
                f"pod {pod} idles, and its {self._view.metric} is {value:g}, not below {TARGET:g}"
            )
        if not found and idle.desired != 1:
            found.append(
                f"pod {pod} idles, and the autoscaler wants {idle.desired or 'no'} replicas: {idle}"
            )
        return found

    def not_scaled_out(self) -> list[str]:
        """Where load did not lead to a second pod on an accelerator of its own."""
        return self._busy_faults

    def foreign_metric(self) -> list[str]:
        """Where the new pod, which idles, has no metric of its own."""
        first, new = self._two_pods()
        try:
            self._view.poll(
                f"{self._view.metric} of the new pod {new.pod.name}",
                lambda sight: sight.values.get(new.pod.name, TARGET) < TARGET,
                self._waiter.deadlines.samples_follow,
            )
        except WaitTimeout as error:
            shown = self._scaled.load(new).seen()
            idles = f"pod {new.pod.name} idles ({shown:.0%} by {new.on.profile.tool})"
            beside = f"beside the loaded pod {first.pod.name}"
            return [f"{idles} {beside}, and its {self._view.metric} is none of its own: {error}"]
        return []

    def not_scaled_in(self) -> list[str]:
        """Where replicas did not go back once the load had ended."""
        first, _ = self._two_pods()
        self._scaled.load(first).off()
        self._view.watched.mark(f"load off in pod {first.pod.name}")
        ended = time.monotonic()
        try:
            self._view.poll(
                f"Deployment {NAME}: back to 1 replica",
                lambda sight: sight.desired == 1 and len(sight.ready) == 1,
                STABILIZATION + self._waiter.deadlines.replicas_follow,
            )
        except WaitTimeout as error:
            return [f"the load has ended, and replicas do not go back: {error}"]
        finally:
            self._view.keep("when the load had ended")
        self._evidence().fact("seconds from the load's end to 1 replica", _since(ended))
        return []

    # -- the stages ----------------------------------------------------------------------------

    @property
    def _idle(self) -> Sight:
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
    def _once_idle(self) -> Sight:
        metric = self._view.metric  # before anything is created
        self._evidence().fact("metric", f"{metric} of {metric.api.group}")
        watched = self._view.watched
        self._scaled.start(NAME)
        self._view.keep_answer("idle, before there is an autoscaler")
        unserved = self._view.try_poll(
            f"{self._view.metric} of the idle pod",
            lambda sight: all(sight.values.get(pod, TARGET) < TARGET for pod in sight.ready),
            self._waiter.deadlines.samples_follow,
        )
        if unserved:
            return watched.look()  # an autoscaler could only repeat it
        (scaler,) = render_actor(
            metric.api.autoscaler,
            actor=NAME,
            target=NAME,
            metric=metric.name,
            namespace=self._view.namespace,
        )
        (made,) = self._workspaces.at().apply([scaler])
        self._evidence().yaml("The autoscaler", made, source="server-side apply")
        watched.mark("the autoscaler is there")
        self._view.try_poll(
            "the autoscaler: its first word",
            lambda sight: bool(sight.desired and "ScalingActive" in sight.conditions),
            self._waiter.deadlines.replicas_follow,
        )
        sight = watched.look()
        self._view.keep("while it idles")
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
        idle = self._idle
        if self._broken_idle(idle):
            raise ProbeFailed(f"Scaling out cannot be seen: {idle}")
        first = self._scaled.pod(idle.ready[0])
        load = self._scaled.load(first)
        load.on()
        self._view.watched.mark(f"load on in pod {first.pod.name}")
        started = time.monotonic()
        try:
            risen = self._view.try_poll(
                f"{self._view.metric} of the loaded pod above {TARGET:g}",
                lambda sight: sight.values.get(first.pod.name, 0.0) > TARGET,
                self._waiter.deadlines.samples_follow,
            )
            if risen:
                loads = f"loads its accelerator ({load.seen():.0%} by {first.on.profile.tool})"
                said = f"pod {first.pod.name} {loads}, and its {self._view.metric} does not rise"
                return [f"{said}: {risen}"]
            grown = self._view.try_poll(
                f"Deployment {NAME}: 2 replicas ready",
                lambda sight: sight.desired == 2 and len(sight.ready) == 2,
                self._waiter.deadlines.replicas_follow,
            )
            if grown:
                self._refuse_shortage()
                return [f"under load there is no second pod that is ready: {grown}"]
            self._evidence().fact("seconds from load to 2 replicas ready", _since(started))
            return self._sharing(first)
        finally:
            self._view.keep("under load")

    def _refuse_shortage(self) -> None:
        """A new pod that finds no free accelerator accuses nobody.

        Raises:
            NoCapacity: others hold them by now.
        """
        for pod in self._view.watched.look().pods.values():
            if not pod_state.node_of(pod):
                words = pod_state.unschedulable(pod) or "the scheduler has said nothing"
                self._accelerators.why_pending(self._scaled.nodes[-1], 1)(pod, words)

    def _sharing(self, first: AcceleratorPod) -> list[str]:
        """Where the new pod holds no accelerator of its own."""
        name = next(pod for pod in self._view.watched.look().ready if pod != first.pod.name)
        new = self._scaled.pod(name)
        self._pods = (first, new)
        mine, theirs = first.held(), new.held()
        rows = [[one.on.name, one.pod.name, ", ".join(held)]
                for one, held in ((first, mine), (new, theirs))]  # fmt: skip
        self._evidence().table(
            "Accelerators of both pods",
            ["node", "pod", "sees"],
            rows,
            source=f"{new.on.profile.tool} in each pod",
        )
        if common := sorted(set(mine) & set(theirs)):
            return [f"{first} and {new} both see {', '.join(common)}"]
        return []

    def _broken_idle(self, idle: Sight) -> bool:
        value = idle.values.get(idle.ready[0]) if idle.ready else None
        return value is None or value >= TARGET or idle.desired != 1

    def _two_pods(self) -> tuple[AcceleratorPod, AcceleratorPod]:
        if self._busy_faults or self._pods is None:
            raise ProbeFailed("There never were two pods: nothing to compare, nothing to go back.")
        return self._pods


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f}"
