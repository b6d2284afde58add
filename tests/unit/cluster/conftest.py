"""A fake API server, a client of it, and a record of what the client says."""

import dataclasses
import pathlib
from collections.abc import Iterator

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.messages import RetryPolicy
from aicr_pytest.cluster.observer import Execution
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from tests.unit.cluster.ended_runs import as_run, discovery, killed
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import workspace

__all__ = ["as_run", "discovery", "killed", "workspace"]

RUN = "run-1"
QUICK = RetryPolicy(seconds=0.6, first=0.01, longest=0.05, connect=1.0, read=2.0)


@dataclasses.dataclass
class Recorder:
    """An observer that remembers."""

    requests: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)
    executions: list[Execution] = dataclasses.field(default_factory=list)
    awaited: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        self.requests.append((method, path, status))

    def saw(self, execution: Execution) -> None:
        self.executions.append(execution)

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        self.awaited.append((what, seen))


@pytest.fixture
def fake() -> Iterator[FakeApi]:
    """An API server with nothing in it."""
    with FakeApi() as api:
        yield api


@pytest.fixture
def recorder() -> Recorder:
    """What the client says to whoever records the run."""
    return Recorder()


@pytest.fixture
def cluster(fake: FakeApi, recorder: Recorder, tmp_path: pathlib.Path) -> Cluster:
    """A client of the fake API server, with little patience."""
    return Cluster.connect(
        kubeconfig=fake.kubeconfig(tmp_path), run_id=RUN, observer=recorder, patience=QUICK
    )


@pytest.fixture
def waiter(cluster: Cluster) -> Waiter:
    """Waits that are over within a second or two."""
    return Waiter(
        cluster,
        deadlines=Deadlines(
            pod_ready=1.0,
            image_pull=2.0,
            image_refused=0.8,
            schedule=0.5,
            refusal_persists=0.7,
            pending_reason=0.5,
            pod_gone=0.5,
            claim_released=0.5,
            gang_gone=0.5,
            gateway_gone=0.5,
            namespace_gone=0.5,
            namespace_held=0.2,
            namespace_usable=0.5,
            object_gone=0.5,
        ),
    )
