"""What the objects of gangs say: why they wait, and what of it is kept."""

from types import SimpleNamespace
from typing import Any

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.gang_scheduling.recorder import Gang
from aicr_pytest.requirements.gang_scheduling.status import GangStatus
from tests.unit.requirements.served_cluster import ServedCluster

API = "example.test/v1"


def named(name: str) -> Object:
    return {"apiVersion": API, "kind": "PodGroup", "metadata": {"name": name}}


def group(name: str, says: str, namespace: str = "ns") -> Object:
    there = named(name)
    return {**there, "metadata": {"name": name, "namespace": namespace}, "status": says}


def gang(name: str) -> Gang:
    return Gang(name=name, objects=[], status_objects=[named(name)])


class Site:
    """A workspace with the objects of gangs, and what is kept of them."""

    def __init__(self, *there: Object) -> None:
        self.cluster = ServedCluster(f"{API} PodGroup", PodGroup=there)
        self.namespace = "ns"
        self.kept: list[tuple[str, Object, str]] = []
        self.workspaces = SimpleNamespace(at=lambda: self)
        self.evidence = SimpleNamespace(
            yaml=lambda title, obj, source: self.kept.append((title, obj, source))
        )


def status(site: Any) -> GangStatus:
    scheduler: Any = SimpleNamespace(message=lambda obj: obj["status"])
    return GangStatus(scheduler, site)


def test_gangs_tell_why_they_wait_where_their_objects_do() -> None:
    site = Site(group("a", "3 of 4"), group("b", ""), group("c", "not ours", namespace="other"))

    told = status(site).messages(gang("a"), gang("b"), gang("c"), gang("not-there"))

    assert told == ["3 of 4"]


def test_objects_of_gangs_are_kept_with_the_request_that_they_came_by() -> None:
    site = Site(group("a", "3 of 4"))
    recorded: list[Any] = []
    recorder: Any = SimpleNamespace(record=recorded.append)

    status(site).record(recorder, gang("a"), gang("not-there"))

    source = "GET /apis/example.test/v1/namespaces/ns/podgroups/a"
    assert site.kept == [("PodGroup a", group("a", "3 of 4"), source)]
    assert recorded == [site.evidence]
