"""What is measured waits for a route to converge, and confirms a miss once before it counts."""

import itertools
import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.ai_inference.client import Client, Target
from aicr_pytest.requirements.ai_inference.measurement import Meter
from aicr_pytest.requirements.ai_inference.traffic_split import Answer, misses
from tests.unit.kept import Kept

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
        self.carried: list[dict[str, str] | None] = []

    def count(
        self, where: Target, requests: int, headers: dict[str, str] | None = None
    ) -> tuple[list[Answer], Execution]:
        assert where == WHERE
        self.asked.append(requests)
        self.carried.append(headers)
        first = round(next(self._shares) * (requests - self._lost))
        made = [Answer(status=200, backend="first")] * first
        made += [Answer(status=200, backend="second")] * (requests - self._lost - first)
        return [*made, *[Answer(status=503)] * self._lost], Execution()


class Nobody:
    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None: ...


class Cluster:
    observer = Nobody()


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def meter(
    gateway: Gateway, seconds: float, *, scale: float = 1.0, evidence: Kept | None = None
) -> Meter:
    """A meter with so much patience for a route."""
    cluster: Any = Cluster()
    client: Any = gateway
    kept: Any = evidence or Kept()
    waiter = Waiter(cluster, scale, deadlines=Deadlines(route_in_effect=seconds))
    checked: Client = client
    return Meter(checked, waiter, lambda: kept)


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

    assert losing.carried == [{"x-model": "a"}, {"x-model": "a"}, {}]
    assert [one.wanted for one in fine] == ["first", "first"]
    assert [one.carried for one in fine] == ["x-model: a", "no header"]
    assert [one.reached for one in fine] == [{"first"}, {"first"}]
    assert losing.asked == [10, 100, 100]
    assert [one.reached for one in wrong] == [{"first", "second"}] * 2
    assert straying.asked == [10, 100, 100, 100, 100]


def test_what_is_confirmed_decides() -> None:
    rules: list[tuple[dict[str, str], str]] = [({}, "first")]

    (routed,) = meter(Gateway(1.0, 0.99, 1.0), 0.0).by_header(WHERE, rules, since=0.0)

    assert routed.reached == {"first"}


@pytest.mark.parametrize(("scale", "asked"), [(1.0, [100, 1000]), (2.0, [100, 100, 1000])])
def test_time_of_a_route_is_as_long_as_the_user_stretches_it(
    scale: float, asked: list[int]
) -> None:
    gateway, changed = Gateway(0.5, 0.8), time.monotonic() - 1500

    meter(gateway, 1000.0, scale=scale).split(WHERE, WEIGHTS, since=changed)

    assert gateway.asked == asked


def test_header_that_is_looked_at_a_little_later_is_waited_for() -> None:
    gateway, since = Gateway(0.0, 0.0, 1.0), time.monotonic()

    (routed,) = meter(gateway, 5.0).by_header(WHERE, [({"a": "1", "b": "2"}, "first")], since=since)

    assert gateway.asked == [10, 10, 10, 100]
    assert (routed.carried, routed.because()) == ("a: 1, b: 2", "")


def test_as_many_answers_as_requests_are_enough_and_one_less_is_too_few() -> None:
    class Short(Gateway):
        def count(self, where: Target, requests: int, headers: Any = None) -> Any:
            answers, execution = super().count(where, requests, headers)
            return answers[:-1] if requests == 1000 else answers, execution

    with pytest.raises(ProbeFailed, match=r"Only 999 of 1000 requests were answered in 1 s"):
        faults(Short(0.8))


@pytest.fixture
def two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds pass whenever the meter reads the clock."""
    moments = itertools.count(100.0, 2.0)
    clock = SimpleNamespace(monotonic=lambda: next(moments))
    monkeypatch.setattr("aicr_pytest.requirements.ai_inference.measurement.time", clock)


def test_every_look_and_every_measurement_is_kept(two_seconds: None) -> None:
    evidence = Kept()

    meter(Gateway(0.5), 1.0, evidence=evidence).split(WHERE, WEIGHTS, since=90.0)

    said = f"{WHERE}: 80 to first and 20 to second: not within 0 s.\n  Last seen: 50 times 200"
    assert str(evidence.facts["late"]).startswith(said)
    (look,) = evidence.shown["Until the split is in effect"]
    assert list(look.values()) == ["12.0", "50 times 200 by first, 50 times 200 by second"]
    assert "answered 500 requests: 50.0 %" in str(evidence.facts["first measurement"])
    for title, sent in (("Shares of the backends", 1000), ("Confirmation", 2000)):
        first, second = evidence.shown[title]
        assert (first["backend"], first["expected %"], first["answers"]) == (
            "first", "80.0", sent // 2
        )  # fmt: skip
        assert (second["weight"], second["lowest %"], second["highest %"]) == (20, "15.0", "25.0")
        assert second["seen %"] == "50.0"
        assert evidence.sources[title] == f"{sent} requests to {WHERE} in 2.0 s"
        answers = evidence.shown[f"{title}: every answer"]
        assert len(answers) == sent
        assert answers[0] == {"status": 200, "backend": "first", "milliseconds": 0.0, "detail": ""}
        assert evidence.sources[f"{title}: every answer"] == Execution.source


def test_header_that_nobody_looks_at_is_told_and_where_its_requests_went() -> None:
    evidence = Kept()
    rules: list[tuple[dict[str, str], str]] = [({"a": "1"}, "second")]

    meter(Gateway(1.0), 0.0, evidence=evidence).by_header(WHERE, rules, since=0.0)

    assert str(evidence.facts["late"]).startswith(f"{WHERE}: the header is looked at: not within")
    assert "10 of 10 reached another backend" in str(evidence.facts["late"])
    assert evidence.shown["Routing by header"] == [
        {
            "request carries": "a: 1",
            "backend of the rule": "second",
            "answers": "100 times 200 by first",
        }
    ]
    assert evidence.sources["Routing by header"] == f"100 requests each to {WHERE}"
    assert [title for title, kept in evidence.shown.items() if isinstance(kept, Execution)] == [
        "Answers to requests with a: 1", "Confirmation with a: 1"
    ]  # fmt: skip
