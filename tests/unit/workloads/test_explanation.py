"""A check that did not pass keeps what explains it."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import EVENT, Kind
from aicr_pytest.errors import ApiError, ApiUnreachable, NoCapacity
from aicr_pytest.run.check_run import Running
from aicr_pytest.workloads.explanation import explain
from tests.unit.reports.gallery import Gallery

PENDING = {
    "metadata": {"name": "gpu", "uid": "1", "namespace": "aicr-1"},
    "spec": {"containers": [{"name": "probe"}]},
    "status": {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
            }
        ],
    },
}
SAID = {
    "involvedObject": {"kind": "Pod", "name": "gpu", "uid": "1"},
    "reason": "FailedScheduling",
    "message": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
    "lastTimestamp": "2026-11-23T20:14:05Z",
}


def workspace(events: list[Any]) -> Any:
    def listed(kind: Kind, namespace: str) -> list[Any]:
        assert namespace == "aicr-1"
        return events if kind is EVENT else [PENDING]

    return SimpleNamespace(namespace="aicr-1", cluster=SimpleNamespace(list=listed))


def test_pods_events_and_the_schedulers_words_are_kept(tmp_path: Path) -> None:
    evidence = Gallery(tmp_path / "out").check("dra_support", "test_x")

    explain(workspace([SAID]), evidence)

    pods, events, whole = evidence.record.observations
    table = json.loads((tmp_path / "out" / events.file).read_text("utf-8"))
    assert table["rows"][0][1:] == ["Pod gpu", "FailedScheduling", SAID["message"]]
    assert "Insufficient nvidia.com/gpu" in (tmp_path / "out" / pods.file).read_text("utf-8")
    assert whole.title == "Pod gpu"


def test_many_events_lose_their_oldest(tmp_path: Path) -> None:
    evidence = Gallery(tmp_path / "out").check("dra_support", "test_x")
    old = [{**SAID, "lastTimestamp": f"2026-11-23T20:{n:02d}:00Z"} for n in range(60)]

    explain(workspace(old[::-1]), evidence)

    table = json.loads((tmp_path / "out" / evidence.record.observations[1].file).read_text("utf-8"))
    times = [row[0] for row in table["rows"]]
    assert (len(times), times[-1]) == (40, "2026-11-23T20:59:00Z")


def asked(error: BaseException, witness: Any, tmp_path: Path, *, hurried: bool = False) -> Any:
    evidence = Gallery(tmp_path / "out").check("dra_support", "test_x")
    hurry = threading.Event()
    if hurried:
        hurry.set()
    run = SimpleNamespace(witnesses=[witness], hurried=hurry)
    running: Any = SimpleNamespace(run=run, evidence=evidence)
    Running._keep_what_explains(running, error)
    return evidence.record


def test_witnesses_are_asked_and_their_trouble_replaces_nothing(tmp_path: Path) -> None:
    def refused(evidence: Any) -> None:
        raise ApiError(403, "Forbidden", "pods is forbidden", request="GET /api/v1/pods")

    record = asked(NoCapacity("none is free"), refused, tmp_path)

    assert "forbidden" in record.facts["what explains it was not kept"]


@pytest.mark.parametrize(
    ("error", "hurried"), [(ApiUnreachable("gone"), False), (NoCapacity("none is free"), True)]
)
def test_nobody_is_asked_who_would_not_answer_or_for_whom_there_is_no_time(
    tmp_path: Path, error: Exception, *, hurried: bool
) -> None:
    record = asked(error, lambda one: one.fact("asked", "yes"), tmp_path, hurried=hurried)

    assert record.facts == {}
