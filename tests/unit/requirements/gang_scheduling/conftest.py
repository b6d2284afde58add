"""A clock that waits for nobody."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from aicr_pytest.requirements.gang_scheduling import recorder


@pytest.fixture(autouse=True)
def _seconds_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes whenever the recorder reads the clock."""
    moments: Iterator[int] = iter(range(10_000))
    clock = SimpleNamespace(monotonic=lambda: float(next(moments)))
    monkeypatch.setattr(recorder, "time", clock)
