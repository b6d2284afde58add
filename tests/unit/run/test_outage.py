"""Sitting out an API server that gives no answer."""

import threading
from collections.abc import Callable

import pytest

from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import ApiUnreachable, LeftBehind, WaitTimeout
from aicr_pytest.run import outage
from aicr_pytest.run.outage import Outage
from tests.unit.cluster.conftest import Recorder


class ReplicaRecorder:
    """What a waiter needs of a cluster to poll."""

    observer = Recorder()


@pytest.fixture
def waiter() -> Waiter:
    return Waiter(ReplicaRecorder())  # type: ignore[arg-type]


def failing(error: Exception, times: int) -> tuple[list[int], Callable[[], None]]:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise error

    return calls, action


def test_deed_is_done_again_until_there_is_an_answer(
    waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    calls, action = failing(ApiUnreachable("503"), 3)

    Outage(threading.Event()).sit_out("Namespace x", action, waiter)

    assert len(calls) == 4


def test_silence_is_counted_once_for_all_deeds(
    waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PATIENCE", 0.0)
    sitting = Outage(threading.Event())
    calls, action = failing(ApiUnreachable("503"), 99)

    for _ in range(2):
        with pytest.raises(ApiUnreachable, match="503"):
            sitting.sit_out("Namespace x", action, waiter)

    assert len(calls) == 2


def test_nothing_is_sat_out_once_the_user_hurries(waiter: Waiter) -> None:
    hurried = threading.Event()
    hurried.set()
    calls, action = failing(ApiUnreachable("503"), 99)

    with pytest.raises(ApiUnreachable):
        Outage(hurried).sit_out("Namespace x", action, waiter)

    assert len(calls) == 1


@pytest.mark.parametrize("error", [LeftBehind("x stays"), WaitTimeout("not within 1 s")])
def test_answer_that_is_no_is_not_asked_for_again(waiter: Waiter, error: Exception) -> None:
    calls, action = failing(error, 99)

    with pytest.raises(type(error), match=str(error)):
        Outage(threading.Event()).sit_out("Namespace x", action, waiter)

    assert len(calls) == 1
