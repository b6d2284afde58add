"""What is measured waits for a route to converge, and confirms a miss once before it counts."""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.ai_inference.client import Client, Target
from aicr_pytest.requirements.ai_inference.measurement import Meter
from aicr_pytest.requirements.ai_inference.traffic_split import Answer, misses

WHERE = Target(address="10.0.0.1", port=80, host="x.test", path="/x")
WEIGHTS = {"first": 80, "second": 20}


class Execution:
    source = "`python3 client.py`"
    seconds = 1.0


class Gateway:
    """A client whose answers split as the shares say, one share per count; the last one stays."""

    def __init__(self, *shares: float, lost: int = 0) -> None:
        self._shares: Iterator[float] = itertools.chain(shares, itertools.repeat(shares[-1]))
        self._lost = lost
        self.asked: list[int] = []

    def count(
        self, where: Target, requests: int, headers: dict[str, str] | None = None
    ) -> tuple[list[Answer], Execution]:
        self.asked.append(requests)
        first = round(next(self._shares) * (requests - self._lost))
        made = [Answer(status=200, backend="first")] * first
        made += [Answer(status=200, backend="second")] * (requests - self._lost - first)
        return [*made, *[Answer(status=503)] * self._lost], Execution()


class Evidence:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class Nobody:
    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None: ...


class Cluster:
    observer = Nobody()


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def meter(gateway: Gateway, seconds: float) -> Meter:
    """A meter with so much patience for a route."""
    cluster: Any = Cluster()
    client: Any = gateway
    evidence: Any = Evidence()
    waiter = Waiter(cluster, deadlines=Deadlines(route_in_effect=seconds))
    checked: Client = client
    return Meter(checked, waiter, lambda: evidence)


def faults(gateway: Gateway, seconds: float = 5.0) -> Sequence[str]:
    return misses(meter(gateway, seconds).split(WHERE, WEIGHTS, since=time.monotonic()), WEIGHTS)


def test_split_that_is_in_effect_is_measured_once() -> None:
    gateway = Gateway(0.8)

    assert faults(gateway) == []
    assert gateway.asked == [100, 1000]


def test_gateway_amid_its_convergence_gets_the_time_that_it_has() -> None:
    gateway = Gateway(0.5, 0.7, 0.7, 0.7, 0.8)

    assert faults(gateway) == []
    assert gateway.asked == [100, 100, 1000, 100, 2000], "luck is no convergence"


def test_miss_is_confirmed_once_the_time_is_over() -> None:
    gateway = Gateway(0.5)

    (first, second) = faults(gateway, seconds=0.0)

    assert "first of weight 80 answered 1000 requests: 50.0 %" in first
    assert "second of weight 20 answered 1000 requests" in second
    assert gateway.asked == [100, 1000, 2000]


def test_too_few_answers_accuse_nobody() -> None:
    class Slow(Gateway):
        def count(self, where: Target, requests: int, headers: Any = None) -> Any:
            answers, execution = super().count(where, requests, headers)
            return answers[: requests // 2], execution

    with pytest.raises(ProbeFailed, match="Only 50 of 100 requests were answered"):
        faults(Slow(0.8))


def test_one_request_at_the_wrong_backend_is_confirmed_and_told_but_a_lost_one_is_not() -> None:
    rules: list[tuple[dict[str, str], str]] = [({"x-model": "a"}, "first"), ({}, "first")]
    losing, straying = Gateway(1.0, lost=1), Gateway(0.99)

    fine = meter(losing, 0.0).by_header(WHERE, rules, since=0.0)
    wrong = meter(straying, 0.0).by_header(WHERE, rules, since=0.0)

    assert [one.carried for one in fine] == ["x-model: a", "no header"]
    assert [one.reached for one in fine] == [{"first"}, {"first"}]
    assert losing.asked == [10, 100, 100]
    assert [one.reached for one in wrong] == [{"first", "second"}] * 2
    assert straying.asked == [10, 100, 100, 100, 100]


def test_what_is_confirmed_decides() -> None:
    rules: list[tuple[dict[str, str], str]] = [({}, "first")]

    (routed,) = meter(Gateway(1.0, 0.99, 1.0), 0.0).by_header(WHERE, rules, since=0.0)

    assert routed.reached == {"first"}
