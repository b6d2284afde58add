"""How often a server is asked again that does not answer, or says when to ask."""

import pathlib
import time
import types

import pytest

from aicr_pytest.cluster import transport
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.messages import Backoff, RetryPolicy
from aicr_pytest.errors import ApiUnreachable
from tests.unit.cluster.faulty_api import (
    PATIENCE,
    FaultyApi,
    connected,
    in_turn,
    page,
    reset,
    said,
)

NODES = "/api/v1/nodes"


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(RetryPolicy(first=0.1, longest=3.0))
    pauses = [backoff.pause() for _ in range(8)]

    for pause, own in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0], strict=True):
        assert 0.8 * own <= pause <= 1.2 * own


@pytest.mark.parametrize(
    ("said_after", "seconds"),
    [
        ("", 0.0),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", 0.0),
        ("7.5", 0.0),
        ("\u0667", 0.0),
        ("9" * 400, float("inf")),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(said_after: str, seconds: float) -> None:
    assert transport.retry_after(said_after, now=10.0) == seconds


def test_busy_server_that_wants_to_be_asked_at_once_is_not(tmp_path: pathlib.Path) -> None:
    busy = said({}, "Retry-After: 0", status=429)
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = in_turn(busy, busy, said(page()))

        assert cluster.list(NODE) == []
        assert api.count(NODES) == 3


def test_process_that_was_held_up_does_not_ask_without_a_pause(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_up = iter([2 * PATIENCE.seconds])  # between the first look at the clock and the next one
    clock = types.SimpleNamespace(
        time=time.time, monotonic=lambda: time.monotonic() - next(held_up, 0.0)
    )
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = reset
        monkeypatch.setattr(transport, "time", clock)

        with pytest.raises(ApiUnreachable):
            cluster.list(NODE)

        assert api.count(NODES) == 2
