"""Memory under load: what counts is the most that was seen since the load began."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.amd import EXPORTER
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial, _LoadResult


def faults(monkeypatch: pytest.MonkeyPatch, *under_load: float, before: float = 0.0) -> list[str]:
    """What is judged of a node that shows this memory before and during the load."""
    watch: Any = SimpleNamespace(
        node="n", identity="GPU-a", memory=0.0, memory_peak=before, mark_load=lambda *_: None
    )

    def linger(_: Any, seen: Any) -> None:
        for value in under_load:
            seen.memory, seen.memory_peak = value, max(seen.memory_peak, value)

    monkeypatch.setattr(LoadTrial, "_reaches", lambda *_: True)
    monkeypatch.setattr(LoadTrial, "_linger", linger)
    evidence: Any = SimpleNamespace(fact=lambda *_: None)
    exporters: Any = None
    waiter: Any = None
    trial = LoadTrial(exporters, waiter, lambda: evidence, lambda: (None, None))  # type: ignore[arg-type,return-value]
    load: Any = SimpleNamespace(on=lambda: None, off=lambda: None, seen=lambda: 1.0)
    busy: Any = SimpleNamespace(pod=SimpleNamespace(name="loaded"))
    course = _LoadResult()
    trial._play(busy, load, watch, course)
    return course.faults


def test_memory_that_rises_and_pauses_has_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, 48935.0, 0.0) == []


@pytest.mark.parametrize("before", [0.0, 48935.0])
def test_memory_that_never_rises_under_load_has_not(
    monkeypatch: pytest.MonkeyPatch, before: float
) -> None:
    (fault,) = faults(monkeypatch, 0.0, 0.0, before=before)

    assert "memory in use stays at 0" in fault


def test_where_no_series_is_known_to_be_of_the_accelerator_nothing_is_judged() -> None:
    exporters: Any = SimpleNamespace(profile=EXPORTER)
    busy: Any = SimpleNamespace(held=lambda: ("0000:c1:00.0",))
    nothing: Any = None
    trial = LoadTrial(exporters, nothing, nothing, nothing)

    with pytest.raises(ProbeFailed, match="tells accelerators by serial_number alone"):
        trial._run(busy, None)
