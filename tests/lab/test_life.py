"""Labs come and go and leave nothing, however they end."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aicr_lab import startup
from aicr_lab.build import builder
from aicr_lab.build.builder import Artifact
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab, listen
from aicr_lab.options import LabOptions
from tests.lab.conftest import SMALL, Host, look_at_host

Launcher = Callable[..., "subprocess.Popen[str]"]
UP = ["up", "--nodes", "1", "--gpus", "0"]


def processes_of(lab: Lab) -> list[str]:
    """Command lines that name the lab's directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{lab.dir}/" in text:
            found.append(text)
    return found


def assert_nothing_is_left(lab: Lab, before: Host) -> None:
    assert processes_of(lab) == []
    assert not lab.dir.exists()
    assert not lab.dir.with_name(f".{lab.name}.lock").exists()
    assert list(Path("/sys/fs/cgroup").glob(f"*/aicr-lab/{lab.name}")) == []
    assert look_at_host() == before


def test_down_leaves_nothing(small_lab: Lab, host_before: Host) -> None:
    assert startup.up(small_lab, SMALL, lambda _: None) is True
    assert processes_of(small_lab)
    began = time.monotonic()
    small_lab.down(lambda _: None)
    assert time.monotonic() - began < 5
    assert_nothing_is_left(small_lab, host_before)


@pytest.mark.parametrize("moment", ["API server is ready", "starting lab"])
def test_a_launcher_killed_half_way_leaves_remains_that_up_removes(
    small_lab: Lab, host_before: Host, launcher: Launcher, moment: str
) -> None:
    killed = launcher([*UP, "--name", small_lab.name])
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.startswith(moment):
            break
    killed.kill()
    killed.wait()
    assert not small_lab.running
    assert startup.up(small_lab, SMALL, lambda _: None) is True
    assert [node["metadata"]["name"] for node in small_lab.api.list("v1", "Node")] == ["node-0"]
    small_lab.down(lambda _: None)
    assert_nothing_is_left(small_lab, host_before)


def test_down_removes_what_a_killed_launcher_left(
    small_lab: Lab, host_before: Host, launcher: Launcher
) -> None:
    killed = launcher([*UP, "--name", small_lab.name])
    while not (small_lab.dir / "init.json").exists():
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    small_lab.down(lambda _: None)
    assert_nothing_is_left(small_lab, host_before)


def test_ctrl_c_takes_down_what_was_started(small_lab: Lab, launcher: Launcher) -> None:
    interrupted = launcher([*UP, "--name", small_lab.name])
    assert interrupted.stdout is not None
    for line in interrupted.stdout:
        if line.startswith("API server is ready"):
            break
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(30) == 130
    assert not small_lab.exists
    assert "Traceback" not in interrupted.stdout.read()


def test_a_dead_init_is_a_lab_that_up_makes_anew(small_lab: Lab) -> None:
    startup.up(small_lab, SMALL, lambda _: None)
    process = small_lab.namespaces.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    while small_lab.exists:
        time.sleep(0.05)
    assert small_lab.status() == []
    assert startup.up(small_lab, SMALL, lambda _: None) is True


def test_records_of_another_boot_name_nobody(small_lab: Lab) -> None:
    small_lab.ground.take()
    ours = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
    record = {"pid": os.getpid(), "start_time": int(ours)}
    (small_lab.dir / "init.json").write_text(json.dumps(record))
    (small_lab.dir / "lab.json").write_text(json.dumps({"boot_id": "other", "complete": True}))
    assert not small_lab.running
    small_lab.down(lambda _: None)  # and the test lives
    assert not small_lab.dir.exists()


def test_two_labs_live_side_by_side(lab: Lab, small_lab: Lab) -> None:
    startup.up(small_lab, SMALL, lambda _: None)
    assert small_lab.port != lab.port
    assert len(small_lab.api.list("v1", "Node")) == 1
    small_lab.down(lambda _: None)
    assert len(lab.api.list("v1", "Node")) == 2
    assert {each.health for each in lab.status()} == {"ok"}


def test_up_is_quick_where_the_lab_is_there(lab: Lab, launcher: Launcher) -> None:
    began = time.monotonic()
    again = launcher(["up", "--name", lab.name])
    printed, _ = again.communicate(timeout=30)
    assert again.returncode == 0
    assert str(lab.kubeconfig) in printed
    assert time.monotonic() - began < 5


def test_two_ups_at_once_make_one_lab(small_lab: Lab, launcher: Launcher) -> None:
    both = [launcher([*UP, "--name", small_lab.name]) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(" is up: " in text for text in printed) == 1
    assert sum(" is running: " in text for text in printed) == 1


def test_a_port_in_use_is_named_and_nothing_is_started(small_lab: Lab) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port} .*in use"):
            startup.up(small_lab, LabOptions(nodes=1, gpus=0, port=port), lambda _: None)
    assert not small_lab.dir.exists()


def test_a_component_that_dies_during_start_ends_the_start(
    small_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "containerd"
    broken.write_text("#!/bin/sh\necho 'exec format of the day'; exit 1\n")
    broken.chmod(0o755)

    def locate(artifact: Artifact, output: str = "") -> Path:
        return broken if output == "containerd" else builder.locate(artifact, output)

    monkeypatch.setattr(startup, "locate", locate)
    with pytest.raises(LabError, match=r"(?s)containerd@node-0 died.*exec format of the day"):
        startup.up(small_lab, SMALL, lambda _: None)
    assert not small_lab.exists
    assert (small_lab.dir / "nodes/node-0/logs/containerd.log").exists(), "kept for whoever asks"


def test_state_may_lie_on_an_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, whose root is one: containerd cannot use its own overlays there."""
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    merged = tmp_path / "merged"
    mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(merged)]
    subprocess.run(mount, check=True)
    monkeypatch.setenv("AICR_LAB_HOME", str(merged))
    on_overlay = Lab(f"ov-{os.getpid()}")
    try:
        startup.up(on_overlay, SMALL, lambda _: None)
        dns = on_overlay.api.get("apps/v1", "Deployment", "coredns", "kube-system")
        assert dns["status"]["availableReplicas"] == 1
    finally:
        on_overlay.down(lambda _: None)
        subprocess.run(["umount", str(merged)], check=True)
        shutil.rmtree(tmp_path / "work", ignore_errors=True)
