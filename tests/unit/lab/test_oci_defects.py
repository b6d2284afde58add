"""What a broken runtime does to a container's OCI configuration."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from aicr_lab.accelerators.oci_defects import (
    Container,
    CreateFailed,
    Facts,
    drop_mknod,
    edit,
    requested,
)

UUIDS = [f"GPU-{number:08x}-0000-0000-0000-000000000000" for number in range(4)]
FACTS = Facts(
    modes=[],
    gpu_nodes=[[(f"/dev/nvidia{n}", 195, n)] for n in range(4)],
    uuids=UUIDS,
    control_nodes=[("/dev/nvidiactl", 195, 255), ("/dev/nvidia-uvm", 120, 0)],
    mounts=[("/driver/nvidia-smi", "/usr/bin/nvidia-smi")],
    library_dir="/usr/lib/x86_64-linux-gnu",
    cdi_hook="/bin/nvidia-cdi-hook",
    kubelet_root="/nowhere",
)
CUDA_ENV = ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]


def config(*gpus: int, env: list[str] | None = None, kind: str = "container") -> dict[str, Any]:
    """A container as containerd hands it over, with these GPUs injected by CDI."""
    devices = [
        {"path": f"/dev/nvidia{gpu}", "type": "c", "major": 195, "minor": gpu} for gpu in gpus
    ]
    rules = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": "c", "major": 195, "minor": gpu} for gpu in gpus]
    return {
        "annotations": {
            "io.kubernetes.cri.container-type": kind,
            "io.kubernetes.cri.sandbox-uid": "pod-1",
        },
        "process": {"env": env if env is not None else CUDA_ENV},
        "mounts": [],
        "linux": {"devices": devices, "resources": {"devices": rules}},
    }


def after(
    mode: str, before: dict[str, Any], *, handler: str = "runc", facts: Facts = FACTS
) -> Container:
    edit(before, dataclasses.replace(facts, modes=[mode]), handler)
    return Container(before, facts, handler)


def openable(container: Container) -> list[int]:
    """GPUs that the devices cgroup allows."""
    rules = container.config["linux"]["resources"]["devices"]
    allowed = [rule for rule in rules if rule["allow"] and rule.get("major") == 195]
    return sorted(rule["minor"] for rule in allowed if rule.get("minor") in range(4))


@pytest.mark.parametrize(
    ("mode", "given", "gets"),
    [
        ("inject-all", (2,), [0, 1, 2, 3]),
        ("inject-none", (2,), []),
        ("wrong-device", (2,), [3]),
        ("wrong-device", (3,), [0]),
        ("same-device", (2,), [0]),
        ("one-wrong-device", (1,), [0]),
        ("one-wrong-device", (1, 3), [0, 3]),
        ("one-wrong-device", (2,), [2]),
        ("one-for-everybody", (2,), [1, 2]),
        ("one-for-everybody", (), [1]),
        ("mknod-refused", (2,), [2]),
    ],
)
def test_granted_container_gets_and_may_open_what_the_defect_says(
    mode: str, given: tuple[int, ...], gets: list[int]
) -> None:
    container = after(mode, config(*given))

    assert container.gpus == gets
    assert openable(container) == gets


@pytest.mark.parametrize("mode", ["inject-all", "inject-none", "wrong-device", "same-device"])
def test_container_without_a_grant_stays_as_it_is(mode: str) -> None:
    assert after(mode, config()).config == config()


def test_sandbox_stays_as_it_is() -> None:
    assert after("every-pod", config(kind="sandbox")).config == config(kind="sandbox")


def test_granted_container_cannot_start_where_the_driver_is_broken() -> None:
    with pytest.raises(CreateFailed, match="driver error"):
        after("granted-fails", config(1))


@pytest.mark.parametrize(
    ("mode", "env", "handler", "gets"),
    [
        ("env-bypass", CUDA_ENV, "runc", [0, 1, 2, 3]),
        ("env-bypass", ["NVIDIA_VISIBLE_DEVICES=void"], "runc", []),
        ("env-bypass", ["PATH=/bin"], "runc", []),
        ("env-bypass-explicit", CUDA_ENV, "runc", []),
        (
            "env-bypass-explicit",
            [CUDA_ENV[0], "NVIDIA_DRIVER_CAPABILITIES=all"],
            "runc",
            [0, 1, 2, 3],
        ),
        ("env-bypass-explicit", ["NVIDIA_VISIBLE_DEVICES=1,2", CUDA_ENV[1]], "runc", [1, 2]),
        ("runtimeclass-bypass", CUDA_ENV, "runc", []),
        ("runtimeclass-bypass", CUDA_ENV, "nvidia", [0, 1, 2, 3]),
        ("volume-mount-bypass", CUDA_ENV, "runc", []),
        ("every-pod", [], "runc", [0]),
        ("every-pod-0660", [], "runc", [0]),
    ],
)
def test_container_without_a_grant_gets_what_the_bypass_gives(
    mode: str, env: list[str], handler: str, gets: list[int]
) -> None:
    assert after(mode, config(env=env), handler=handler).gpus == gets


def test_volume_mount_is_honoured_wherever_run_is_linked_to() -> None:
    before = config()
    before["mounts"] = [
        {"source": "/dev/null", "destination": "/var/run/nvidia-container-devices/all"}
    ]

    assert after("volume-mount-bypass", before).gpus == [0, 1, 2, 3]


def test_bypass_brings_the_vendors_tools_as_the_toolkit_does() -> None:
    container = after("env-bypass", config())

    paths = [device["path"] for device in container.config["linux"]["devices"]]
    assert {"/dev/nvidiactl", "/dev/nvidia-uvm"} <= set(paths)
    assert [mount["destination"] for mount in container.config["mounts"]] == ["/usr/bin/nvidia-smi"]
    assert container.config["hooks"]["createContainer"][0]["path"] == "/bin/nvidia-cdi-hook"


@pytest.mark.parametrize("mode", ["cgroup-open", "cgroup-open-unasked"])
def test_open_cgroup_shows_no_device_and_allows_all(mode: str) -> None:
    container = after(mode, config())

    assert container.gpus == []
    last = container.config["linux"]["resources"]["devices"][-1]
    assert (last["allow"], last["major"], last.get("minor")) == (True, 195, None)


def test_cgroup_that_is_open_to_those_without_a_grant_stays_shut_for_others() -> None:
    assert after("cgroup-open-unasked", config(1)).config == config(1)


def test_device_that_is_not_for_everybody_is_given_all_the_same() -> None:
    devices = after("every-pod-0660", config()).config["linux"]["devices"]

    assert {one["path"]: one["fileMode"] for one in devices}["/dev/nvidia0"] == 0o660


def test_sibling_gets_the_devices_of_its_pod_by_claim(tmp_path: Path) -> None:
    claim = "e088d94e-f03b-4178-81f6-5d9f66c0c68a"
    entries = [
        {"PodUIDs": {"pod-1": {}}, "Devices": [f"k8s.gpu.nvidia.com/claim={claim}-gpu-2"]},
        {"PodUIDs": {"pod-2": {}}, "Devices": [f"k8s.gpu.nvidia.com/claim={claim}-gpu-3"]},
    ]
    state = {"Data": json.dumps({"ClaimInfoStateList": entries})}
    (tmp_path / "dra_manager_state").write_text(json.dumps(state))

    container = after(
        "sibling", config(), facts=dataclasses.replace(FACTS, kubelet_root=str(tmp_path))
    )

    assert container.gpus == [2]


def test_sibling_gets_the_devices_of_its_pod_by_device_plugin(tmp_path: Path) -> None:
    entry = {"PodUID": "pod-1", "DeviceIDs": {"-1": [UUIDS[3]]}}
    (tmp_path / "device-plugins").mkdir()
    (tmp_path / "device-plugins/kubelet_internal_checkpoint").write_text(
        json.dumps({"Data": {"PodDeviceEntries": [entry]}})
    )

    container = after(
        "sibling", config(), facts=dataclasses.replace(FACTS, kubelet_root=str(tmp_path))
    )

    assert container.gpus == [3]


@pytest.mark.parametrize(
    ("request_", "gets"),
    [
        ("all", [0, 1, 2, 3]),
        ("0,2", [0, 2]),
        (f"{UUIDS[1]}, 3", [1, 3]),
        ("void", []),
        ("none", []),
        ("0,void", []),
        ("", []),
        ("7", []),
    ],
)
def test_device_list_is_read_as_the_toolkit_reads_it(request_: str, gets: list[int]) -> None:
    assert requested(request_, UUIDS) == gets


def test_mknod_is_dropped_from_every_set() -> None:
    process = {"capabilities": {"bounding": ["CAP_MKNOD", "CAP_CHOWN"], "effective": ["CAP_MKNOD"]}}

    drop_mknod(process)

    assert process["capabilities"] == {"bounding": ["CAP_CHOWN"], "effective": []}
