import dataclasses
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from aicr_lab.kubernetes import containerd, kubelet, mounts, network
from aicr_lab.kubernetes.node import Node
from aicr_lab.kubernetes.pki import Authority
from aicr_lab.machine.cgroups import Cgroups, Hierarchies
from aicr_lab.options import LabOptions


def node(index: int, directory: Path = Path("/state/nodes")) -> Node:
    name = f"node-{index}"
    return Node(
        name=name,
        index=index,
        dir=directory / name,
        init=Path("/state/bin/aicr-init"),
        cgroups=Cgroups(name="a", hierarchies=Hierarchies(v1=(Path("/cg/memory"),))),
    )


def test_nodes_differ_in_everything_that_would_clash() -> None:
    one, other = node(0), node(1)
    for attribute in ("ip", "pod_cidr", "kubelet_root", "cdi_dir", "driver_root", "kubeconfig"):
        assert getattr(one, attribute) != getattr(other, attribute)


@pytest.mark.parametrize(
    ("allocation", "expected"),
    [
        ("dra", [("dra",), ("dra",)]),
        ("device-plugin", [("device-plugin",), ("device-plugin",)]),
        ("mixed", [("dra",), ("device-plugin",)]),
        ("both", [("dra", "device-plugin"), ("dra", "device-plugin")]),
    ],
)
def test_nodes_hand_out_by_the_mechanisms_of_their_lab(
    allocation: str, expected: list[tuple[str, ...]]
) -> None:
    options = LabOptions(allocation=allocation)  # type: ignore[arg-type]
    assert [node(index).mechanisms(options) for index in (0, 1)] == expected


def test_each_node_may_have_a_number_of_its_own() -> None:
    options = LabOptions(nodes=3, gpus=(8, 1))
    assert [node(index).gpus(options) for index in (0, 1, 2)] == [8, 1, 1]


def test_processes_of_a_node_join_a_leaf_beside_its_pods() -> None:
    assert node(0).namespaces.cgroups == (Path("/cg/memory/aicr-lab/a/node-0/system/cgroup.procs"),)


def test_containerd_gets_every_runtime_handler() -> None:
    runtimes = {"runc": Path("/state/runc"), "nvidia": Path("/state/nvidia")}
    text = containerd.config(node(0), runtimes, [Path("/usr/lib/cni")], "overlayfs")
    plugins = tomllib.loads(text)["plugins"]
    runtime = plugins["io.containerd.cri.v1.runtime"]
    handlers = runtime["containerd"]["runtimes"]
    assert {name: handlers[name]["options"]["BinaryName"] for name in handlers} == {
        "runc": "/state/runc",
        "nvidia": "/state/nvidia",
    }
    assert runtime["cdi_spec_dirs"] == ["/state/nodes/node-0/cdi"]
    assert runtime["cni"]["bin_dirs"] == ["/usr/lib/cni"]
    assert plugins["io.containerd.cri.v1.images"]["snapshotter"] == "overlayfs"


def test_pods_of_a_node_get_its_addresses() -> None:
    bridge = json.loads(containerd.pod_network(node(1)))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]


def test_kubelet_keeps_to_its_own_cgroup_and_refuses_anonymous() -> None:
    config = kubelet.kubelet_config(node(0), Authority(Path("/pki")))
    assert config["cgroupRoot"] == "/", "of its own cgroup namespace"
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["clusterDNS"] == [network.DNS_SERVICE_IP]


def test_without_a_cgroup_namespace_kubelet_is_told_its_place() -> None:
    groups = Cgroups(name="a", hierarchies=Hierarchies(v2=Path("/sys/fs/cgroup")))
    on_v2 = dataclasses.replace(node(0), cgroups=groups)
    assert on_v2.cgroup_root == "/aicr-lab/a/node-0"
    assert on_v2.namespaces.cgroup_roots == ()


def test_what_runs_on_a_node_is_fenced_and_sees_no_other_groups() -> None:
    namespaces = node(0).namespaces
    assert namespaces.fenced
    assert namespaces.cgroup_roots == (Path("/cg/memory/aicr-lab/a/node-0/cgroup.procs"),)


def test_pods_cannot_write_whom_the_host_takes_for_the_nodes_init() -> None:
    assert not node(0).namespaces.record.is_relative_to(node(0).dir)


def test_kubelet_names_itself_and_its_labels() -> None:
    process = kubelet.kubelet(node(1), Path("/bin/kubernetes"), {"b": "2", "a": "1"})
    assert process.argv[:2] == ("/bin/kubernetes", "kubelet")
    assert {"--hostname-override=node-1", "--node-ip=10.200.0.11", "--node-labels=a=1,b=2"} <= set(
        process.argv
    )
    assert process.namespace == "node-1"


def test_nodes_route_to_each_others_pods() -> None:
    nodes = [node(index) for index in range(3)]
    commands = network.node_commands(nodes[1], nodes)
    assert "route add 10.244.0.0/24 via 10.200.0.10" in commands
    assert "route add 10.244.2.0/24 via 10.200.0.12" in commands
    assert not [line for line in commands if "10.244.1.0" in line]


MOUNTINFO = """\
1 0 8:1 / / rw - ext4 /dev/vda rw
2 1 0:5 / /proc rw - proc proc rw
3 1 0:6 / /dev rw - devtmpfs devtmpfs rw
4 3 0:7 / /dev/shm rw - tmpfs tmpfs rw
5 1 8:2 / /home rw - xfs /dev/vdb rw
6 1 8:3 / /mnt/a\\040b rw - ext4 /dev/vdc rw
7 1 0:8 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
8 1 0:9 / /net rw - autofs systemd-1 rw
9 5 8:2 / /home rw - xfs /dev/vdb rw
"""


def lines(directory: Path = Path("/state")) -> list[str]:
    return mounts.script(node(0, directory / "nodes"), directory, MOUNTINFO).splitlines()


def test_mounts_are_a_script_that_the_shell_understands() -> None:
    script = "\n".join(lines(Path("/a b")))
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
    assert "'/a b/nodes/node-0/kubelet' /var/lib/kubelet" in script
    for name in mounts.KERNEL_SETTINGS:
        assert (
            f"mount --bind /run/aicr/proc.sys.{name.replace('/', '.')} /proc/sys/{name}" in script
        )


def test_every_file_system_of_the_host_is_seen_under_a_layer_of_the_nodes() -> None:
    layered = [line.split("cd ")[1].split(" &&")[0] for line in lines() if "-t overlay" in line]
    assert layered == ["/", "/home", "'/mnt/a b'", "/state"]


def test_only_the_nodes_own_directory_is_the_hosts_and_writable() -> None:
    own = "mount --bind /state/nodes/node-0 /run/root/state/nodes/node-0"
    before = lines()[: next(i for i, line in enumerate(lines()) if "pivot_root" in line)]
    bound = [line for line in before if line.startswith("mount --bind")]
    assert bound == [own]
    assert "mount --bind /cg/memory/aicr-lab/a/node-0 /run/root/cg/memory" in "".join(before)


def test_no_device_with_hardware_behind_it_is_made_or_allowed() -> None:
    made = [line.split()[3:] for line in lines() if line.startswith("mknod")]
    assert {kind for _, kind, _, _ in made} == {"c"}
    assert {major for _, _, major, _ in made} == {"1", "5"}
    rules = [rule.split() for rule in mounts.device_rules((195, 120))]
    opened = {(kind, number) for kind, number, access in rules if access != "m"}
    assert {kind for kind, _ in opened} == {"c"}
    assert {("c", "195:*"), ("c", "120:*"), ("c", "1:3")} <= opened
    assert ("c", "1:1") not in opened, "/dev/mem"
