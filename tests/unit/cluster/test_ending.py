"""What is done at the end of a run about what its checks could not remove."""

import threading
from types import SimpleNamespace

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import LeftBehind
from aicr_pytest.run import leftovers
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.workspaces import fill, new_workspace

SAID = "unable to retrieve the complete list of server APIs: metrics.field.example/v1beta1"


def test_namespace_that_a_dead_api_keeps_is_not_waited_for_again(
    cluster: Cluster, waiter: Waiter, fake: FakeApi
) -> None:
    fake.gone_after["namespaces"] = None
    workspace = new_workspace(cluster, waiter)
    name = workspace.namespace
    fake.later(0.05, lambda: fill(fake, name))
    workspace.open()
    condition = {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": SAID}
    fake.change(
        f"/api/v1/namespaces/{name}",
        lambda obj: obj.update(kind="Namespace", status={"conditions": [condition]}),
    )
    with pytest.raises(LeftBehind):
        workspace.close()
    run = SimpleNamespace(
        cluster=cluster,
        waiter=waiter,
        standing=cluster.ledger.standing(),
        settings=SimpleNamespace(keep="never"),
        outage=SimpleNamespace(sit_out=lambda _what, look, _waiter: look()),
        hurried=threading.Event(),
    )
    asked = len(fake.asked("DELETE", name))

    (line,) = leftovers.remove(run, str, leaving=lambda: False)  # type: ignore[arg-type]

    assert SAID in line
    assert len(fake.asked("DELETE", name)) == asked
