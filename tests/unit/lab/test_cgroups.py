from pathlib import Path

import pytest

from aicr_lab.errors import HostUnfit, LabError
from aicr_lab.machine.cgroups import Cgroups, Hierarchies, hierarchies

V1 = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


def test_a_v2_tree_beside_v1_only_has_to_be_cleaned() -> None:
    found = hierarchies(V1)
    assert found.v1 == (Path("/sys/fs/cgroup/cpu,cpuacct"), Path("/sys/fs/cgroup/systemd"))
    assert (found.v2, found.extra) == (None, (Path("/sys/fs/cgroup/unified"),))


def test_a_machine_with_v2_alone() -> None:
    found = hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    assert found == Hierarchies(v2=Path("/sys/fs/cgroup"))


def _group(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("__", ".")).write_text(content)
    return directory


def test_v1_groups_are_made_in_every_hierarchy(tmp_path: Path) -> None:
    memory, cpuset = _group(tmp_path / "memory"), _group(tmp_path / "cpuset")
    groups = Cgroups(name="a", hierarchies=Hierarchies(v1=(memory, cpuset)))
    files = groups.create("node-0", "system")
    assert files == tuple(
        root / "aicr-lab/a/node-0/system/cgroup.procs" for root in (memory, cpuset)
    )
    assert all(file.parent.is_dir() for file in files)
    assert groups.path("node-0") == "/aicr-lab/a/node-0"


def test_removal_spares_other_labs_and_takes_the_parent_when_it_was_the_last(
    tmp_path: Path,
) -> None:
    root = _group(tmp_path / "memory")
    mine = Cgroups(name="a", hierarchies=Hierarchies(v1=(root,)))
    other = Cgroups(name="b", hierarchies=Hierarchies(v1=(root,)))
    mine.create("node-0", "system")
    other.create("control-plane")
    assert mine.leftover() == [root / "aicr-lab/a"]
    mine.remove()
    assert [path.name for path in (root / "aicr-lab").iterdir()] == ["b"]
    other.remove()
    assert not (root / "aicr-lab").exists()


def test_a_group_that_stays_busy_is_named(tmp_path: Path) -> None:
    root = _group(tmp_path / "memory")
    groups = Cgroups(name="a", hierarchies=Hierarchies(v1=(root,)))
    groups.create("control-plane")
    # A file stands for a process: rmdir refuses both.
    (root / "aicr-lab/a/control-plane/member").write_text("")
    with pytest.raises(LabError, match="control-plane cannot be removed"):
        groups.remove(timeout=0.05)


def test_v2_controllers_are_handed_down_to_the_leaf(tmp_path: Path) -> None:
    for part in ("", "aicr-lab", "aicr-lab/a"):
        _group(tmp_path / part, cgroup__controllers="cpu memory\n", cgroup__subtree_control="")
    groups = Cgroups(name="a", hierarchies=Hierarchies(v2=tmp_path))
    assert groups.create("node-0") == (tmp_path / "aicr-lab/a/node-0/cgroup.procs",)
    assert (tmp_path / "aicr-lab/a/cgroup.subtree_control").read_text() == "+memory"


def test_v2_without_delegation_says_so(tmp_path: Path) -> None:
    _group(tmp_path, cgroup__controllers="cpu\n")
    # A directory in place of the file: writing to it fails as the kernel's refusal would.
    (tmp_path / "cgroup.subtree_control").mkdir()
    groups = Cgroups(name="a", hierarchies=Hierarchies(v2=tmp_path))
    with pytest.raises(HostUnfit, match="handed down"):
        groups.create("node-0")


def test_a_lab_opens_the_devices_that_it_is_allowed_and_no_others(tmp_path: Path) -> None:
    devices = _group(tmp_path / "devices")
    own = _group(devices / "aicr-lab" / "a", devices__deny="", devices__allow="")
    groups = Cgroups(name="a", hierarchies=Hierarchies(v1=(_group(tmp_path / "cpu"), devices)))
    groups.allow_devices(["c 1:3 rwm"])
    assert (own / "devices.deny").read_text() == "a"
    assert (own / "devices.allow").read_text() == "c 1:3 rwm"
    assert not (tmp_path / "cpu" / "aicr-lab" / "a" / "devices.deny").exists()


def test_a_group_is_occupied_while_a_process_is_anywhere_below_it(tmp_path: Path) -> None:
    groups = Cgroups(name="a", hierarchies=Hierarchies(v1=(tmp_path,)))
    assert not groups.occupied()
    leaf = _group(tmp_path / "aicr-lab" / "a" / "node-0" / "system", cgroup__procs="")
    assert not groups.occupied()
    (leaf / "cgroup.procs").write_text("12\n")
    assert groups.occupied()
