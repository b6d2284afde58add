import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aicr_lab import needs
from aicr_lab.accelerators import oci_fence
from aicr_lab.accelerators.oci_defects import Facts
from aicr_lab.accelerators.runtime import NodeRuntime

FACTS = Facts(
    modes=[],
    gpu_nodes=[[(f"/dev/nvidia{n}", 195, n)] for n in range(4)],
    uuids=[],
    control_nodes=[],
    mounts=[],
    library_dir="",
    cdi_hook="",
    kubelet_root="",
)


def privileged() -> dict[str, Any]:
    """What containerd writes for a privileged container, as far as it matters here."""
    return {
        "mounts": [
            {"destination": "/proc", "type": "proc", "options": ["nosuid"]},
            {"destination": "/sys", "type": "sysfs", "options": ["nosuid", "rw"]},
        ],
        "linux": {"resources": {}},
    }


@pytest.fixture
def wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's runtime, before a stand-in for runc that says what it was told."""
    runc = tmp_path / "runc"
    runc.write_text('#!/bin/sh\necho "$@"\n')
    runc.chmod(0o755)
    monkeypatch.setattr(needs, "program", lambda name: runc)
    runtime = NodeRuntime(tmp_path / "run time")
    runtime.install("node-0", FACTS)
    return runtime.binary("runc")


def create(wrapper: Path, bundle: Path, config: dict[str, Any]) -> dict[str, Any]:
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(config))
    command = [str(wrapper), "--root", "/r", "create", "--bundle", str(bundle), "id"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"--root /r create --bundle {bundle} id"
    found: dict[str, Any] = json.loads((bundle / "config.json").read_text())
    return found


def test_a_privileged_container_reads_the_machines_settings(wrapper: Path, tmp_path: Path) -> None:
    config = create(wrapper, tmp_path / "a b", privileged())
    paths = config["linux"]["readonlyPaths"]
    assert {"/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs", "/proc/sysrq-trigger"} <= set(paths)
    assert not [path for path in paths if path.startswith("/proc/sys/net") or path == "/proc/sys"]
    assert config["mounts"][1]["options"] == ["nosuid", "ro"]


def test_another_container_is_left_as_it_is(wrapper: Path, tmp_path: Path) -> None:
    config = privileged()
    config["linux"]["maskedPaths"] = ["/proc/kcore"]
    assert create(wrapper, tmp_path / "bundle", config) == config


def test_what_is_no_creation_becomes_runc_at_once(wrapper: Path) -> None:
    done = subprocess.run([str(wrapper), "state", "id"], capture_output=True, text=True, check=True)
    assert done.stdout == "state id\n"


def test_a_second_look_changes_nothing() -> None:
    once = privileged()
    oci_fence.fence(once)
    twice = json.loads(json.dumps(once))
    oci_fence.fence(twice)
    assert once == twice
