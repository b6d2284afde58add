"""The control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

All of them run in the lab's own namespaces, so their ports are fixed and clash with nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.kubeconfig import write_kubeconfig
from aicr_lab.kubernetes.node import Node
from aicr_lab.kubernetes.pki import Authority
from aicr_lab.machine.processes import LAB, HttpHealth, Process
from aicr_lab.state import write_private

# Native gang scheduling: PodGroup of scheduling.k8s.io/v1beta1.
_FEATURE_GATES = "--feature-gates=GenericWorkload=true"
_RUNTIME_CONFIG = "--runtime-config=scheduling.k8s.io/v1beta1=true"
# Of DRA, beside v1: what older platforms have alone.
_BETAS = "--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true"

_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"

_API_HOSTS = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "127.0.0.1",
    network.KUBERNETES_SERVICE_IP,
    network.BRIDGE_IP,
)

_SCHEDULER_CONFIG = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {{kubeconfig: {kubeconfig}, qps: 200, burst: 400}}
leaderElection: {{leaderElect: false}}
# Upstream waits up to 10 s before it looks at a pod again.
podMaxBackoffSeconds: 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """The control plane's files and processes."""

    dir: Path
    """State of the control plane."""
    binary: Path
    """The multi-call program ``kubernetes``."""
    authority: Authority
    fast: bool = False
    """Whether the autoscaler looks every 2 s instead of every 15 s."""
    emulated: str = ""
    """The older Kubernetes, e.g. ``1.35``, as which it behaves; empty: as itself."""

    @property
    def server(self) -> str:
        """The API server as components inside the lab reach it."""
        return f"https://{network.BRIDGE_IP}:{network.API_PORT}"

    def log(self, component: str) -> Path:
        """Where a component writes."""
        return self.dir / "logs" / f"{component}.log"

    def write_credentials(self) -> None:
        """Certificates and kubeconfigs of the control plane, each with its own identity."""
        self.authority.create()
        self.authority.create_signing_key("service-accounts")
        self.authority.issue("kube-apiserver", "kube-apiserver", hosts=_API_HOSTS)
        self.authority.issue(
            "kubelet-client", "kube-apiserver-kubelet-client", organization="system:masters"
        )
        self.authority.issue("front-proxy-client", "front-proxy-client")
        self.authority.issue("admin", "aicr-lab-admin", organization="system:masters")
        for component in ("kube-controller-manager", "kube-scheduler"):
            self.authority.issue(component, f"system:{component}")
            self._write_kubeconfig(component)
        write_private(
            self.dir / "scheduler.yaml",
            _SCHEDULER_CONFIG.format(kubeconfig=self._kubeconfig("kube-scheduler")),
        )

    def write_node_credentials(self, node: Node) -> None:
        """Certificates and kubeconfigs of a node: kubelet as client and server, kube-proxy."""
        identity = self.authority.issue(
            f"kubelet-{node.name}", f"system:node:{node.name}", organization="system:nodes"
        )
        write_kubeconfig(
            node.kubeconfig,
            context=node.name,
            server=self.server,
            authority=self.authority,
            identity=identity,
        )
        self.authority.issue(
            f"kubelet-serving-{node.name}", node.name, hosts=(node.name, node.ip, "127.0.0.1")
        )
        proxy = self.authority.issue(f"kube-proxy-{node.name}", "system:kube-proxy")
        write_kubeconfig(
            node.dir / "kube-proxy.kubeconfig",
            context=node.name,
            server=self.server,
            authority=self.authority,
            identity=proxy,
        )

    def etcd(self) -> Process:
        """The store."""
        flags = (
            "--name=lab",
            f"--data-dir={self.dir / 'etcd'}",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            f"--listen-peer-urls={_ETCD_PEER}",
            f"--initial-advertise-peer-urls={_ETCD_PEER}",
            f"--initial-cluster=lab={_ETCD_PEER}",
            # A lab does not outlive a power cut, and syncing is most of what etcd waits for.
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return self._process("etcd", flags, HttpHealth(port=2379, path="/health", tls=False))

    def apiserver(self) -> Process:
        """The API server."""
        identity = self.authority.identity
        serving, kubelet = identity("kube-apiserver"), identity("kubelet-client")
        proxy, accounts = identity("front-proxy-client"), identity("service-accounts")
        flags = (
            f"--etcd-servers={_ETCD}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={network.BRIDGE_IP}",
            f"--secure-port={network.API_PORT}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.authority.certificate}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={network.SERVICE_CIDR}",
            "--allow-privileged=true",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            f"--requestheader-client-ca-file={self.authority.certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.certificate}",
            f"--proxy-client-key-file={proxy.key}",
            # No kube-proxy beside it: it dials the pods behind Services itself.
            "--enable-aggregator-routing=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--kubelet-client-certificate={kubelet.certificate}",
            f"--kubelet-client-key={kubelet.key}",
            *self._features(_FEATURE_GATES, _RUNTIME_CONFIG),
            _BETAS,
            "--shutdown-delay-duration=0s",
            "--profiling=false",
        )
        health = HttpHealth(port=network.API_PORT, path="/readyz")
        return self._process("kube-apiserver", flags, health)

    def controller_manager(self) -> Process:
        """The controllers."""
        kubeconfig = self._kubeconfig("kube-controller-manager")
        flags = (
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self.authority.identity('service-accounts').key}",
            f"--root-ca-file={self.authority.certificate}",
            f"--cluster-signing-cert-file={self.authority.certificate}",
            f"--cluster-signing-key-file={self.authority.key}",
            f"--cluster-cidr={network.POD_CIDR}",
            # Nodes have their pod CIDRs from the lab: routes are made before the nodes register.
            "--allocate-node-cidrs=false",
            *self._features(_FEATURE_GATES),
            # Every controller gets an account and a token at start; upstream's limit of 20 requests
            # per second makes that the longest part of ``up``.
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            f"--horizontal-pod-autoscaler-sync-period={2 if self.fast else 15}s",
            "--node-monitor-period=2s",
            "--node-monitor-grace-period=30s",
            "--profiling=false",
        )
        return self._process("kube-controller-manager", flags, HttpHealth(port=10257))

    def scheduler(self) -> Process:
        """The scheduler."""
        kubeconfig = self._kubeconfig("kube-scheduler")
        flags = (
            f"--config={self.dir / 'scheduler.yaml'}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            *self._features(_FEATURE_GATES),
        )
        return self._process("kube-scheduler", flags, HttpHealth(port=10259))

    def _features(self, *ours: str) -> tuple[str, ...]:
        """What is switched on beside the defaults; an older version is told of none of it."""
        return (f"--emulated-version={self.emulated}",) if self.emulated else ours

    def _process(self, name: str, flags: Sequence[str], health: HttpHealth) -> Process:
        return Process(
            name=name,
            argv=(str(self.binary), name, *flags),
            namespace=LAB,
            log=self.log(name),
            health=health,
        )

    def _kubeconfig(self, component: str) -> Path:
        return self.dir / f"{component}.kubeconfig"

    def _write_kubeconfig(self, component: str) -> None:
        write_kubeconfig(
            self._kubeconfig(component),
            context=component,
            server=self.server,
            authority=self.authority,
            identity=self.authority.identity(component),
        )
