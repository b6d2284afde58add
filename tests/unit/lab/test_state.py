import dataclasses
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from aicr_lab.errors import LabError
from aicr_lab.options import LabOptions
from aicr_lab.state import locked, read_json, state_dir, write_json, write_private


def test_options_survive_their_record() -> None:
    options = LabOptions(nodes=3, gpus=(8, 1), allocation="mixed", addons=("kwok",))
    record = json.loads(json.dumps(dataclasses.asdict(options))) | {"of_a_newer_version": True}
    assert LabOptions.from_json(record) == options


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"nodes": 0}, "--nodes 0"),
        ({"nodes": 10}, "--nodes 10"),
        ({"gpus": 17}, "--gpus 17"),
        ({"gpus": (8, 17)}, "--gpus 8,17"),
        ({"gpus": (8, 1, 1)}, "only 2 nodes"),
        ({"allocation": "none"}, "--allocation none"),
        ({"sharing": "mps", "allocation": "both"}, "--sharing mps"),
        ({"sharing": "time-slicing=1", "allocation": "both"}, "--sharing time-slicing=1"),
        ({"sharing": "mps=4"}, "the device plugin's"),
        ({"device_ids": "index"}, "the device plugin's"),
        ({"device_ids": "name", "allocation": "both"}, "--device-ids name"),
        ({"allocation": "mixed", "nodes": 1}, "mixed needs two nodes"),
    ],
)
def test_impossible_options_are_refused_by_name(values: dict[str, object], named: str) -> None:
    with pytest.raises(LabError, match=named):
        LabOptions(**values)  # type: ignore[arg-type]


def test_options_print_as_the_command_line_takes_them() -> None:
    assert LabOptions(nodes=1).command_line() == (
        "--nodes 1 --gpus 8 --gpu-profile h100 --allocation dra --port 0 --addons core"
    )
    other = LabOptions(
        gpus=(8, 1),
        allocation="both",
        sharing="time-slicing=4,renamed",
        device_ids="index",
        feature_discovery=False,
        virtual_node=True,
        fast=True,
    )
    assert other.command_line() == (
        "--nodes 2 --gpus 8,1 --gpu-profile h100 --allocation both --sharing time-slicing=4,renamed"
        " --device-ids index --no-feature-discovery --virtual-node --port 0 --addons core --fast"
    )


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "a" * 41, "-a", "a-"])
def test_names_that_cannot_be_a_directory_and_a_host_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="--name"):
        state_dir(name)


def test_lab_home_wins_over_the_state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("AICR_LAB_HOME", raising=False)
    assert state_dir("a") == tmp_path / "state" / "aicr-lab" / "a"
    monkeypatch.setenv("AICR_LAB_HOME", str(tmp_path / "home"))
    assert state_dir("a") == tmp_path / "home" / "a"


def test_state_in_a_place_that_nodes_hide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICR_LAB_HOME", "/run/labs")
    with pytest.raises(LabError, match="AICR_LAB_HOME"):
        state_dir("a")


def test_records_are_private_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_json(tmp_path / "new" / "r.json", {"a": 1})
    finally:
        os.umask(old)
    assert read_json(tmp_path / "new" / "r.json") == {"a": 1}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["r.json"]
    assert stat.S_IMODE((tmp_path / "new" / "r.json").stat().st_mode) == 0o600


def test_rewriting_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("[1]")
    with pytest.raises(LabError, match=r"r\.json"):
        read_json(tmp_path / "r.json")
    assert read_json(tmp_path / "absent.json") is None


def _append(lock: str, log: str) -> None:
    with locked(Path(lock), busy="busy"), Path(log).open("a") as file:
        file.write("in\n")
        file.flush()
        file.write("out\n")


def test_one_holder_at_a_time_though_a_holder_removes_the_lock(tmp_path: Path) -> None:
    lock, log = tmp_path / "lock", tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    with locked(lock, busy="busy"):
        waiting = [context.Process(target=_append, args=(str(lock), str(log))) for _ in range(2)]
        for process in waiting:
            process.start()
        lock.unlink()
    for process in waiting:
        process.join(20)
    assert log.read_text() == "in\nout\n" * 2
