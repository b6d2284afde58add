import dataclasses
import shutil
import subprocess

import pytest

from aicr_pytest.accelerators.probe import (
    DeviceNode,
    open_command,
    parse_open_attempt,
    parse_view,
    probe_command,
)
from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.errors import ProbeFailed


@dataclasses.dataclass(frozen=True, kw_only=True)
class GangStatus:
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0


def lines(*rows: str) -> GangStatus:
    return GangStatus(stdout="".join(row.replace(" ", "\t", 4) + "\n" for row in rows))


def test_device_nodes_and_the_tools_list_make_the_view() -> None:
    said = GangStatus(
        stdout="device\t/dev/null\t1\t3\t-\n"
        "device\t/dev/nvidia3\t240\t3\tNo such device or address\n"
        "device\t/dev/nvidiactl\t240\t255\t-\n"
        "tool\t/usr/bin/nvidia-smi\ntool-exit\t0\nlisted\tGPU-a\nend\n"
    )
    view = parse_view(PROFILE, said)

    assert [node.path for node in view.reachable] == ["/dev/nvidia3"]
    assert view.listed == ("GPU-a",)


def test_a_node_that_the_kernel_refuses_is_not_reachable() -> None:
    view = parse_view(
        PROFILE, GangStatus(stdout="device\t/dev/nvidia0\t195\t0\tOperation not permitted\nend\n")
    )

    assert view.nodes
    assert view.reachable == ()


def test_a_node_that_only_its_files_mode_keeps_from_a_user_is_a_sighting() -> None:
    said = GangStatus(stdout="device\t/dev/nvidia0\t195\t0\tPermission denied\nend\n")

    assert [node.path for node in parse_view(PROFILE, said).reachable] == ["/dev/nvidia0"]


def test_a_device_under_another_name_is_recognised_by_its_major() -> None:
    said = GangStatus(stdout="device\t/dev/innocent\t240\t3\t-\nend\n")

    assert parse_view(PROFILE, said).nodes == ()
    assert parse_view(PROFILE, said, known_majors=frozenset({240})).reachable != ()


def test_the_drivers_major_in_proc_devices_counts_too() -> None:
    said = GangStatus(stdout="major\t195\tnvidia\ndevice\t/dev/innocent\t195\t3\t-\nend\n")

    assert [node.path for node in parse_view(PROFILE, said).nodes] == ["/dev/innocent"]


def test_control_nodes_give_no_device_even_on_the_drivers_major() -> None:
    said = GangStatus(
        stdout="major\t195\tnvidia\ndevice\t/dev/nvidiactl\t195\t255\t-\n"
        "device\t/dev/nvidia-modeset\t195\t254\t-\nend\n"
    )

    assert parse_view(PROFILE, said).nodes == ()


@pytest.mark.parametrize(
    "stdout", ["", "device\t/dev/nvidia0\t195\t0\topened\n", "sh: stat: not found\n"]
)
def test_a_probe_that_was_cut_short_is_no_observation(stdout: str) -> None:
    with pytest.raises(ProbeFailed, match="before its end"):
        parse_view(PROFILE, GangStatus(stdout=stdout, exit_code=1))


def test_a_tool_that_fails_lists_nothing() -> None:
    said = GangStatus(stdout="tool\t/usr/bin/nvidia-smi\ntool-exit\t9\nlisted\tGPU-a\nend\n")

    assert parse_view(PROFILE, said).listed == ()
    assert parse_view(PROFILE, said).tool_exit == 9


@pytest.mark.parametrize(
    ("stdout", "reached", "mknod_refused"),
    [
        ("open\topened\n", True, False),
        ("open\tNo such device or address\n", True, False),
        ("open\tOperation not permitted\n", False, False),
        ("mknod\tOperation not permitted\n", False, True),
    ],
)
def test_reaching_for_a_device_is_read(stdout: str, reached: bool, mknod_refused: bool) -> None:
    reach = parse_open_attempt(GangStatus(stdout=stdout))

    assert (reach.reached, reach.mknod_refused) == (reached, mknod_refused)


def test_a_reach_that_says_nothing_is_no_observation() -> None:
    with pytest.raises(ProbeFailed):
        parse_open_attempt(GangStatus(stderr="mktemp: not found", exit_code=127))


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_probe_runs_to_its_end_in_real_shells_and_finds_no_gpu_here(shell: str) -> None:
    path = shutil.which(shell)
    assert path, f"{shell} is part of every Debian"
    ran = subprocess.run(
        [path, *probe_command(PROFILE)[1:]], capture_output=True, text=True, check=False
    )
    view = parse_view(
        PROFILE, GangStatus(stdout=ran.stdout, stderr=ran.stderr, exit_code=ran.returncode)
    )

    assert "device\t/dev/null\t1\t3\t-\n" in ran.stdout
    assert isinstance(view.nodes, tuple)


def test_reaching_for_a_device_that_exists_opens_it() -> None:
    null = DeviceNode(path="/dev/null", major=1, minor=3, result="-")
    ran = subprocess.run(open_command(null), capture_output=True, text=True, check=False)
    reach = parse_open_attempt(GangStatus(stdout=ran.stdout, exit_code=ran.returncode))

    assert reach.message == "opened" or reach.mknod_refused
