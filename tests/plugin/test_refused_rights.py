"""A run that lacks one right of those that every check needs: nobody is accused, nothing is lost.

Which rights a requirement needs beyond them, and what becomes of their refusals, is shown without a
run: ``tests/unit/cluster/test_refused_rights.py``, ``tests/unit/requirements/test_refusals.py``.
"""

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from aicr_pytest.accelerators import device_taints
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.evidence.record import read_records
from aicr_pytest.requirements.rights import all_needs
from tests.plugin.living_api import LivingApi, Session
from tests.unit.cluster.authorizer import Authorizer
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.fake_websocket import WebSocket

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

NEEDS = [need for need in all_needs() if need.feature == "every check"]
NOT_USED = {"get pods", "patch leases", "watch leases", "watch namespaces"}
"""Here; of what takes long, or is somebody else's turn."""
NOT_MISSED = {"list devicetaintrules"}
"""Who may not list them learns of a tainted device from the scheduler."""
MOMENT = 0.2
"""Seconds that everything takes which is waited for."""
MODULE = """
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    @pytest.fixture(scope="module", autouse=True)
    def right(aicr_cluster):
        aicr_cluster.raw("GET", "/without/{number}")
        yield
        aicr_cluster.raw("GET", "/without/nothing")

    @pytest.fixture(scope="module")
    def pod(right, aicr_accelerators, aicr_exclusive, aicr_workspace):
        aicr_accelerators.now(aicr_accelerators.sample_nodes())
        aicr_exclusive(1)
        return aicr_workspace.at().pod({{
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {{"name": "probe"}},
            "spec": {{"containers": [{{"name": "probe", "image": "probe"}}]}},
        }})

    @pytest.mark.aicr_check(basis="text", accelerators=1)
    def test_{number}(pod):
        pod.ready()
        assert pod.run("true").exit_code == 0
"""


class RunningApi(LivingApi):
    """Runs pods and commands in them, and lacks the right that the module at work has named."""

    def __init__(self) -> None:
        super().__init__()
        self.gone_after = dict.fromkeys(("namespaces", "pods", "priorityclasses"), MOMENT)
        for version in device_taints.VERSIONS:
            served = {"name": "devicetaintrules", "kind": "DeviceTaintRule", "namespaced": False}
            self.resources[f"/apis/resource.k8s.io/{version}"] = [served]
        self.resources["/apis/resource.k8s.io/v1"] = [
            {"name": "resourceslices", "kind": "ResourceSlice", "namespaced": False}
        ]
        self.authorizers = [Authorizer(without=need) for need in NEEDS]
        self.texts |= {f"/without/{number}": "" for number in (*range(len(NEEDS)), "nothing")}
        self._authorizer: Authorizer | None = None
        self.objection = self._object

    def put(self, collection: str, obj: Object) -> Object:
        if collection == "/api/v1/namespaces":
            made = FakeApi.put(self, collection, obj)
            self.later(MOMENT, lambda: super(RunningApi, self).put(collection, obj))
            return made
        made = super().put(collection, obj)
        if collection.endswith("/pods") and "status" not in obj:
            path = f"{collection}/{obj['metadata']['name']}"
            self.streams[f"{path}/exec"] = _succeed
            self.later(MOMENT, lambda: self.change(path, _run))
        return made

    def _object(self, method: str, target: str) -> str:
        if target.startswith("/without/"):
            number = target.rpartition("/")[2]
            self._authorizer = self.authorizers[int(number)] if number.isdigit() else None
        return self._authorizer.objection(method, target) if self._authorizer else ""


def _run(pod: Object) -> None:
    containers = pod["spec"]["containers"]
    pod["spec"]["nodeName"] = "gpu-1"
    pod["status"] = {
        "phase": "Running",
        "conditions": [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Ready")],
        "containerStatuses": [
            {"name": one["name"], "ready": True, "state": {"running": {}}} for one in containers
        ],
    }


def _succeed(socket: WebSocket, query: dict[str, list[str]]) -> None:
    socket.send(b'\x03{"metadata":{},"status":"Success"}')


@pytest.mark.parametrize("verb", sorted({need.verb for need in NEEDS}))
def test_without_a_right_nobody_is_accused(project: "Project", verb: str) -> None:
    numbers = [number for number, need in enumerate(NEEDS) if need.verb == verb]
    shutil.rmtree(project.path / ".package")
    project.suite(**{f"m{n}": MODULE.format(number=n) for n in [*numbers, "nothing"]})

    api = RunningApi()
    with api, Session(project, api, "-p", "no:cacheprovider") as session:
        session.end()

    records = {record.check: record for record in read_records(session.directory)}
    assert len(records) == len(numbers) + 1, session.said
    assert records.pop("test_nothing").outcome == "passed", session.said
    assert [complaint for n in numbers for complaint in _faults(api, n, records)] == []


def _faults(api: RunningApi, number: int, records: dict[str, Any]) -> list[str]:
    """What is wrong about a check that lacked a right: it says so itself, or of what it leaves."""
    need, record = NEEDS[number], records[f"test_{number}"]
    right = f"{need.verb} {need.rule.full_resource}"
    said = f"{record.message}\n{record.left_behind}"
    told = re.search(rf"{need.verb}\S* {re.escape(need.rule.full_resource)}", said) is not None
    used = bool(api.authorizers[number].refused)
    return [
        f"{right}: {fault}: {record.outcome}: {said}"
        for fault, is_so in {
            "accuses": record.outcome not in ("passed", "inconclusive"),
            "used, or not, against what is written here": used != (right not in NOT_USED),
            "does not name it": used and not told and right not in NOT_MISSED,
            "passes": record.outcome == "passed" and told and not record.left_behind,
        }.items()
        if is_so
    ]
