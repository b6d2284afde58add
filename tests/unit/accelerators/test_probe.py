import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aicr_pytest.accelerators.probe import (
    DeviceNode,
    View,
    open_command,
    parse_open_attempts,
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


ONE, TWO = "GPU-00000000-0000-0000-0000-000000000001", "GPU-00000000-0000-0000-0000-000000000002"
PART = "MIG-00000000-0000-0000-0000-00000000000a"
HAMI = "[HAMI-core Msg(571:140025334466368:libvgpu.c:836)]: Initializing....."
INFOROM = "WARNING: infoROM is corrupted at gpu 0000:3B:00.0"


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "listed"),
    [
        (ONE, HAMI, 0, (ONE,)),  # HAMi 347, 332; and whatever else is preloaded and speaks
        (f"{HAMI}\n{ONE}", "", 0, (ONE,)),
        (f"{ONE}\n{TWO}\n{INFOROM}", "", 14, (ONE, TWO)),
        (f"GPU 0: NVIDIA A100-SXM4-40GB (UUID: {ONE})\n{HAMI}", "", 0, (ONE,)),
        (f"  MIG 1g.5gb     Device  0: (UUID: {PART})", "", 0, (PART,)),
        ("", HAMI, 0, ()),
        ("No devices were found", "", 6, ()),
    ],
)
def test_only_lines_of_the_tools_own_form_list_a_device(
    tmp_path: Path, shell: str, stdout: str, stderr: str, code: int, listed: tuple[str, ...]
) -> None:
    view = seen_by(tmp_path, shell, stdout, stderr, code)

    assert view.listed == listed
    assert view.told


@pytest.mark.parametrize(
    ("stdout", "stderr", "code"),
    [
        (HAMI, "", 0),
        ("Failed to initialize NVML: Unknown Error", "", 0),
        (INFOROM, "", 14),
        (ONE, "Unable to determine the device handle: GPU is lost", 15),
        ("", "command failed", 255),
    ],
)
def test_a_tool_that_speaks_and_lists_nothing_has_told_nothing(
    tmp_path: Path, stdout: str, stderr: str, code: int
) -> None:
    view = seen_by(tmp_path, "sh", stdout, stderr, code)

    assert view.listed == ()
    assert not view.told
    assert (stdout or stderr) in view.trouble_with("nvidia-smi")


def test_a_second_device_beside_a_talking_library_is_still_seen(tmp_path: Path) -> None:
    assert seen_by(tmp_path, "sh", f"{ONE}\n{TWO}", HAMI, 0).listed == (ONE, TWO)


def seen_by(directory: Path, shell: str, stdout: str, stderr: str, code: int) -> View:
    """What the probe sees where the vendor's tool says this."""
    tool = directory / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\necho '{stdout}'\necho '{stderr}' >&2\nexit {code}\n")
    tool.chmod(0o755)
    ran = subprocess.run(
        [shutil.which(shell) or shell, *probe_command(PROFILE)[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"},
    )
    return parse_view(PROFILE, GangStatus(stdout=ran.stdout, exit_code=ran.returncode))


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
    reach = parse_open_attempts(GangStatus(stdout=stdout), 1)[0]

    assert (reach.reached, reach.mknod_refused) == (reached, mknod_refused)


def test_a_reach_that_says_nothing_is_no_observation() -> None:
    with pytest.raises(ProbeFailed):
        parse_open_attempts(GangStatus(stderr="mktemp: not found", exit_code=127), 1)


@pytest.mark.parametrize(
    "stdout", ["open\topened\n", "open\topened\nopen\t", "noise\nopen\ta\nopen\tb\n", ""]
)
def test_reaching_for_several_has_to_tell_of_each(stdout: str) -> None:
    with pytest.raises(ProbeFailed):
        parse_open_attempts(GangStatus(stdout=stdout), 2)


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
    nobodys = DeviceNode(path="/dev/nobodys", major=120, minor=3, result="-")
    command = open_command(null, nobodys, null)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    tried = parse_open_attempts(GangStatus(stdout=ran.stdout, exit_code=ran.returncode), 3)

    assert [one.message == "opened" or one.mknod_refused for one in tried] == [
        True,
        tried[1].mknod_refused,
        True,
    ]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_variables_by_which_a_runtime_is_asked_are_seen(shell: str) -> None:
    ran = subprocess.run(
        [shutil.which(shell) or shell, *probe_command(PROFILE)[1:]],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NVIDIA_VISIBLE_DEVICES": "all"},
    )

    view = parse_view(PROFILE, GangStatus(stdout=ran.stdout))
    assert "NVIDIA_VISIBLE_DEVICES=all" in view.asks_by
