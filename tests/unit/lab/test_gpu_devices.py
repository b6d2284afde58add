"""Majors of simulated device nodes, and how busy simulated GPUs look."""

import os
import time
from pathlib import Path

import pytest

from aicr_lab.accelerators.agent import loads, readings
from aicr_lab.accelerators.devices import Majors, device_nodes, free_majors
from aicr_lab.errors import HostUnfit

NO_GPU = "Character devices:\n  1 mem\n 10 misc\n\nBlock devices:\n195 something\n"
WITH_DRIVER = (
    "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n511 nvidia-uvm\n\nBlock devices:\n"
)


def test_vendors_major_is_taken_where_no_driver_has_it() -> None:
    assert free_majors(NO_GPU).gpu == 195


def test_vendors_major_is_left_alone_beside_a_real_driver() -> None:
    majors = free_majors(WITH_DRIVER)

    assert 195 not in (majors.gpu, majors.uvm)
    assert majors.gpu != majors.uvm


def test_host_without_free_majors_is_refused() -> None:
    listed = "".join(f"{major:3} x\n" for major in range(256))

    with pytest.raises(HostUnfit, match="no major number"):
        free_majors(f"Character devices:\n{listed}")


def test_gpus_come_before_what_they_share() -> None:
    names = [node.name for node in device_nodes(Majors(gpu=195, uvm=120, caps=121), 2)]

    assert names == ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"]


class Proc:
    """A /proc with one process, whose container holds a character device as nvidia3."""

    def __init__(self, path: Path, heartbeat: str) -> None:
        self.path = path
        root = path / "7" / "root"
        (path / "7" / "ns").mkdir(parents=True)
        (path / "7" / "ns" / "mnt").touch()
        (root / "dev" / "shm").mkdir(parents=True)
        (root / "dev" / "nvidia3").symlink_to("/dev/null")
        (root / "dev" / "nvidia4").touch()
        (root / "dev" / "shm" / "aicr-lab-gpu-load-3-0").write_text(heartbeat)


def test_heartbeat_of_a_held_device_is_believed(tmp_path: Path) -> None:
    assert loads(Proc(tmp_path, "3 95 0\n").path, time.time()) == {(3, 0): 95}


@pytest.mark.parametrize("claim", ["4 95 0\n", "5 95 0\n", "", "3\n", "three 95 0\n"])
def test_heartbeat_of_another_device_or_none_is_not_believed(tmp_path: Path, claim: str) -> None:
    assert loads(Proc(tmp_path, claim).path, time.time()) == {}


def test_heartbeats_of_containers_that_share_a_directory_are_told_apart(tmp_path: Path) -> None:
    proc = Proc(tmp_path, "3 95 0\n")
    (proc.path / "7/root/dev/shm/aicr-lab-gpu-load-5-0").write_text("5 40 0\n")

    assert loads(proc.path, time.time()) == {(3, 0): 95}


def test_heartbeat_that_stopped_is_not_believed(tmp_path: Path) -> None:
    proc = Proc(tmp_path, "3 95 0\n")
    file = proc.path / "7/root/dev/shm/aicr-lab-gpu-load-3-0"
    os.utime(file, (time.time() - 60, time.time() - 60))

    assert loads(proc.path, time.time()) == {}


def test_busy_gpu_is_warmer_and_draws_more_than_an_idle_one() -> None:
    idle = readings(0, memory_mib=81559, idle_mw=70000, limit_mw=700000)
    busy = readings(95, memory_mib=81559, idle_mw=70000, limit_mw=700000)

    assert idle["utilization"] == idle["memory used"] == "0"
    assert all(int(busy[key]) > int(idle[key]) for key in idle)
    assert int(busy["power mw"]) <= 700000
