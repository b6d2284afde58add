"""Measures a split with real requests, and keeps every answer as evidence."""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import ProbeFailed, WaitTimeout
from aicr_pytest.solutions.gateway import split
from aicr_pytest.solutions.gateway.client import Client, Target
from aicr_pytest.solutions.gateway.split import Answer

if TYPE_CHECKING:
    from aicr_pytest.evidence.check import CheckEvidence


class Meter:
    """Counts who answers."""

    def __init__(
        self, client: Client, waiter: Waiter, evidence: Callable[[], "CheckEvidence"]
    ) -> None:
        self._client = client
        self._waiter = waiter
        self._evidence = evidence

    def split_faults(self, where: Target, weights: Mapping[str, int]) -> list[str]:
        """In what the answers are not the split by these weights, as sentences.

        It is measured once a few requests look like it, or the deadline is over; and measured again
        before a miss counts.
        """
        self._settle(where, weights)
        answers = self._measure("The split", where, split.REQUESTS, weights)
        if missed := split.misses(answers, weights):
            self._evidence().fact("first measurement", "; ".join(missed))
            answers = self._measure("Confirmation", where, split.CONFIRMATION, weights)
            missed = split.misses(answers, weights)
        return missed

    def until_or_late(
        self, what: str, look: Callable[[], list[Answer]], until: Callable[[list[Answer]], bool]
    ) -> None:
        """Wait for a route to be in effect; who is late gets measured too, and judged by that."""
        try:
            self._waiter.poll(
                what,
                look,
                until=until,
                describe=split.summary,
                timeout=self._waiter.deadlines.route_in_effect,
            )
        except WaitTimeout as error:
            self._evidence().fact("late", str(error))

    def _settle(self, where: Target, weights: Mapping[str, int]) -> None:
        looks: list[tuple[str, str]] = []
        started = time.monotonic()

        def look() -> list[Answer]:
            answers, _ = self._client.count(where, split.SETTLING)
            looks.append((f"{time.monotonic() - started:.1f}", split.summary(answers)))
            return answers

        wanted = " and ".join(f"{weight} to {name}" for name, weight in weights.items())
        self.until_or_late(
            f"{where}: about {wanted}", look, lambda answers: split.is_near(answers, weights)
        )
        self._evidence().table(
            "Until the split is in effect",
            ("seconds", f"answers to {split.SETTLING} requests"),
            looks,
            source=f"requests to {where}",
        )

    def _measure(
        self, title: str, where: Target, requests: int, weights: Mapping[str, int]
    ) -> list[Answer]:
        started = time.monotonic()
        answers, execution = self._client.count(where, requests)
        seconds = time.monotonic() - started
        lines = (
            f"{one.status},{one.backend},{one.milliseconds},{json.dumps(one.detail)}\n"
            for one in answers
        )
        head = "status,backend,milliseconds,detail\n"
        self._evidence().csv(
            f"{title}: every answer", head + "".join(lines), source=execution.source
        )
        self._evidence().table(
            title,
            ("backend", "weight", "expected %", "lowest %", "highest %", "answers", "seen %"),
            [_row(one) for one in split.shares(answers, weights)],
            source=f"{len(answers)} requests to {where} in {seconds:.1f} s",
        )
        if len(answers) < requests and not split.lost(answers):
            raise ProbeFailed(
                f"Only {len(answers)} of {requests} requests were answered in {seconds:.0f} s, too"
                " few to judge a split."
            )
        return answers


def _row(one: split.Share) -> tuple[object, ...]:
    percents = (f"{value:.1f}" for value in (one.expected, one.lowest, one.highest))
    return one.backend, one.weight, *percents, one.count, f"{one.percent:.1f}"
