"""Leases on a real API server: turns between two runs, and what a killed run has left."""

import concurrent.futures
import time

import pytest

from aicr_lab.lab import Lab
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import LEASE
from aicr_pytest.cluster.leases import NAMESPACE, Leases, Share, Window
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import Inconclusive, NoCapacity

NODE = "node-of-the-test"


def share(wanted: int) -> list[list[Share]]:
    return [[Share(node=NODE, total=8, wanted=wanted)]]


def leases(lab: Lab, run: str, *, patience: float = 60.0) -> Leases:
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id=run)
    waiter = Waiter(cluster, deadlines=Deadlines(lease_granted=patience))
    return Leases(cluster, waiter, holder=run)


def held(lab: Lab) -> list[str]:
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id="looking")
    return [
        lease["spec"]["holderIdentity"]
        for lease in cluster.list(LEASE, NAMESPACE)
        if NODE in lease["metadata"]["name"]
    ]


def test_many_that_want_most_of_a_node_take_turns(lab: Lab) -> None:
    running: list[str] = []
    most: list[int] = []

    def work(run: str) -> None:
        with leases(lab, run).take(share(5)):
            running.append(run)
            most.append(len(running))
            # Others may try for a moment and give way.
            assert held(lab).count(run) == 5
            running.remove(run)

    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(work, [f"run-{number}" for number in range(4)]))

    assert most == [1, 1, 1, 1]
    assert held(lab) == []


def test_what_fits_is_held_at_the_same_time(lab: Lab) -> None:
    with leases(lab, "run-a").take(share(5)), leases(lab, "run-b").take(share(3)):
        assert sorted(held(lab)) == ["run-a"] * 5 + ["run-b"] * 3


def test_lease_of_a_dead_run_is_taken_over(lab: Lab) -> None:
    dead = leases(lab, "run-dead").take(share(8))
    _kill(dead)
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id="looking")
    for lease in dead.held:
        short = {"spec": {"leaseDurationSeconds": 2}}
        cluster.patch(LEASE, lease["metadata"]["name"], NAMESPACE, short)

    with leases(lab, "run-next").take(share(8)):
        with pytest.raises(Inconclusive, match="lost meanwhile"):
            _renew_and_release(dead)
        assert held(lab) == ["run-next"] * 8
    assert held(lab) == []


def test_whoever_waits_too_long_hears_who_holds_them(lab: Lab) -> None:
    with (
        leases(lab, "run-a").take(share(8)),
        pytest.raises(NoCapacity, match=f"run-a holds 8 of {NODE}"),
    ):
        leases(lab, "run-b", patience=2.0).take(share(1))


def _kill(window: Window) -> None:
    """As if the process were gone: nobody renews."""
    window._leases._stop.set()


def _renew_and_release(window: Window) -> None:
    window._leases._renew(window, window.held[0])
    window.release()


def test_lease_in_use_is_renewed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aicr_pytest.cluster.leases._RENEW_EVERY", 0.2)
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id="looking")
    with leases(lab, "run-a").take(share(1)) as window:
        name = window.held[0]["metadata"]["name"]
        made = window.held[0]["spec"]["renewTime"]
        deadline = time.monotonic() + 10
        while cluster.get(LEASE, name, NAMESPACE)["spec"]["renewTime"] == made:
            assert time.monotonic() < deadline
