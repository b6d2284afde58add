"""Judges a pod's start: which stage it is in, how long that may last, and who keeps it from it."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from aicr_pytest.cluster import pod_state, responsibility
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.pod_state import Trouble
from aicr_pytest.cluster.responsibility import Finding
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Views
from aicr_pytest.errors import ImageNotPullable, Inconclusive, WaitTimeout

_REFUSED_FOR_GOOD = re.compile(
    r"(?i)not found|manifest unknown|unauthorized|authentication required|authorization failed"
    r"|pull access denied|403 Forbidden|invalid reference|no match for platform|no basic auth"
)
"""What no further try of kubelet changes; a registry's rate or a network's hiccup passes."""

WhyPending = Callable[[Object, Finding], None]
"""Gets a pod without a node and whose doing that is, by the scheduler; raises, e.g. ``NoCapacity``,
or ``WaitTimeout`` where the platform is responsible after all."""


class StartingPod(Protocol):
    """What the judge needs of a pod; ``Pod`` says what each is."""

    waiter: Waiter
    created: Object
    created_at: float

    @property
    def containers(self) -> Collection[str]:
        """As ``Pod.containers``."""

    def find(self, views: Views) -> Object | None:
        """As ``Pod.find``."""

    def taken(self, obj: Object | None, events: Sequence[Object]) -> Inconclusive | None:
        """As ``Pod.taken``."""

    def troubles(self, obj: Object, events: Sequence[Object]) -> list[Trouble]:
        """As ``Pod.troubles``."""

    def tell(self, trouble: Trouble, *, at_last: bool) -> None:
        """As ``Pod.tell``."""

    def whose_pending(self, views: Views) -> Finding:
        """As ``Pod.whose_pending``."""


class Start:
    """Judges one pod's start; remembers what it saw before."""

    def __init__(self, pod: StartingPod, why_pending: WhyPending | None) -> None:
        self._pod = pod
        self._why_pending = why_pending
        self._deadlines = pod.waiter.deadlines
        self._began = time.monotonic()
        # Pods that were created together are awaited one after the other; the scheduler has had
        # them all the while.
        waited = (self._began - pod.created_at) / pod.waiter.scale
        self._schedule = max(1.0, self._deadlines.schedule - waited)
        self._since: dict[str, float] = {}
        self._stage, self._stage_began = "pending", self._began
        self._node = ""
        self._pulls = False
        self._is_refused_for_good = False

    def judge(self, views: Views) -> Object | None:
        """The pod once it is ready; None while it may become so.

        Args:
            views: of the pod and of its events.
        """
        obj, events = self._pod.find(views), list(views[1].values())
        if taken := self._pod.taken(obj, events):
            raise taken
        assert obj is not None
        self._node = pod_state.node_of(obj)
        if pod_state.is_ready(obj, self._pod.containers):
            self._forget_refusals(obj)
            return obj
        self._enter(self._stage_of(obj, views))
        now = time.monotonic()
        found = self._pod.troubles(obj, events)
        self._since = {t.reason: self._since.get(t.reason, now) for t in found}
        for trouble in found:
            self._weigh(trouble, now)
        return None

    def _stage_of(self, obj: Object, views: Views) -> str:
        if not self._node:
            return "pending"
        events = list(views[1].values())
        self._pulls = pod_state.is_pulling(events)
        lacks_image = any(trouble.of_image for trouble in self._pod.troubles(obj, events))
        return "pulling" if lacks_image or self._pulls else "starting"

    def _enter(self, stage: str) -> None:
        """Each stage has a clock of its own, which starts when the one before is over."""
        if stage != self._stage:
            self._stage, self._stage_began = stage, time.monotonic()

    def _weigh(self, trouble: Trouble, now: float) -> None:
        if trouble.of_image:
            if trouble.certain or self._is_refused(trouble, now):
                raise responsibility.of_start(trouble.reason, trouble.message).excuse(
                    str(self._pod)
                )
            return
        # Who shortens our deadlines does not quicken kubelet, which tries again every 10 to 15 s.
        patience = self._deadlines.refusal_persists * max(1.0, self._pod.waiter.scale)
        if trouble.certain or now - self._since[trouble.reason] >= patience:
            self._pod.tell(trouble, at_last=trouble.certain)

    def _is_refused(self, trouble: Trouble, now: float) -> bool:
        """Whether an image is not to be had, however often kubelet tries."""
        self._is_refused_for_good |= bool(_REFUSED_FOR_GOOD.search(trouble.message))
        if self._is_refused_for_good:
            return trouble.reason == "ImagePullBackOff"  # the second sighting
        # Whoever else of ours wants this image there has waited for the same.
        since = self._pod.waiter.refused_since.setdefault((self._node, trouble.image), now)
        patience = self._deadlines.image_refused * self._pod.waiter.scale
        return not self._pulls and now - since >= patience

    def _forget_refusals(self, obj: Object) -> None:
        for image in pod_state.images_asked(obj).values():
            self._pod.waiter.refused_since.pop((self._node, image), None)

    def timeout(self, views: Views) -> float:
        """Seconds from the wait's begin; of a fast cluster, as all timeouts."""
        limits = {
            "pending": self._schedule,
            "pulling": max(self._deadlines.image_pull, self._deadlines.pod_ready),
            "starting": self._deadlines.pod_ready,
        }
        before = (self._stage_began - self._began) / self._pod.waiter.scale
        return before + limits[self._stage]

    def expired(self, views: Views) -> None:
        """Raise whose doing it is that it is not ready in time."""
        obj = self._pod.find(views) or self._pod.created
        scale = self._pod.waiter.scale
        if self._stage == "pending":
            finding = self._pod.whose_pending(views)
            if self._why_pending:
                self._why_pending(obj, finding)
            waited = f"{self._pod}: no node within {self._deadlines.schedule * scale:g} s"
            if excuse := finding.excuse_unless_accusing(waited):
                raise excuse
            raise WaitTimeout(f"{waited}.\n  The scheduler says: {finding.reason}")
        for trouble in self._pod.troubles(obj, list(views[1].values())):
            self._pod.tell(trouble, at_last=True)
        if self._stage == "pulling":
            waited = f"{(time.monotonic() - self._stage_began):.0f}"
            raise ImageNotPullable(
                f"{self._pod}: its images were still being pulled after {waited} s.",
                hint="Give it more time: --aicr-timeout-scale.",
            )
        seen = pod_state.line(obj, list(views[1].values()))
        raise responsibility.of_slow_start(seen).excuse(str(self._pod))
