"""A recorder notes what its samples show, and ends where one of them shows what is awaited."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import EndpointSilent
from aicr_pytest.requirements.recorder import Recorder

AT = datetime.datetime(2026, 11, 23, 20, 0, tzinfo=datetime.UTC)


class Counting(Recorder[int]):
    """Samples that are given to it; an exception is raised."""

    def __init__(self, *samples: int | Exception) -> None:
        super().__init__("Things", {"things": ""}, 0, clock=lambda: AT)
        self._samples: Iterator[int | Exception] = iter(samples)

    def sample(self) -> int:
        seen = next(self._samples)
        if isinstance(seen, Exception):
            raise seen
        self.note(things=float(seen))
        return seen


@pytest.fixture
def waiter() -> Waiter:
    class Cluster:
        observer = Unobserved()

    cluster: Any = Cluster()
    return Waiter(cluster, scale=0.0)


def test_the_sample_that_shows_it_decides(waiter: Waiter) -> None:
    recorder = Counting(3)
    recorder.mark("begun")

    assert recorder.until(waiter, "three", lambda seen: seen == 3, 1.0) == (3, "")
    assert recorder.last == 3
    assert [mark.text for mark in recorder.timeline.marks] == ["begun"]
    assert [point.values for point in recorder.timeline.points] == [{"things": 3.0}]
    assert {point.at for point in recorder.timeline.points} == {AT}


def test_where_none_shows_it_the_last_one_is_given_and_why(waiter: Waiter) -> None:
    seen, why = Counting(2).until(
        waiter, "three", lambda seen: seen == 3, 1.0, describe=lambda seen: f"{seen} things"
    )

    assert seen == 2
    assert why == "three: not within 0 s.\n  Last seen: 2 things"


def test_what_is_silent_has_shown_nothing(waiter: Waiter) -> None:
    silent = EndpointSilent("no answer")

    assert Counting(silent).until(
        waiter, "three", lambda seen: seen == 3, 1.0, tolerate=(EndpointSilent,)
    ) == (0, "three: not within 0 s.\n  Last seen: no answer")
    with pytest.raises(EndpointSilent):
        Counting(silent).until(waiter, "three", lambda seen: seen == 3, 1.0)
