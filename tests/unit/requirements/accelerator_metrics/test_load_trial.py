"""Memory under load: what counts is the most that was seen since the load began."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.amd import EXPORTER
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import ProbeFailed
from aicr_pytest.monitoring.exposition import parse
from aicr_pytest.requirements.accelerator_metrics.load_trial import LoadTrial, _LoadResult
from aicr_pytest.requirements.accelerator_metrics.readings import Exposed


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
    load: Any = SimpleNamespace(
        on=lambda: None, off=lambda: None, seen=lambda: 1.0, lasting=lambda: 1.0
    )
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


def named(monkeypatch: pytest.MonkeyPatch, page: str, facts: dict[str, str]) -> str:
    """What AMD's exporter calls the accelerator of a pod that sees it by its bus id."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    answer = Exposed(
        node="node-1", pod="ns/e", exposition=parse(page, "text/plain"), answered_at=None
    )
    exporters: Any = SimpleNamespace(profile=EXPORTER, exposed_now=lambda _: [answer])
    observer = SimpleNamespace(awaiting=lambda *_: None)
    cluster: Any = SimpleNamespace(observer=observer)
    evidence: Any = SimpleNamespace(fact=facts.__setitem__)
    nothing: Any = None
    waiter = Waiter(cluster, deadlines=Deadlines(reading_follows=0.05))
    trial = LoadTrial(exporters, waiter, lambda: evidence, nothing)
    pod: Any = SimpleNamespace(
        held=lambda: ("0000:c1:00.0",),
        on=SimpleNamespace(name="node-1"),
        pod=SimpleNamespace(name="loaded", namespace="ours"),
    )
    return trial._name_of(pod)


PAGE = (Path(__file__).parent / "artefacts" / "amd.txt").read_text(encoding="utf-8")


def held_by_pod(serial: str, pod: str) -> str:
    """AMD's page, in which a pod of ours holds an accelerator."""
    return "\n".join(
        line.replace('namespace="",pod=""', f'namespace="ours",pod="{pod}"')
        if serial in line
        else line
        for line in PAGE.splitlines()
    )


def test_an_accelerator_without_a_common_name_is_found_by_the_pod_that_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts: dict[str, str] = {}

    assert named(monkeypatch, held_by_pod("690000000002", "loaded"), facts) == "690000000002/0"
    assert facts == {"0000:c1:00.0 of node-1 is to the exporter": "690000000002/0, of pod loaded"}


@pytest.mark.parametrize("pod", ["", "another"])
def test_where_no_series_is_known_to_be_of_the_accelerator_nothing_is_judged(
    monkeypatch: pytest.MonkeyPatch, pod: str
) -> None:
    with pytest.raises(ProbeFailed, match="tells accelerators by serial_number alone"):
        named(monkeypatch, held_by_pod("690000000002", pod), {})
