"""The lab's network: a bridge in the lab's namespace, a veth pair per node, routes between pods.

The host's network namespace gets no link, route or rule. All labs use the same addresses: none of
them can see another.
"""

from collections.abc import Sequence
from pathlib import Path

from aicr_lab.kubernetes.node import Node
from aicr_lab.machine.namespaces import Namespaces

BRIDGE = "aicr0"
BRIDGE_IP = "10.200.0.1"
SERVICE_CIDR = "10.96.0.0/16"
KUBERNETES_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"
POD_CIDR = "10.244.0.0/16"
NODE_PREFIX = "10.200.0."
API_PORT = 6443
"""Port of the API server inside the lab; on the host a free port is taken."""


def lab_commands(nodes: Sequence[Node]) -> list[str]:
    """``ip`` commands for the lab's own namespace, once the nodes' namespaces exist."""
    commands = [
        f"link add {BRIDGE} type bridge",
        f"addr add {BRIDGE_IP}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ]
    for node in nodes:
        link = f"veth-{node.index}"
        commands += [
            f"link add {link} type veth peer name eth0 netns {_pid_in_lab(node)}",
            f"link set {link} master {BRIDGE} up",
        ]
    # The API server dials pods itself (aggregated APIs, webhooks) and has no kube-proxy beside it.
    return commands + [f"route add {node.pod_cidr} via {node.ip}" for node in nodes]


def node_commands(node: Node, nodes: Sequence[Node]) -> list[str]:
    """``ip`` commands for a node's namespace, once its end of the veth pair is there."""
    others = [other for other in nodes if other.index != node.index]
    return [
        f"addr add {node.ip}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {BRIDGE_IP}",
        *(f"route add {other.pod_cidr} via {other.ip}" for other in others),
    ]


def set_up(lab: Namespaces, nodes: Sequence[Node]) -> None:
    """Join the nodes to the lab's network."""
    run_ip(lab, lab_commands(nodes))
    # What leaves the cluster gets "network unreachable" at once instead of a time-out.
    lab.run(["/bin/sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
    for node in nodes:
        run_ip(node.namespaces, node_commands(node, nodes))
        node.run(["/bin/sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


def _pid_in_lab(node: Node) -> int:
    """A node's init as the lab's PID namespace numbers it."""
    status = Path(f"/proc/{node.namespaces.pid()}/status").read_text()
    numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    # From ours inwards: host, lab, node.
    return int(numbers[-2])


def run_ip(namespaces: Namespaces, commands: Sequence[str]) -> None:
    """Run ``ip`` commands in a network."""
    namespaces.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n")
