"""The ledger: every object by name, whatever becomes of its process."""

import pathlib
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import LEASE, NAMESPACE, POD
from aicr_pytest.cluster.ledger import Ledger, standing_in
from aicr_pytest.errors import ApiError, ApiUnreachable
from tests.unit.cluster.conftest import QUICK, RUN
from tests.unit.cluster.fake_api import FakeApi

SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aicr-x"}}


def pod(**metadata: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "aicr-x", **metadata}}


def names(ledger: Ledger) -> list[str]:
    return [str(entry) for entry in ledger.standing().entries]


@pytest.fixture
def noted(fake: FakeApi, tmp_path: pathlib.Path) -> Cluster:
    """A client whose ledger is a file."""
    return Cluster.connect(
        kubeconfig=fake.kubeconfig(tmp_path),
        run_id=RUN,
        patience=QUICK,
        ledger=Ledger(tmp_path / "gw0.ledger"),
    )


def test_what_is_made_stands_until_it_is_gone(noted: Cluster) -> None:
    noted.create(SPACE)
    noted.apply(pod(name="gpu"))

    assert names(noted.ledger) == ["Namespace aicr-x", "Pod aicr-x/gpu"]
    noted.delete(POD, "gpu", "aicr-x")
    assert names(noted.ledger) == ["Namespace aicr-x"]


def test_deletion_that_waits_for_something_leaves_it_standing(
    noted: Cluster, fake: FakeApi
) -> None:
    fake.gone_after["pods"] = None
    noted.create(pod(name="gpu"))

    noted.delete(POD, "gpu", "aicr-x")

    assert names(noted.ledger) == ["Pod aicr-x/gpu"]
    fake.remove("/api/v1/namespaces/aicr-x/pods/gpu")
    assert noted.find(POD, "gpu", "aicr-x") is None
    assert names(noted.ledger) == []


def test_namespace_that_is_gone_takes_its_contents_along(noted: Cluster) -> None:
    noted.create(SPACE)
    noted.create(pod(name="gpu"))

    noted.delete(NAMESPACE, "aicr-x")

    assert names(noted.ledger) == []


def test_refused_object_does_not_stand(noted: Cluster, fake: FakeApi) -> None:
    fake.refuse("POST", "/pods", 422, message="no", reason="Invalid")

    with pytest.raises(ApiError):
        noted.create(pod(name="gpu"))

    assert names(noted.ledger) == []


def test_object_whose_answer_was_lost_stands(noted: Cluster, fake: FakeApi) -> None:
    fake.refuse("POST", "/pods", times=1000, done_first=True)

    with pytest.raises(ApiUnreachable):
        noted.create(pod(name="gpu"))

    assert names(noted.ledger) == ["Pod aicr-x/gpu"]


def test_refusal_of_what_stands_already_does_not_strike_it_out(noted: Cluster) -> None:
    noted.create(pod(name="gpu"))

    with pytest.raises(ApiError):
        noted.create(pod(name="gpu"))

    assert names(noted.ledger) == ["Pod aicr-x/gpu"]


def test_name_that_the_api_server_makes_up_is_noted(noted: Cluster) -> None:
    made = noted.create(pod(generateName="gpu-"))

    assert names(noted.ledger) == [f"Pod aicr-x/{made['metadata']['name']}"]


def test_dry_run_makes_nothing(noted: Cluster) -> None:
    noted.create(pod(name="gpu"), dry_run=True)
    noted.apply(pod(name="gpu"), dry_run=True)

    assert names(noted.ledger) == []


def test_the_dead_are_read_and_half_a_line_is_passed_over(tmp_path: pathlib.Path) -> None:
    Ledger(tmp_path / "gw0.ledger").made(NAMESPACE, "aicr-x")
    Ledger(tmp_path / "gw1.ledger").made(LEASE, "aicr-1", "default")
    with (tmp_path / "gw0.ledger").open("a") as file:
        file.write('["gone", ["", "v1", "Namesp')

    standing = standing_in(tmp_path)

    assert [str(entry) for entry in standing.outermost] == [
        "Namespace aicr-x",
        "Lease default/aicr-1",
    ]


def test_object_of_another_process_with_the_same_name_stands(tmp_path: pathlib.Path) -> None:
    """A Lease is given back by one worker and taken by the next."""
    first, second = Ledger(tmp_path / "gw0.ledger"), Ledger(tmp_path / "gw1.ledger")
    second.made(LEASE, "aicr-1", "default")
    first.made(LEASE, "aicr-1", "default")
    first.gone(LEASE, "aicr-1", "default")

    assert [entry.name for entry in standing_in(tmp_path).entries] == ["aicr-1"]


def test_ledger_that_cannot_be_written_is_kept_in_memory(tmp_path: pathlib.Path) -> None:
    ledger = Ledger(tmp_path / "absent" / "gw0.ledger")

    ledger.made(NAMESPACE, "aicr-x")

    assert names(ledger) == ["Namespace aicr-x"]
