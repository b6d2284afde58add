import os
import shutil
from pathlib import Path

import pytest

from aicr_lab.errors import HostUnfit
from aicr_lab.machine import host

MOUNTINFO = """\
1 0 8:1 / / rw - ext4 /dev/vda rw
2 1 0:5 / /var rw shared:3 - overlay overlay rw
3 2 8:2 / /var/labs rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("directory", "expected"),
    [("/srv/lab", "overlayfs"), ("/var/tmp", "native"), ("/var/labs/a", "overlayfs")],
)
def test_an_overlay_does_not_carry_overlays(directory: str, expected: str) -> None:
    assert host.snapshotter(Path(directory), MOUNTINFO) == expected


def test_without_root_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostUnfit, match=r"(?s)needs root.*sudo"):
        host.require_root()


def test_a_missing_namespace_is_named(tmp_path: Path) -> None:
    (tmp_path / "self" / "ns").mkdir(parents=True)
    for name in ("pid", "mnt", "uts", "ipc"):
        (tmp_path / "self" / "ns" / name).touch()
    with pytest.raises(HostUnfit, match="no net namespaces"):
        host.require_linux(lambda _: None, tmp_path)


def test_a_full_disk_is_seen_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(HostUnfit, match="AICR_LAB_HOME"):
        host.require_resources(tmp_path / "not" / "there" / "yet")


def test_too_little_memory_is_seen_before_the_start(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 900000 kB\nMemAvailable: 500000 kB\n")
    with pytest.raises(HostUnfit, match=r"0\.5 GB of memory"):
        host.require_resources(tmp_path, meminfo)
