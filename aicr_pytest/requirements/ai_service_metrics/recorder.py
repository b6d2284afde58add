"""A service as the monitoring system shows it: its targets, and its series look by look."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.evidence.clock import Clock, utc_now
from aicr_pytest.evidence.foreign import reduce_to
from aicr_pytest.evidence.kept_fields import PROMETHEUS_TARGET
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.monitoring.prometheus import Prometheus, Reply, Target
from aicr_pytest.requirements.ai_service_metrics.counters import (
    Key,
    ServerMetrics,
    gained,
    keyed,
    waiting,
)
from aicr_pytest.requirements.recorder import Recorder

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence

_COUNTED, _WAITING = "requests counted", "requests waiting"
_CHANGE = Picture(kind="change", parts={"name": "instance", "before": "before", "after": "after"})
_UNITS = {_COUNTED: "requests", _WAITING: "requests"}


class CounterRecorder(Recorder[Mapping[Key, float]]):
    """Records all series of a service at once.

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
        super().__init__(f"Requests, as {prometheus} shows them", _UNITS, {}, clock=clock)
        self._prometheus = prometheus
        self._metrics = metrics
        self._expression = expression
        self._first: dict[Key, float] | None = None
        self._reply: Reply | None = None
        self.peak = 0.0
        """The highest number of waiting requests that was shown."""

    @property
    def before(self) -> Mapping[Key, float]:
        """The first sample."""
        return self._first or {}

    def sample(self) -> dict[Key, float]:
        """See what every series shows now."""
        self._reply = self._prometheus.look(self._expression)
        values = keyed(self._reply.series)
        if self._first is None:
            self._first = values
        queue = waiting(values, self._metrics)
        self.peak = max(self.peak, queue or 0.0)
        counted = [gain for key, gain in gained(self._first, values).items()
                   if key[0] == self._metrics.counter]  # fmt: skip
        self.note(**{_COUNTED: max(counted, default=None), _WAITING: queue})
        return values

    def until_right(
        self,
        waiter: "Waiter",
        what: str,
        faults: Callable[[Mapping[Key, float]], Sequence[str]],
    ) -> tuple[Mapping[Key, float], str]:
        """Take samples until nothing is wrong any more.

        Returns:
            The sample without faults, or the last one, and why it has some.
        """
        return self.until(
            waiter,
            f"{self._prometheus}: {what}",
            lambda values: not faults(values),
            waiter.deadlines.samples_follow,
            describe=lambda values: "; ".join(faults(values)) or "all of it",
        )

    def keep(self, title: str) -> None:
        """Make the last sample part of the evidence, verbatim."""
        if self._reply is not None:
            self._prometheus.keep(title, self._reply)


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
        picture=_CHANGE,
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
