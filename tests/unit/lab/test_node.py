import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from aicr_lab import containerd, kubelet, mounts, network
from aicr_lab.cgroups import Cgroups, Hierarchies
from aicr_lab.node import Node
from aicr_lab.pki import Authority
from aicr_lab.state import LabOptions


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
        ("dra", ["dra", "dra"]),
        ("device-plugin", ["device-plugin", "device-plugin"]),
        ("mixed", ["dra", "device-plugin"]),
    ],
)
def test_mixed_gives_each_node_one_mechanism(allocation: str, expected: list[str]) -> None:
    options = LabOptions(allocation=allocation)  # type: ignore[arg-type]
    assert [node(index).allocation(options) for index in (0, 1)] == expected


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
    assert config["cgroupRoot"] == "/aicr-lab/a/node-0"
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["clusterDNS"] == [network.DNS_SERVICE_IP]


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


def test_mounts_are_a_script_that_the_shell_understands() -> None:
    script = mounts.script(node(0, Path("/a b/nodes")), Path("/a b"))
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
    assert "'/a b/nodes/node-0/kubelet' /var/lib/kubelet" in script
    for name in mounts.KERNEL_SETTINGS:
        assert (
            f"mount --bind /run/aicr/proc.sys.{name.replace('/', '.')} /proc/sys/{name}" in script
        )


def test_state_below_var_lib_stays_reachable_under_the_overlay() -> None:
    state = Path("/var/lib/labs/a")
    back = f"mount --bind /run/aicr/state {state}"
    assert back in mounts.script(node(0, state / "nodes"), state)
    assert back not in mounts.script(node(0), Path("/state"))
