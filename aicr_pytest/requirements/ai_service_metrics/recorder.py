"""A service as the monitoring system shows it: its targets, and its series look by look."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.load import Clock, utc_now
from aicr_pytest.errors import WaitTimeout
from aicr_pytest.evidence.foreign import reduce_to
from aicr_pytest.evidence.kept_fields import PROMETHEUS_TARGET
from aicr_pytest.evidence.timeline import Timeline
from aicr_pytest.monitoring.prometheus import Prometheus, Reply, Target
from aicr_pytest.requirements.ai_service_metrics.counters import (
    Key,
    ServerMetrics,
    gained,
    keyed,
    waiting,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence

_COUNTED, _WAITING = "requests counted", "requests waiting"
_UNITS = {_COUNTED: "requests", _WAITING: "requests"}


class CounterRecorder:
    """Looks at all series of a service at once, and notes them in a timeline.

    What belongs together is read by one query: the next one may be answered by another replica of
    Prometheus, which scraped at another time.
    """

    def __init__(
        self,
        prometheus: Prometheus,
        metrics: ServerMetrics,
        expression: str,
        clock: Clock = utc_now,
    ) -> None:
        self._prometheus = prometheus
        self._metrics = metrics
        self._expression = expression
        self._clock = clock
        self._first: dict[Key, float] | None = None
        self._last: Reply | None = None
        self.timeline = Timeline(f"Requests, as {prometheus} shows them", _UNITS)
        self.peak = 0.0
        """The highest number of waiting requests that was shown."""

    @property
    def before(self) -> Mapping[Key, float]:
        """What the first look showed."""
        return self._first or {}

    def look(self) -> dict[Key, float]:
        """What every series shows now."""
        self._last = self._prometheus.look(self._expression)
        values = keyed(self._last.series)
        if self._first is None:
            self._first = values
        queue = waiting(values, self._metrics)
        self.peak = max(self.peak, queue or 0.0)
        counted = [gain for key, gain in gained(self._first, values).items()
                   if key[0] == self._metrics.counter]  # fmt: skip
        self.timeline.sample(
            self._clock(), **{_COUNTED: max(counted, default=None), _WAITING: queue}
        )
        return values

    def until(
        self,
        what: str,
        waiter: "Waiter",
        faults: Callable[[Mapping[Key, float]], Sequence[str]],
    ) -> tuple[Mapping[Key, float], str]:
        """Look until nothing is wrong any more.

        Returns:
            The look that decides, i.e. the one without faults or the last one, and why it has some.
        """
        seen: Mapping[Key, float] = {}

        def look() -> Sequence[str]:
            nonlocal seen
            seen = self.look()
            return faults(seen)

        try:
            waiter.poll(
                f"{self._prometheus}: {what}",
                look,
                until=lambda found: not found,
                describe=lambda found: "; ".join(found) or "all of it",
                timeout=waiter.deadlines.samples_follow,
            )
        except WaitTimeout as error:
            return seen, str(error)
        return seen, ""

    def mark(self, text: str) -> None:
        """Note a deed of ours."""
        self.timeline.mark(self._clock(), text)

    def keep(self, title: str) -> None:
        """Make the last look part of the evidence, verbatim."""
        if self._last is not None:
            self._prometheus.keep(title, self._last)


def show_gains(
    evidence: "CheckEvidence",
    prometheus: Prometheus,
    name: str,
    before: Mapping[Key, float],
    after: Mapping[Key, float],
    sent: int,
) -> None:
    """A table of what each series of a name gained."""
    rows = [
        [key[0], dict(key[1]).get("instance", ""), f"{before.get(key, 0):g}",
         f"{after.get(key, 0):g}", f"{gain:g}", str(sent)]
        for key, gain in sorted(gained(before, after).items())
        if key[0] == name
    ]  # fmt: skip
    evidence.table(
        f"{name} before and after {sent} requests",
        ["series", "instance", "before", "after", "gained", "sent"],
        rows,
        source=f"{prometheus}",
        compare=["gained", "sent"],
    )


def targets_of(prometheus: Prometheus, namespace: str, pod: str) -> list[Target] | None:
    """The targets of a pod; None where the API does not tell targets."""
    targets = prometheus.targets()
    if targets is None:
        return None
    return [target for target in targets if _is_of(target, namespace, pod)]


def _is_of(target: Target, namespace: str, pod: str) -> bool:
    told = {**target.discovered, **target.labels}
    if namespace not in {told.get("namespace"), told.get("__meta_kubernetes_namespace")}:
        return False
    pods = {told.get("pod"), told.get("__meta_kubernetes_pod_name")} - {None}
    return not pods or pod in pods


def shown(targets: Sequence[Target] | None) -> str:
    """Targets in a line, for people."""
    if targets is None:
        return "the API tells no targets"
    return "; ".join(map(str, targets)) or "no target of it is known"


def as_json(target: Target) -> dict[str, object]:
    """A target for the evidence, with the labels that tell whose it is."""
    told = {
        "scrapePool": target.pool,
        "scrapeUrl": target.url,
        "health": target.health,
        "lastError": target.error,
        "labels": dict(target.labels),
    }
    kept: dict[str, object] = reduce_to(PROMETHEUS_TARGET, told)
    return kept
