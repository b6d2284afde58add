"""The stand-ins of AMD's programs: what they are told there is, and what a defect knows of it."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_lab.accelerators import amd, node
from aicr_lab.accelerators.devices import Majors
from aicr_lab.accelerators.driver_root import DriverRoot
from aicr_lab.accelerators.hooks import hooks_of
from aicr_lab.accelerators.oci_defects import Container
from aicr_lab.accelerators.profiles import gpus_of
from aicr_lab.build.builder import C_SOURCES
from aicr_lab.errors import LabError
from aicr_lab.options import LabOptions
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.accelerators.vendors.amd import PROFILE, parse_identity

ROOT = DriverRoot(Path("/root-of-driver"), "6.12.12")
GPUS = gpus_of("node-0", 3)
NODES = amd.device_nodes(Majors(gpu=120, uvm=121, caps=122), 3)


def test_a_lab_has_the_hooks_of_its_vendor() -> None:
    assert hooks_of(LabOptions()) is node
    assert hooks_of(LabOptions(vendor="amd")) is amd
    assert LabOptions(vendor="amd").resource == PROFILE.extended_resource
    assert "--vendor amd" in LabOptions(vendor="amd").command_line()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.vendor)
def test_a_lab_looks_for_devices_by_the_names_that_the_suite_knows(profile: Profile) -> None:
    vendor: Any = profile.vendor
    hooks = hooks_of(LabOptions(vendor=vendor))

    assert profile.driver == hooks.DRIVER_NAME
    assert hooks.IDENTITY[0] in profile.identity_attributes


def test_what_only_nvidias_plugin_can_do_is_refused() -> None:
    with pytest.raises(LabError, match="of NVIDIA's device plugin"):
        LabOptions(vendor="amd", allocation="device-plugin", sharing="time-slicing=4")
    with pytest.raises(LabError, match="of --gpu-profile h100 alone"):
        LabOptions(vendor="amd", mig=2)
    vendor: Any = "intel"
    with pytest.raises(LabError, match="--vendor intel: one of nvidia, amd"):
        LabOptions(vendor=vendor)


def test_published_are_the_names_that_the_suites_profile_expects() -> None:
    told = amd.inventory(ROOT, GPUS)

    assert (told["driver"], told["resource"]) == (PROFILE.driver, PROFILE.extended_resource)
    first = told["devices"][0]
    named = {**first["attributes"], **first["versions"]}
    assert set(PROFILE.expected_attributes) <= named.keys()
    assert named["type"] == PROFILE.type_attribute[1]
    assert first["id"] == named[PROFILE.identity_attributes[0]]
    assert first["name"] == "gpu-0-128"
    assert [one["path"] for one in first["nodes"]] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    assert first["nodes"][0]["host_path"] == "/root-of-driver/dev/dri/card0"
    assert told["shared_nodes"][0]["path"] == "/dev/kfd"


def test_a_defect_gives_both_nodes_of_a_device_and_takes_both() -> None:
    where: Any = SimpleNamespace(kubelet_root=Path("/nowhere"))
    facts = amd._facts(where, ROOT, NODES, GPUS)
    config: dict[str, Any] = {}
    container = Container(config, facts, "runc")

    container.give([1])
    paths = [device["path"] for device in config["linux"]["devices"]]
    assert paths == ["/dev/dri/card1", "/dev/dri/renderD129", "/dev/kfd"]
    assert container.gpus == [1]
    assert config["mounts"][0]["destination"] == amd.STATE_INSIDE
    assert "hooks" not in config

    container.give([2])
    numbers = [(rule["major"], rule["minor"]) for rule in config["linux"]["resources"]["devices"]]
    assert sorted(numbers) == [(120, 2), (120, 130), (121, 0)]
    container.open_devices_cgroup()
    assert config["linux"]["resources"]["devices"][-1]["major"] == 120


def test_the_tool_lists_nothing_where_nothing_can_be_opened(tmp_path: Path) -> None:
    program = tmp_path / "amd-smi"
    source = str(C_SOURCES / "amd_smi.c")
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)

    said = subprocess.run([program, "list", "--csv"], capture_output=True, text=True, check=False)

    assert said.returncode != 0
    assert [parse_identity(line) for line in said.stdout.splitlines()] == [""]
