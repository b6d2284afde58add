"""Measures who answers real requests, and keeps every answer as evidence."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import ProbeFailed, WaitTimeout
from aicr_pytest.evidence.picture import Picture
from aicr_pytest.requirements.ai_inference import traffic_split
from aicr_pytest.requirements.ai_inference.client import Client, Target
from aicr_pytest.requirements.ai_inference.traffic_split import Answer, Routed

if TYPE_CHECKING:
    from aicr_pytest.cluster.observer import Execution
    from aicr_pytest.evidence.check import CheckEvidence

_SHARES = Picture(
    kind="shares",
    parts={"name": "backend", "value": "seen %", "low": "lowest %", "high": "highest %"},
)
_Rule = tuple[dict[str, str], str]
"""Headers of a request, and the backend that the route names for them."""


class Meter:
    """Counts who answers."""

    def __init__(
        self, client: Client, waiter: Waiter, evidence: Callable[[], "CheckEvidence"]
    ) -> None:
        self._client = client
        self._waiter = waiter
        self._evidence = evidence

    def split(self, where: Target, weights: Mapping[str, int], *, since: float) -> list[Answer]:
        """The answers that tell whether requests are split by these weights.

        It is measured once a few requests look like it, and again until it fits or the route has
        had its time; a miss is then confirmed.

        Args:
            since: when the route was changed, by the monotonic clock.
        """
        looks: list[tuple[str, str]] = []
        seen: list[tuple[list[Answer], Execution, float]] = []

        def look() -> list[str]:
            few, _ = self._count(where, traffic_split.SETTLING)
            looks.append((f"{time.monotonic() - since:.1f}", traffic_split.summary(few)))
            if not traffic_split.is_near(few, weights):
                return [traffic_split.summary(few)]
            # Who passes only after some misses gets more requests: luck is no convergence.
            seen.append(
                self._timed(where, traffic_split.CONFIRMATION if seen else traffic_split.REQUESTS)
            )
            return traffic_split.misses(seen[-1][0], weights)

        wanted = " and ".join(f"{weight} to {name}" for name, weight in weights.items())
        in_time = self._in_time(f"{where}: {wanted}", look, since)
        self._evidence().table(
            "Until the split is in effect",
            ("seconds since the change", f"answers to {traffic_split.SETTLING} requests"),
            looks,
            source=f"requests to {where}",
        )
        last = seen[-1] if in_time else self._timed(where, traffic_split.REQUESTS)
        self._record("Shares of the backends", where, last, weights)
        if missed := traffic_split.misses(last[0], weights):
            self._evidence().fact("first measurement", "; ".join(missed))
            last = self._timed(where, traffic_split.CONFIRMATION)
            self._record("Confirmation", where, last, weights)
        return last[0]

    def by_header(self, where: Target, rules: Sequence[_Rule], *, since: float) -> list[Routed]:
        """Where requests went by their headers, for each rule.

        Args:
            rules: the first of them tells whether the route is in effect.
            since: when the route was made, by the monotonic clock.
        """
        headers, backend = rules[0]

        def look() -> list[str]:
            answers, _ = self._client.count(where, traffic_split.HEADER_SETTLING, headers)
            return traffic_split.astray(answers, backend)

        self._in_time(f"{where}: the header is looked at", look, since)
        found = [self._routed(where, headers, backend) for headers, backend in rules]
        self._evidence().table(
            "Routing by header",
            ("request carries", "backend of the rule", "answers"),
            [(one.carried, one.wanted, traffic_split.summary(one.answers)) for one in found],
            source=f"{traffic_split.EACH} requests each to {where}",
        )
        return found

    def _routed(self, where: Target, headers: dict[str, str], backend: str) -> Routed:
        """Where requests of one kind went, asked again where some went astray."""
        carried = ", ".join(f"{key}: {value}" for key, value in headers.items()) or "no header"
        answers: list[Answer] = []
        for title in (f"Answers to requests with {carried}", f"Confirmation with {carried}"):
            answers, execution = self._count(where, traffic_split.EACH, headers)
            self._evidence().execution(execution, title)
            if not traffic_split.astray(answers, backend):
                break
        return Routed(carried=carried, wanted=backend, answers=tuple(answers))

    def _in_time(self, what: str, look: Callable[[], list[str]], since: float) -> bool:
        """Whether nothing is wrong any more before a route has had its time, said as evidence."""
        gone = (time.monotonic() - since) / self._waiter.scale
        left = max(0.0, self._waiter.deadlines.route_in_effect - gone)
        try:
            self._waiter.poll(
                what, look, until=lambda wrong: not wrong, describe="; ".join, timeout=left
            )
        except WaitTimeout as error:
            self._evidence().fact("late", str(error))
            return False
        return True

    def _count(
        self, where: Target, requests: int, headers: dict[str, str] | None = None
    ) -> tuple[list[Answer], "Execution"]:
        """Send requests.

        Raises:
            ProbeFailed: so slow that too few were answered, though none was lost.
        """
        answers, execution = self._client.count(where, requests, headers)
        if len(answers) < requests and not traffic_split.lost(answers):
            raise ProbeFailed(
                f"Only {len(answers)} of {requests} requests were answered in"
                f" {execution.seconds:.0f} s, too few to judge."
            )
        return answers, execution

    def _timed(self, where: Target, requests: int) -> tuple[list[Answer], "Execution", float]:
        started = time.monotonic()
        answers, execution = self._count(where, requests)
        return answers, execution, time.monotonic() - started

    def _record(
        self,
        title: str,
        where: Target,
        measured: tuple[list[Answer], "Execution", float],
        weights: Mapping[str, int],
    ) -> None:
        answers, execution, seconds = measured
        self._evidence().rows(
            f"{title}: every answer",
            ("status", "backend", "milliseconds", "detail"),
            [(one.status, one.backend, one.milliseconds, one.detail) for one in answers],
            source=execution.source,
        )
        self._evidence().table(
            title,
            ("backend", "weight", "expected %", "lowest %", "highest %", "answers", "seen %"),
            [_row(one) for one in traffic_split.shares(answers, weights)],
            source=f"{len(answers)} requests to {where} in {seconds:.1f} s",
            picture=_SHARES,
        )


def _row(one: traffic_split.Share) -> tuple[object, ...]:
    percents = (f"{value:.1f}" for value in (one.expected, one.lowest, one.highest))
    return one.backend, one.weight, *percents, one.count, f"{one.percent:.1f}"
