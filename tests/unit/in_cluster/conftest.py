"""A fake API server, and signals as they were."""

import signal
from collections.abc import Iterator

import pytest

from tests.unit.cluster.conftest import fake

__all__ = ["fake"]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
