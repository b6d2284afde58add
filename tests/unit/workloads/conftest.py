"""The fake API server, and a client of it."""

from tests.unit.cluster.conftest import cluster, fake, recorder, waiter

__all__ = ["cluster", "fake", "recorder", "waiter"]
