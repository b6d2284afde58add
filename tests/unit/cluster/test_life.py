"""Signs of life: which runs go on, and which Leases tell it."""

import datetime
import os
import subprocess
import sys
from typing import Any

import pytest

from aicr_pytest.cluster import labels, life, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.glance import other_runs
from aicr_pytest.cluster.kinds import LEASE, Object
from aicr_pytest.cluster.life import Life, process_mark, signs
from aicr_pytest.errors import LeftBehind
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.managed_fields import written_by

A, B = "20260101-101010-aaaa", "20260102-101010-bbbb"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
DENIED = 'x is forbidden: User "me" cannot create resource "leases" in API group "x"'


@pytest.fixture
def run(fake: FakeApi, tmp_path: Any) -> Cluster:
    """The client of a run."""
    return Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=A)


def ago(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def lease(fake: FakeApi, name: str = f"aicr-pytest-run-{A}", run: str = A, **spec: Any) -> Object:
    notes = {"aicr-pytest/process": spec.pop("process", "")}
    metadata = {"name": name, "labels": labels.run_labels(run), "annotations": notes}
    return fake.put(LEASES, {"metadata": metadata, "spec": spec})


def test_process_gives_one_lease_that_names_it_and_takes_it_away(
    run: Cluster, fake: FakeApi
) -> None:
    one = Life(run, worker="gw3")
    one.begin()
    one.begin()

    (made,) = run.list(LEASE, names.LEASES_IN)
    assert made["metadata"]["name"] == f"aicr-pytest-run-{A}-gw3"
    assert made["spec"]["holderIdentity"] == f"{A}/gw3"
    assert made["metadata"]["annotations"] == {"aicr-pytest/process": process_mark(os.getpid())}
    assert names.can_be_of(A, LEASE, one.name, "default")

    one.end()
    one.end()
    assert run.list(LEASE, names.LEASES_IN) == []


def test_lease_is_renewed_and_made_anew_where_somebody_took_it_away(
    run: Cluster, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "_RENEW_EVERY", 0.01)
    path = f"{LEASES}/aicr-pytest-run-{A}"
    one = Life(run)
    one.begin()
    first = fake.objects[path]["metadata"]["uid"]

    with fake.changed:
        assert fake.changed.wait_for(lambda: bool(fake.asked("PATCH", path)), 5)
    fake.remove(path)
    with fake.changed:
        assert fake.changed.wait_for(lambda: path in fake.objects, 5)

    assert fake.objects[path]["metadata"]["uid"] != first
    one.end()
    assert path not in fake.objects


def test_who_may_have_no_leases_runs_without_a_sign(run: Cluster, fake: FakeApi) -> None:
    fake.refuse("POST", "/leases", 403, reason="Forbidden", message=DENIED)

    one = Life(run)
    one.begin()
    one.end()

    assert fake.asked("DELETE", "") == []


def test_lease_that_cannot_be_taken_away_is_left_behind(run: Cluster, fake: FakeApi) -> None:
    one = Life(run)
    one.begin()
    fake.refuse("DELETE", "/leases", 403, reason="Forbidden", message=DENIED)

    with pytest.raises(LeftBehind, match=f"aicr-pytest clean --run {A}"):
        one.end()


def test_lease_counts_while_it_is_renewed(run: Cluster, fake: FakeApi) -> None:
    lease(fake, renewTime=ago(25), leaseDurationSeconds=30)
    assert str(signs(run)[A]).startswith(f"run {A} goes on: Lease default/aicr-pytest-run-{A} was")

    lease(fake, renewTime=ago(32), leaseDurationSeconds=30)
    assert signs(run) == {}


@pytest.mark.parametrize(
    "spec",
    [
        {"renewTime": ago(3600), "leaseDurationSeconds": 2147483647},
        {"renewTime": "2099-01-01T00:00:00Z", "leaseDurationSeconds": 30},
        {"renewTime": "2099-01-01T00:00:00Z", "leaseDurationSeconds": 2147483647},
        {"renewTime": ago(40), "leaseDurationSeconds": "endless"},
        {"renewTime": "yesterday", "leaseDurationSeconds": 30},
        {"renewTime": 7, "leaseDurationSeconds": 30},
        {"renewTime": ago(40), "leaseDurationSeconds": float("nan")},
        {"renewTime": ago(1), "leaseDurationSeconds": -1},
        {"renewTime": ago(3600), "leaseDurationSeconds": 10**4000},
        {"renewTime": ago(1), "leaseDurationSeconds": -(10**4000)},
        {"leaseDurationSeconds": 30},
        {},
    ],
)
def test_no_lease_protects_a_run_for_ever(run: Cluster, fake: FakeApi, spec: Object) -> None:
    lease(fake, **spec)

    assert signs(run) == {}


def test_clock_of_the_api_server_counts_where_that_of_the_run_is_wrong(
    run: Cluster, fake: FakeApi
) -> None:
    made = lease(fake, renewTime=ago(7200), leaseDurationSeconds=30)
    written_by("aicr-pytest", made)

    assert set(signs(run)) == {A}


def test_process_of_this_machine_that_is_gone_gives_no_sign(run: Cluster, fake: FakeApi) -> None:
    fresh: Object = {"renewTime": ago(1), "leaseDurationSeconds": 30}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        mark = process_mark(other.pid)
        lease(fake, process=mark, **fresh)
        lease(fake, name="aicr-pytest-node-0-0", **fresh)
        assert set(signs(run)) == {A}
        other.kill()
    assert signs(run) == {}

    # Another machine's, or one that does not tell, is believed.
    for unknown in (f"another{mark}", "nonsense", ""):
        lease(fake, process=unknown, **fresh)
        assert set(signs(run)) == {A}


def test_copies_of_leases_under_other_names_give_no_sign(run: Cluster, fake: FakeApi) -> None:
    fresh: Object = {"renewTime": ago(1), "leaseDurationSeconds": 30}
    lease(fake, name="my-own", **fresh)
    lease(fake, name="aicr-pytest-node-0-1", run="mine", **fresh)

    assert signs(run) == {}


# -- what the next run says ----------------------------------------------------------------------


def home(run: Cluster) -> str:
    name = names.namespace_name(run.run_id, "test_dra_support", "0a1b")
    run.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for pod in ("gpu", "other"):
        metadata = {"name": pod, "namespace": name}
        run.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    return name


def test_what_another_run_has_left_is_counted_with_the_way_out(
    run: Cluster, fake: FakeApi, tmp_path: Any
) -> None:
    where = home(run)
    labelled = {"labels": labels.run_labels(A)}
    fake.put("/api/v1/namespaces", {"metadata": {"name": "prod", **labelled}})
    fake.put("/api/v1/namespaces/prod/pods", {"metadata": {"name": "web", **labelled}})
    mine = {"metadata": {"name": "aicr-010-aaaa-mine-00", **labelled}}
    fake.put("/api/v1/namespaces", written_by("kubectl-create", mine))
    next_run = Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=B)
    fake.requests.clear()

    (told,) = other_runs(next_run)

    assert str(told) == (
        f"run {A} has left: 1 namespace ({where}), 2 pods; aicr-pytest clean --run {A}"
    )
    assert len(fake.requests) <= 7
    assert other_runs(run) == ()


def test_run_that_goes_on_is_told_as_such(run: Cluster, fake: FakeApi, tmp_path: Any) -> None:
    home(run)
    lease(fake, renewTime=ago(3), leaseDurationSeconds=30)
    next_run = Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=B)

    (told,) = other_runs(next_run)

    assert str(told).startswith(f"run {A} goes on: ")
    assert "clean" not in str(told)


def test_who_may_not_look_for_other_runs_hears_nothing_of_them(
    run: Cluster, fake: FakeApi, tmp_path: Any
) -> None:
    home(run)
    fake.refuse("GET", "labelSelector", 403, reason="Forbidden", message=DENIED, times=99)

    assert other_runs(Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=B)) == ()
