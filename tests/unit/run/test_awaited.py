"""What workers note, as the controller reads it."""

import os
from pathlib import Path

from aicr_pytest.run.awaited import Awaited, Notes, Workers
from aicr_pytest.run.deaths import Deaths


def test_worker_that_waits_is_shown_with_its_requirement_and_what_it_sees(tmp_path: Path) -> None:
    Deaths(tmp_path, "gw0").busy_with("tests/conformance/test_dra_support.py::test_claim")
    Notes(tmp_path, "gw0").awaiting("ResourceClaim a/b", "pending", 3.0, 60.0)

    (one,) = Workers(tmp_path).awaited()

    assert (one.of, one.what, one.seen, one.timeout) == (
        "dra_support",
        "ResourceClaim a/b",
        "pending",
        60.0,
    )
    assert one.elapsed >= 3.0


def test_what_an_earlier_check_waited_for_is_over(tmp_path: Path) -> None:
    Notes(tmp_path, "gw0").awaiting("ResourceClaim a/b", "pending", 3.0, 60.0)
    note = next(tmp_path.glob("gw0*"))
    os.utime(note, (1, 1))
    Deaths(tmp_path, "gw0").busy_with("conformance/test_dra_support.py::test_pod_sees")

    assert [one.what for one in Workers(tmp_path).awaited()] == ["pod sees"]


def test_worker_that_waits_for_nothing_is_shown_with_its_check(tmp_path: Path) -> None:
    now = 100.0
    workers = Workers(tmp_path, lambda: now)
    deaths = Deaths(tmp_path, "gw0")
    deaths.busy_with("conformance/test_dra_support.py::test_pod_sees_its_device")
    Notes(tmp_path, "gw0").awaiting("long over", "", 3.0, 60.0)
    now = 1e12  # of the note nothing is known any more

    assert workers.awaited() == [Awaited(of="dra_support", what="pod sees its device", elapsed=0.0)]
    now += 5
    assert workers.awaited()[0].elapsed == 5.0
    deaths.busy_with("")
    assert workers.awaited() == []


def test_worker_without_its_folder_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    Notes(tmp_path / "file", "gw0").awaiting("a pod", "", 3.0, 60.0)
