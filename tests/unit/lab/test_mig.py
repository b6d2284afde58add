"""Partitioned GPUs of a lab: which instances there are, and how a node tells of them."""

from pathlib import Path
from typing import Any

import pytest

from aicr_lab.accelerators import mig
from aicr_lab.accelerators import node as hooks
from aicr_lab.accelerators.agent import look_once
from aicr_lab.accelerators.profiles import PROFILES, gpus_of
from aicr_lab.accelerators.state_file import StateFile, describe
from aicr_lab.errors import LabError
from aicr_lab.options import LabOptions

GPUS = gpus_of("node-0", 2)
PARTS = mig.instances_of(GPUS[:1])


class Node:
    """The one node of a lab."""

    index = 0

    def gpus(self, options: LabOptions) -> int:
        return options.gpus_of(0)

    def mechanisms(self, options: LabOptions) -> tuple[str, ...]:
        return (options.allocation,)


NODE: Any = Node()


def test_instances_are_the_same_for_the_same_gpus_and_differ_from_each_other() -> None:
    both = mig.instances_of(GPUS)

    assert both[:7] == PARTS
    assert len({one.uuid for one in both}) == 14
    assert all(one.uuid.startswith("MIG-") for one in both)


def test_capabilities_have_the_numbers_that_the_driver_gives_them() -> None:
    first, last = mig.instances_of(gpus_of("node-0", 4))[::27]

    assert first.accesses == {"gpu0/mig/gi7/access": 66, "gpu0/mig/gi7/ci0/access": 67}
    # As a machine with A100s has it: gpu3/gi3/ci3/access is 439.
    assert last.accesses == {"gpu3/mig/gi13/access": 525, "gpu3/mig/gi13/ci0/access": 526}
    assert 3 + 3 * 135 + 3 * 9 + 1 + 3 == 439
    names = [node.name for node in mig.capability_nodes([first], 121)]
    assert names == ["nvidia-caps/nvidia-cap66", "nvidia-caps/nvidia-cap67"]


def test_what_stands_for_proc_is_read_by_nvidias_programs(tmp_path: Path) -> None:
    mig.write_proc(tmp_path, PARTS[:1], 121)

    access = tmp_path / "nvidia/capabilities/gpu0/mig/gi7/ci0/access"
    assert access.read_text().startswith("DeviceFileMinor: 67\n")
    minors = (tmp_path / "nvidia-caps/mig-minors").read_text()
    assert minors == "gpu0/gi7/access 66\ngpu0/gi7/ci0/access 67\n"
    devices = mig.proc_devices(tmp_path).read_text()
    assert "121 nvidia-caps\n" in devices
    assert devices.index("Character devices:") < devices.index("121 ") < devices.index("Block dev")


def test_load_of_an_instance_is_its_own(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "gpus", "node-0")
    state.write(describe(PROFILES["h100"], GPUS, PARTS))
    container = tmp_path / "proc/7"
    (container / "ns").mkdir(parents=True)
    (container / "ns/mnt").touch()
    (container / "root/dev/shm").mkdir(parents=True)
    (container / "root/dev/nvidia0").symlink_to("/dev/null")
    heartbeat = container / "root/dev/shm/aicr-lab-gpu-load-1-7"
    heartbeat.write_text("0 98 8\n")

    look_once(state, tmp_path / "proc", heartbeat.stat().st_mtime, idle_mw=70000)

    gpu = state.read()["gpu 0"]
    loads = [gpu[f"mig {one.id} utilization"] for one in PARTS]
    assert loads == ["0", "98", "0", "0", "0", "0", "0"]
    assert gpu["utilization"] == "14"
    assert (gpu["mig 8 memory used"], gpu["mig 9 memory used"]) == ("5914", "0")
    assert gpu["mig 7"] == PARTS[0].uuid
    assert "mig 7" not in state.read()["gpu 1"]


@pytest.mark.parametrize(
    ("options", "published", "counted", "labels"),
    [
        (
            LabOptions(gpus=4, mig=2),
            16,
            {"nvidia.com/gpu": 2, "nvidia.com/mig-1g.10gb": 14},
            {"gpu.count": "2", "mig.strategy": "mixed", "mig-1g.10gb.count": "14"},
        ),
        (
            LabOptions(gpus=2, mig=2),
            14,
            {"nvidia.com/mig-1g.10gb": 14},
            {"gpu.count": "0", "gpu.product": "NVIDIA-H100-80GB-HBM3"},
        ),
        (
            LabOptions(gpus=2, mig=2, mig_strategy="single"),
            14,
            {"nvidia.com/gpu": 14},
            {"gpu.count": "14", "gpu.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"},
        ),
        (LabOptions(gpus=4), 4, {"nvidia.com/gpu": 4}, {"gpu.count": "4"}),
    ],
)
def test_node_offers_whole_gpus_and_instances_of_the_others(
    options: LabOptions, published: int, counted: dict[str, int], labels: dict[str, str]
) -> None:
    assert hooks.published(NODE, options) == published
    assert hooks.counted(NODE, options) == counted
    found = hooks.labels(NODE, options)
    assert {name: found[f"nvidia.com/{name}"] for name in labels} == labels


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gpus": 2, "mig": 3}, "--mig 3: a node has 2"),
        ({"gpus": (8, 1), "mig": 2}, "--mig 2: a node has 1"),
        ({"mig": 1, "gpu_profile": "a100"}, "--mig 1: of --gpu-profile h100 alone"),
        ({"mig": 1, "mig_strategy": "both"}, "--mig-strategy both: one of mixed, single"),
        ({"mig": 1, "mig_strategy": "single"}, "--mig-strategy single: then all"),
        (
            {"mig": 1, "allocation": "device-plugin", "sharing": "mps=2"},
            "--mig and --sharing: one of them",
        ),
        ({"emulate": "1.33"}, "--emulate 1.33: one of 1.34, 1.35, 1.36"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError, match=said):
        LabOptions(**options)
