"""A privileged pod is root on its node, and what is the machine's stays as it is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_lab.build.images import BUSYBOX
from aicr_lab.lab import Lab
from tests.lab.conftest import Kubectl

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "privileged", "namespace": "default"},
    "spec": {
        "hostPID": True,
        "hostIPC": True,
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "root",
                "image": BUSYBOX,
                "command": ["sleep", "3600"],
                "securityContext": {"privileged": True},
                "volumeMounts": [
                    {"name": "host", "mountPath": "/host", "mountPropagation": "Bidirectional"}
                ],
            }
        ],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
    },
}


class Root:
    """A shell in a privileged pod that has everything a pod can ask of its node."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def __call__(self, script: str) -> str:
        """What a script prints; ``true`` or ``false`` at its end says how it ended."""
        line = f"({script}) 2>&1 && echo true || echo false"
        return self._kubectl("exec", "privileged", "--", "sh", "-c", line).strip()


@pytest.fixture(scope="module")
def root(lab: Lab, kubectl: Kubectl) -> Iterator[Root]:
    kubectl("apply", "-f", "-", input=json.dumps(POD))
    kubectl("wait", "--for=condition=Ready", "pod/privileged", "--timeout=60s")
    yield Root(kubectl)
    kubectl("delete", "pod", "privileged", "--now")


@pytest.mark.parametrize(
    "way",
    [
        "echo evil > /host/usr/{name}",
        "mount -o remount,rw /host; echo evil > /host/etc/{name}",
        "chroot /host sh -c 'echo evil > /root/{name}'",
        "nsenter -t 1 -m sh -c 'mount -o remount,rw /; echo evil > /var/{name}'",
    ],
)
def test_what_it_writes_to_the_root_stays_on_the_node(root: Root, way: str) -> None:
    assert root(way.format(name="aicr-evil")).endswith("true"), "the node's layer takes it"
    for directory in ("/usr", "/etc", "/root", "/var"):
        assert not (Path(directory) / "aicr-evil").exists()


def test_what_it_removes_stays_on_the_host(root: Root) -> None:
    assert root("rm /host/dev/full /host/etc/passwd").endswith("true")
    assert Path("/dev/full").is_char_device()
    assert Path("/etc/passwd").exists()


def test_the_labs_own_records_stay_as_they_are(root: Root, lab: Lab) -> None:
    before = {path: path.read_bytes() for path in (lab.dir / "lab.json", lab.init)}
    record = lab.nodes[0].namespaces.record
    before[record] = record.read_bytes()
    for path in before:
        root(f"echo evil > /host{path}")
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("name", ["kernel/core_pattern", "vm/swappiness", "fs/file-max"])
@pytest.mark.parametrize(
    "way",
    [
        "cat {value} > /proc/sys/{name}",
        "cat {value} > /host/proc/sys/{name}",
        "nsenter -t 1 -m sh -c 'cat {value} > /proc/sys/{name}'",
    ],
)
def test_settings_of_the_machine_are_read_and_not_written(root: Root, name: str, way: str) -> None:
    own = f"/proc/sys/{name}"  # what stands there already: a hole in the fence does no harm
    assert root(f"cat {own}").endswith("true")
    said = root(f"cat {own} > /tmp/value; {way.format(value='/tmp/value', name=name)}")
    assert "Read-only file system" in said


def test_settings_of_its_network_are_its_own(root: Root) -> None:
    before = Path("/proc/sys/net/ipv4/ip_default_ttl").read_text()
    assert root("echo 77 > /proc/sys/net/ipv4/ip_default_ttl").endswith("true")
    assert Path("/proc/sys/net/ipv4/ip_default_ttl").read_text() == before


def test_no_disk_opens(root: Root) -> None:
    device = Path("/").stat().st_dev
    numbers = f"{device >> 8 & 0xFFF} {device & 0xFF}"
    said = root(f"rm -f /tmp/disk; mknod /tmp/disk b {numbers} && head -c 1 /tmp/disk")
    assert "Operation not permitted" in said
    freed = (
        "mkdir -p /tmp/groups; mount -t cgroup -o devices cgroup /tmp/groups;"
        " echo $$ > /tmp/groups/cgroup.procs; echo a > /tmp/groups/devices.allow;"
        f" echo 'b {numbers.replace(' ', ':')} rwm' > /tmp/groups/devices.allow;"
        " umount /tmp/groups; head -c 1 /tmp/disk"
    )
    assert root(freed).endswith("head: /tmp/disk: Operation not permitted\nfalse")


def test_what_changes_the_machine_as_a_whole_is_nobodys_on_a_node(root: Root) -> None:
    for process in ("self", "1"):
        held = int(root(f"grep CapPrm /proc/{process}/status | cut -f 2").split()[0], 16)
        lacking = {16: "SYS_MODULE", 22: "SYS_BOOT", 25: "SYS_TIME", 17: "SYS_RAWIO"}
        assert [name for number, name in lacking.items() if held >> number & 1] == []
        assert held >> 21 & 1, "it can mount, as privileged pods of platforms do"
