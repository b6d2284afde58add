"""kubelet and kube-proxy on a node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_lab.kubernetes import containerd, network
from aicr_lab.kubernetes.node import Node
from aicr_lab.kubernetes.pki import Authority
from aicr_lab.machine.processes import HttpHealth, Process
from aicr_lab.state import write_private

ROOT = "/var/lib/kubelet"
"""kubelet's root inside the node: the device plugin's paths are fixed to it."""


def kubelet_config(node: Node, authority: Authority) -> dict[str, Any]:
    """KubeletConfiguration of a node."""
    serving = authority.identity(f"kubelet-serving-{node.name}")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "port": 10250,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "readOnlyPort": 0,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        "clusterDNS": [network.DNS_SERVICE_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": "/etc/resolv.conf",
        "podLogsDir": str(node.dir / "pod-logs"),
        # A root of its own: two kubelets in one cgroup tree delete each other's pods.
        "cgroupRoot": node.cgroup_root,
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        # Lowering it needs CAP_SYS_RESOURCE.
        "oomScoreAdj": 0,
        # The disk is the host's: neither its fullness nor its images are the node's business.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        "serializeImagePulls": False,
        # Upstream: 10 s and 1 min; tests wait for what these bring.
        "nodeStatusUpdateFrequency": "3s",
        "syncFrequency": "5s",
        "volumeStatsAggPeriod": "1m",
        "shutdownGracePeriod": "0s",
    }


def kube_proxy_config(node: Node) -> dict[str, Any]:
    """KubeProxyConfiguration of a node."""
    unlimited = {
        # The table's size is the machine's; zeros leave it alone.
        "maxPerCore": 0,
        "min": 0,
        "tcpEstablishedTimeout": "0s",
        "tcpCloseWaitTimeout": "0s",
    }
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": network.POD_CIDR,
        "clientConnection": {"kubeconfig": str(node.dir / "kube-proxy.kubeconfig")},
        "conntrack": unlimited,
        "oomScoreAdj": 0,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "hostnameOverride": node.name,
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
    }


def configure(node: Node, authority: Authority) -> None:
    """Write the configuration of a node's kubelet and kube-proxy."""
    write_private(node.dir / "kubelet.yaml", json.dumps(kubelet_config(node, authority), indent=1))
    write_private(node.dir / "kube-proxy.yaml", json.dumps(kube_proxy_config(node), indent=1))


def kubelet(node: Node, binary: Path, labels: Mapping[str, str]) -> Process:
    """kubelet of a node; Kubernetes' own labels among ``labels`` must be ones it may set."""
    flags = (
        f"--config={node.dir / 'kubelet.yaml'}",
        f"--kubeconfig={node.kubeconfig}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.ip}",
        f"--node-labels={','.join(f'{key}={value}' for key, value in sorted(labels.items()))}",
        f"--root-dir={ROOT}",
        f"--cert-dir={ROOT}/pki",
        "-v=1",
    )
    return Process(
        name=f"kubelet@{node.name}",
        argv=(str(binary), "kubelet", *flags),
        namespace=node.name,
        log=node.log_dir / "kubelet.log",
        health=HttpHealth(port=10248, tls=False),
    )


def kube_proxy(node: Node, binary: Path) -> Process:
    """kube-proxy of a node; started once the Node exists, whose addresses it asks for."""
    return Process(
        name=f"kube-proxy@{node.name}",
        argv=(str(binary), "kube-proxy", f"--config={node.dir / 'kube-proxy.yaml'}"),
        namespace=node.name,
        log=node.log_dir / "kube-proxy.log",
        health=HttpHealth(port=10256, tls=False),
    )
