"""The monitoring system has to have new samples of every accelerator that exporters show."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.errors import DoesNotApply, ProbeFailed, SolutionAbsent
from aicr_pytest.monitoring.prometheus import Series
from aicr_pytest.requirements.accelerator_metrics.trial import Collection
from tests.conformance import test_accelerator_metrics as suite
from tests.unit.requirements.accelerator_metrics.test_readings import (
    TWO,
    UTILIZATION,
    both,
    exposed,
    gpu,
)
from tests.unit.requirements.accelerator_metrics.test_trial import GOOD, Nodes, metrics, no_sleep
from tests.unit.requirements.judging import words_of

__all__ = ["no_sleep"]


class Prometheus:
    """Shows these accelerators, later and later."""

    def __init__(self, *shown: list[str]) -> None:
        self.shown = list(shown)
        self.asked: list[str] = []
        self.titles: list[str] = []

    def __str__(self) -> str:
        return "Prometheus"

    def now(self) -> float:
        return 100.0

    def query(self, expression: str, title: str = "") -> list[Series]:
        self.asked.append(expression)
        self.titles += [title] if title else []
        shown = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        return [Series(labels={"UUID": one}, value=1.0, at=1.0) for one in shown]


def test_collection_asks_for_every_name_that_is_used() -> None:
    active = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    prometheus = Prometheus(["GPU-a", "GPU-b"])

    metrics(Nodes(exposed(*both("GPU-a"), gpu(active, "GPU-b", 0.5))), prometheus)[0].collection()

    new = f"timestamp({UTILIZATION}) > 100.000 or timestamp({active}) > 100.000"
    assert prometheus.asked == [new, UTILIZATION, active]


def test_collection_is_of_new_samples_of_what_exporters_show() -> None:
    prometheus = Prometheus(["GPU-a"], ["GPU-a", "GPU-b", "GPU-other"])

    seen = metrics(Nodes(GOOD), prometheus)[0].collection()

    both_of_them = frozenset({"GPU-a", "GPU-b"})
    assert seen == Collection(exposed=both_of_them, collected=both_of_them, late="")
    assert prometheus.asked == [f"timestamp({UTILIZATION}) > 100.000"] * 2 + [UTILIZATION]
    assert prometheus.titles == [f"{UTILIZATION} in the monitoring system"]


def test_accelerators_of_every_node_have_to_be_collected() -> None:
    nodes = Nodes(exposed(*both("GPU-a")))
    nodes.told["node-1"] = (TWO, [exposed(*both("GPU-b"), *both("GPU-c"))])

    seen = metrics(nodes, Prometheus(["GPU-b"]))[0].collection()

    assert seen.exposed == {"GPU-a", "GPU-b", "GPU-c"}
    assert seen.collected == {"GPU-b"}
    assert seen.late.startswith(f"Prometheus: new samples of {UTILIZATION}: not within")
    assert seen.because() == f"{seen.late}; no new sample of GPU-a, GPU-c"


def test_monitoring_system_that_fails_is_no_lack_of_samples() -> None:
    class Failing(Prometheus):
        def query(self, expression: str, title: str = "") -> list[Series]:
            self.titles += [title] if title else []
            if not title:
                raise ProbeFailed("Prometheus is gone")
            return []

    prometheus = Failing([])

    with pytest.raises(ProbeFailed, match="Prometheus is gone"):
        metrics(Nodes(GOOD), prometheus)[0].collection()
    assert prometheus.titles == [f"{UTILIZATION} in the monitoring system"]


def test_accelerator_that_is_never_collected_is_seen() -> None:
    seen = metrics(Nodes(GOOD), Prometheus(["GPU-a"]))[0].collection()

    assert sorted(seen.exposed) == ["GPU-a", "GPU-b"]
    assert sorted(seen.collected) == ["GPU-a"]
    assert "not within" in seen.late
    assert "1 of 2 accelerators" in seen.late
    assert seen.because().endswith("; no new sample of GPU-b")


def test_without_readings_or_monitoring_there_is_nothing_to_collect() -> None:
    with pytest.raises(DoesNotApply, match="expose no utilization"):
        metrics(Nodes(exposed()))[0].collection()

    class Absent:
        @property
        def prometheus(self) -> None:
            raise SolutionAbsent("There is no Prometheus.")

    looked_at, _ = metrics(Nodes(GOOD))
    looked_at._monitoring = Absent()  # type: ignore[assignment]
    with pytest.raises(DoesNotApply, match=r"There is no Prometheus\."):
        looked_at.collection()


@pytest.mark.parametrize(
    ("wanted", "got", "words"),
    [
        ("ab", "ab", ""),
        ("ab", "a", "late; no new sample of b"),
        ("", "", "the exporters show no accelerator"),
    ],
)
def test_everything_that_is_exposed_has_to_be_collected(wanted: str, got: str, words: str) -> None:
    seen = Collection(exposed=frozenset(wanted), collected=frozenset(got), late="late")
    given: Any = SimpleNamespace(collection=lambda: seen)

    assert words_of(lambda: suite.test_monitoring_system_collects_every_accelerator(given)) == words
