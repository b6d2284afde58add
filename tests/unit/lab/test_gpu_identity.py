"""What simulated GPUs are called, and the text file that describes them."""

import re
from pathlib import Path

import pytest

from aicr_lab.accelerators.profiles import PROFILES, gpus_of, profile_named
from aicr_lab.accelerators.state_file import StateFile, describe, parse, render
from aicr_lab.errors import LabError


def state_of(path: Path, gpus: int = 2) -> StateFile:
    state = StateFile(path / "libnvidia-lab-gpus.so.1", "node-0")
    state.write(describe(PROFILES["h100"], gpus_of("node-0", gpus)))
    return state


def test_no_two_gpus_of_two_nodes_share_uuid_or_serial() -> None:
    gpus = [*gpus_of("node-0", 16), *gpus_of("node-1", 16)]

    assert len({gpu.uuid for gpu in gpus}) == 32
    assert len({gpu.serial for gpu in gpus}) == 32


def test_gpus_of_one_node_have_different_pci_addresses() -> None:
    assert len({gpu.pci_address for gpu in gpus_of("node-0", 16)}) == 16


def test_uuid_has_the_form_of_the_vendor() -> None:
    form = r"GPU-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

    assert re.fullmatch(form, gpus_of("node-0", 1)[0].uuid)


def test_same_node_has_the_same_gpus_in_the_next_lab() -> None:
    assert gpus_of("node-0", 3) == gpus_of("node-0", 8)[:3]


def test_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError, match="one of a100, h100"):
        profile_named("h101")


def test_state_file_reads_back_what_was_rendered() -> None:
    sections = describe(PROFILES["a100"], gpus_of("node-0", 2))

    assert parse(render("node-0", sections)) == sections


def test_change_keeps_the_inode_that_containers_have_mounted(tmp_path: Path) -> None:
    state = state_of(tmp_path)
    before = state.path.stat().st_ino

    state.change({"gpu 1": {"utilization": "95"}, "driver": {"hide last": "yes"}})

    assert state.path.stat().st_ino == before
    assert state.read()["gpu 1"]["utilization"] == "95"


def test_change_to_none_takes_a_key_away_and_leaves_no_rest_of_the_longer_text(
    tmp_path: Path,
) -> None:
    state = state_of(tmp_path)
    healthy = state.path.read_bytes()
    state.change({"driver": {"fail nvmlDeviceGetName": "15"}})

    state.change({"driver": {"fail nvmlDeviceGetName": None}})

    assert state.path.read_bytes() == healthy


def test_state_file_is_readable_by_users_in_containers(tmp_path: Path) -> None:
    assert state_of(tmp_path).path.stat().st_mode & 0o777 == 0o644
