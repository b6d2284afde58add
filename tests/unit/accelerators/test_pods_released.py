"""What is on the books for a pod, what one waits for in vain, and that a release frees it."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster import admission
from aicr_pytest.errors import Inconclusive, NoCapacity, PolicyRefused
from tests.unit.accelerators.objects import claim
from tests.unit.accelerators.test_pods import A, B, StandIn, holding, sees
from tests.unit.accelerators.test_pods_told import bare, by_plugin
from tests.unit.requirements.kept import Kept

# On the books, and off them


def test_claim_that_is_reserved_for_another_is_not_on_the_books() -> None:
    pod = holding(sees(0), "gpu-0")
    assert pod.unallocated_access() == []

    held = claim("c", ("n0", "gpu-0"))
    pod._claim = lambda _: held
    reserved: list[dict[str, Any]] = [{"reservedFor": [{"uid": "u2"}]}, {"reservedFor": []}, {}]
    for status in reserved:
        held["status"] = claim("c", ("n0", "gpu-0"))["status"] | status
        assert pod.unallocated_access() == ["n0: pod ns/p: claim claim is not reserved for it"]


def test_count_of_a_plugin_is_that_of_kubelet() -> None:
    assert by_plugin(2, A, B, seen=sees(0, 1)).unallocated_access() == []
    assert by_plugin(1).unallocated_access() == []
    assert by_plugin(3, B, A, seen=sees(0, 1)).unallocated_access() == [
        f"n0: pod ns/p: 3 nvidia.com/gpu, but allocatedResourcesStatus has {A}, {B}"
    ]
    assert by_plugin(1, A, seen=sees(0, 1)).unallocated_access() == [
        "n0: pod ns/p reaches 2 devices, and kubelet gave 1 nvidia.com/gpu"
    ]


@pytest.mark.parametrize(
    ("gave", "nodes", "told"),
    [
        ({"nvidia.com/gpu": "1"}, (0,), ""),
        ({"nvidia.com/gpu": "1"}, (0, 1), "reaches 2 devices, and kubelet gave 1 nvidia.com/gpu"),
        ({"cpu": "1"}, (0,), "1 nvidia.com/gpu asked for, and kubelet gave 0"),
        ({}, (0, 1), ""),  # not told before Kubernetes 1.33
    ],
)
def test_what_kubelet_allocated_is_judged_and_not_what_was_asked_for(
    gave: dict[str, str], nodes: tuple[int, ...], told: str
) -> None:
    pod = by_plugin(1, seen=sees(*nodes))
    pod.pod.status["containerStatuses"] = [{"name": "main", "resources": {"limits": gave}}]
    kept = Kept()
    pod._evidence = lambda: kept

    assert " ".join(pod.unallocated_access()).endswith(told)
    assert bool(pod.unallocated_access()) is bool(told)
    tells = {"nvidia.com/gpu": "1, and no ids", "cpu": "0, and no ids"}
    assert kept.facts["what kubelet tells of p"] == tells.get(next(iter(gave), ""), "nothing")


def test_device_that_nothing_gave_is_not_on_the_books() -> None:
    assert bare(sees(0)).unallocated_access() == [
        "n0: pod ns/p holds a device that neither a claim nor nvidia.com/gpu gave it"
    ]


def test_claims_of_a_pod_are_told_with_what_they_hold() -> None:
    pod = holding(sees())
    pod.pod.spec["resourceClaims"] = [
        {"name": "t", "resourceClaimTemplateName": "t"},
        *({"name": name, "resourceClaimName": name} for name in ("new", "free", "none", "full")),
    ]
    statuses: dict[str, dict[str, Any]] = {"free": {"status": {"allocation": None}}, "new": {}}
    statuses |= {"none": {"status": {"allocation": {}}}}
    statuses["full"] = claim("full", ("n0", "gpu-0"), ("n1", "gpu-1"))
    pod._claim = statuses.__getitem__

    assert pod.allocated() == [
        "n0: pod ns/p: claim full holds n0/gpu-0",
        "n0: pod ns/p: claim full holds n1/gpu-1",
    ]
    statuses["none"]["status"]["allocation"] = {"devices": {}}
    assert len(pod.allocated()) == 2
    del pod.pod.spec["resourceClaims"]
    assert pod.allocated() == []


# Waiting for what does not come, and giving back


class Waiting(StandIn):
    """A pod that the scheduler keeps without a node."""

    first, then = "1 Insufficient nvidia.com/gpu", ""

    @property
    def sent(self) -> dict[str, Any]:
        limits = {"nvidia.com/gpu": "9"}
        return {"spec": {"containers": [{"name": "main", "resources": {"limits": limits}}]}}

    def pending_reason(self) -> str:
        return f"0/1 nodes are available: {self.first}."

    def stays_pending(self, seconds: float) -> str:
        self.waited = seconds
        return self.then and f"0/1 nodes are available: {self.then}."


def waiting(first: str = Waiting.first, then: str = "", spec: Any = None) -> Any:
    pod = bare("")
    pod.pod = Waiting(seen={}, spec=spec or {}, status={})
    pod.pod.first, pod.pod.then = first, then
    return pod


def test_pod_that_waits_for_its_devices_says_what_the_scheduler_said_last() -> None:
    pod = waiting()

    assert pod.stays_pending(7) == "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    assert pod.pod.waited == 7
    later = "1 cannot allocate all claims"
    assert waiting("1 Insufficient cpu", later).stays_pending(7) == (
        f"0/1 nodes are available: {later}."
    )


def test_pod_that_waits_for_something_else_proves_nothing() -> None:
    with pytest.raises(NoCapacity) as caught:
        waiting(then="1 Insufficient cpu").stays_pending(7)
    assert str(caught.value).startswith(
        "n0: pod ns/p stays pending, and not for devices: 0/1 nodes are available: 1 Insuff"
    )
    with pytest.raises(Inconclusive, match="has not been taken from it"):
        waiting(spec={"schedulingGates": [{"name": "queue"}]}).stays_pending(7)
    other = waiting("1 Insufficient example.com/nic")
    with pytest.raises(NoCapacity):
        other.stays_pending(7)
    changed = waiting()
    changed.pod.changed = (admission.Change(field="runtimeClassName", made='"x"'),)
    with pytest.raises(PolicyRefused):
        changed.stays_pending(7)


def test_pod_that_waits_for_something_else_and_holds_a_device_is_no_excuse() -> None:
    pod = waiting(
        then="1 Insufficient cpu",
        spec={"resourceClaims": [{"name": "c", "resourceClaimName": "c"}]},
    )
    held = {"status": {"allocation": {"devices": {"results": [{"pool": "n0", "device": "gpu-0"}]}}}}
    pod._claim = lambda _: held

    assert pod.stays_pending(7) == "0/1 nodes are available: 1 Insufficient cpu."
    held["status"] = {}
    with pytest.raises(NoCapacity):
        pod.stays_pending(7)


def test_release_deletes_and_waits_until_every_claim_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pod, done = holding(sees(), "gpu-0"), []
    pod.pod.spec["resourceClaims"].insert(0, {"name": "t", "resourceClaimTemplateName": "t"})

    pod.pod.status = {
        "resourceClaimStatuses": [
            {"name": "t", "resourceClaimName": "made"},
            {"name": "none-needed"},
        ]
    }

    def wait(what: str, subjects: Any, **how: Any) -> None:
        done.append(what)
        ((kind, name, namespace),) = ((one.kind, one.name, one.namespace) for one in subjects)
        assert (kind.name, namespace) == ("ResourceClaim", "ns")
        assert how["timeout"] == 30
        allocated, other = claim(name, ("n0", "gpu-0")), claim("other", ("n0", "gpu-1"))
        free: list[Any] = [{"status": {"allocation": None}}, {"status": {}}, {}]
        states = [[{"metadata": allocated["metadata"], **one}] for one in free] + [[], [other]]
        assert [how["judge"]([viewed(those)]) for those in states] == [True] * 5
        assert how["describe"]([viewed([])]) == "free"
        assert how["judge"]([viewed([allocated])]) is None
        assert how["describe"]([viewed([allocated])]) == "allocated"

    def viewed(objects: Any) -> Any:
        return dict(enumerate(objects))

    pod.pod.delete = lambda: done.append("delete")
    pod.pod.gone = lambda: done.append("gone")
    pod.pod.waiter = SimpleNamespace(until=wait, deadlines=SimpleNamespace(claim_released=30))
    pod.pod.cluster = SimpleNamespace(delete=lambda *what: done.append(str(what[1:])))
    clock = iter([100.0, 107.5])
    monkeypatch.setattr("aicr_pytest.accelerators.releases.time.monotonic", lambda: next(clock))

    assert pod.release() == 7.5
    freed = [f"ResourceClaim ns/{name} to be released" for name in ("claim", "made")]
    assert done == ["delete", "gone", *freed, "('claim', 'ns')"]


def test_release_of_a_pod_without_claims_waits_for_none() -> None:
    pod, done = bare(""), []
    pod.pod.delete = pod.pod.gone = lambda: done.append("x")

    assert pod.release() < 5
    assert done == ["x", "x"]
