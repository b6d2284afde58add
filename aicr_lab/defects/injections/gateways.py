"""Ways to break a gateway: its controller, its data plane, what lies between the two."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aicr_lab.addons import contour
from aicr_lab.addons.manifests import unavailable
from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.defects.programs import lying_gateway
from aicr_lab.errors import LabError
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import send_signal, start_time
from aicr_lab.machine.processes import LAB, Process
from aicr_lab.state import ProcessId

_APPS = "apps/v1"
_TABLE = "aicr_lying_gateway"
_CUT = "aicr_cut_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledToNothing:
    """A Deployment of the gateway has no pods, and nobody makes them anew."""

    deployment: str

    def inject(self, lab: Lab) -> None:
        """Scales the provisioner first: it would mend what it has made."""
        for name in (contour.PROVISIONER, self.deployment):
            _scale(lab, name, 0)
            await_effect(f"the end of {name}", lambda name=name: not _pods(lab, name))  # type: ignore[misc]

    def revert(self, lab: Lab) -> None:
        """Scales both back and waits until they are available."""
        for name in (self.deployment, contour.PROVISIONER):
            _scale(lab, name, 1)
        for name in (self.deployment, contour.PROVISIONER):
            await_effect(name, partial(_available, lab, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenDataPlane:
    """Every Envoy of the Gateway is stopped by a signal: alive, and silent."""

    def inject(self, lab: Lab) -> None:
        """Stop them."""
        for envoy in _envoys(lab):
            send_signal(envoy, signal.SIGSTOP)

    def revert(self, lab: Lab) -> None:
        """Lets them go on and waits until they are ready."""
        for envoy in _envoys(lab):
            send_signal(envoy, signal.SIGCONT)
        await_effect(contour.DATA_PLANE, partial(_available, lab, contour.DATA_PLANE))


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldDataPlane:
    """Envoy no longer hears from Contour: packets between them are dropped where Envoy runs."""

    def inject(self, lab: Lab) -> None:
        """Drop them in both directions; pushes would still arrive otherwise."""
        port = contour.XDS_PORT
        rules = (
            "table inet aicr_cut {\n"
            f"chain out {{ type filter hook output priority 0; tcp dport {port} drop; }}\n"
            f"chain in {{ type filter hook input priority 0; tcp sport {port} drop; }}\n"
            "}\n"
        )
        for envoy in _envoys(lab):
            command = ["nsenter", "-t", str(envoy.pid), "-n", "nft", "-f", "-"]
            subprocess.run(command, input=rules, text=True, check=True, capture_output=True)

    def revert(self, lab: Lab) -> None:
        """Make the pods anew, since the old ones would wait before they ask again."""
        old = _pods(lab, contour.DATA_PLANE)
        for pod in old:
            lab.api.delete("v1", "Pod", pod["metadata"]["name"], contour.NAMESPACE)
        gone = {pod["metadata"]["uid"] for pod in old}
        await_effect(
            f"new pods of {contour.DATA_PLANE}",
            lambda: (
                not gone & {p["metadata"]["uid"] for p in _pods(lab, contour.DATA_PLANE)}
                and _available(lab, contour.DATA_PLANE)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingGateway:
    """Another data plane answers at the Gateway's address; see :mod:`.lying_gateway`."""

    mode: str
    namespace: str = contour.NAMESPACE
    """Of the Gateway whose place it takes."""

    @property
    def _component(self) -> str:
        return f"lying-gateway-{self.mode}"

    def inject(self, lab: Lab) -> None:
        """Start it and lead the traffic of every node to it, before kube-proxy sees it."""
        if not lab.processes.alive(self._component):
            lab.start(self._process(lab))
        await_effect("the lying gateway", lambda: _listens(lab))
        (address,) = _addresses(lab, self.namespace)
        to = f"{network.BRIDGE_IP}:{lying_gateway.PORT}"
        rules = (
            f"table ip {_TABLE} {{\n"
            "chain pre { type nat hook prerouting priority -110;\n"
            f"ip daddr {address['value']} tcp dport 80 dnat to {to}; }}\n"
            "}\n"
        )
        for node in lab.nodes:
            node.namespaces.run(["nft", "-f", "-"], input=rules)

    def revert(self, lab: Lab) -> None:
        """Leads the traffic back and ends it."""
        for node in lab.nodes:
            node.run(["nft", "delete", "table", "ip", _TABLE], check=False)
        lab.processes.stop(self._component)
        lab.processes.forget(self._component)

    def _process(self, lab: Lab) -> Process:
        admin = lab.authority.identity("admin")
        argv = (
            *(sys.executable, "-m", lying_gateway.__name__),
            f"--mode={self.mode}",
            f"--ca={lab.authority.certificate}",
            f"--certificate={admin.certificate}",
            f"--key={admin.key}",
        )
        log = lab.dir / "logs" / f"{self._component}.log"
        return Process(name=self._component, argv=argv, namespace=LAB, log=log)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodsCutOff:
    """Pods reach neither the Gateway's address nor each other's servers, as by an egress policy."""

    def inject(self, lab: Lab) -> None:
        """Drop them on every node."""
        (address,) = _addresses(lab, contour.NAMESPACE)
        rules = (
            f"table ip {_CUT} {{\n"
            "chain pre { type filter hook prerouting priority -150;\n"
            f"ip saddr {network.POD_CIDR} ip daddr {address['value']} drop;\n"
            f"ip saddr {network.POD_CIDR} ip daddr {network.POD_CIDR} tcp dport 8080 drop; }}\n"
            "}\n"
        )
        for node in lab.nodes:
            node.namespaces.run(["nft", "-f", "-"], input=rules)

    def revert(self, lab: Lab) -> None:
        """Lets them through."""
        for node in lab.nodes:
            node.run(["nft", "delete", "table", "ip", _CUT], check=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedGateway:
    """The platform's Gateway takes routes of its own namespace only."""

    def inject(self, lab: Lab) -> None:
        """Close it."""
        self._take(lab, "Same")

    def revert(self, lab: Lab) -> None:
        """Open it to every namespace again."""
        self._take(lab, "All")

    def _take(self, lab: Lab, source: str) -> None:
        gateway = contour.gateway(contour.NAMESPACE, contour.CLASS)
        gateway["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["from"] = source
        lab.api.apply(gateway)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsOnly:
    """The platform's Gateway speaks nothing but TLS, with a certificate that nobody knows."""

    secret: str = "edge-certificate"

    def inject(self, lab: Lab) -> None:
        """Give it a certificate and make its listener one for HTTPS."""
        serving = lab.authority.identity("kube-apiserver")
        lab.api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self.secret, "namespace": contour.NAMESPACE},
                "type": "kubernetes.io/tls",
                "stringData": {
                    "tls.crt": serving.certificate.read_text(),
                    "tls.key": serving.key.read_text(),
                },
            }
        )
        gateway = contour.gateway(contour.NAMESPACE, contour.CLASS)
        references = [{"name": self.secret}]
        gateway["spec"]["listeners"][0] |= {
            "protocol": "HTTPS",
            "port": 443,
            "tls": {"mode": "Terminate", "certificateRefs": references},
        }
        lab.api.apply(gateway)
        await_effect("port 443", lambda: _ports(lab) == [443])

    def revert(self, lab: Lab) -> None:
        """Make the listener what it was."""
        lab.api.apply(contour.gateway(contour.NAMESPACE, contour.CLASS))
        await_effect("port 80", lambda: _ports(lab) == [80])
        lab.api.delete("v1", "Secret", self.secret, contour.NAMESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostnameAddress:
    """The Gateway's address is a host name, as with some clouds' load balancers."""

    hostname: str = f"{contour.DATA_PLANE}.{contour.NAMESPACE}.svc.cluster.local"

    def inject(self, lab: Lab) -> None:
        """Tells the Service that it has a host name instead of an IP."""
        self._tell(lab, [{"hostname": self.hostname}], "Hostname")

    def revert(self, lab: Lab) -> None:
        """Take it away, so that the lab's load balancer gives an IP again."""
        self._tell(lab, None, "IPAddress")

    def _tell(self, lab: Lab, ingress: list[Object] | None, kind: str) -> None:
        lab.api.patch(
            "v1",
            "Service",
            contour.DATA_PLANE,
            {"status": {"loadBalancer": {"ingress": ingress}}},
            contour.NAMESPACE,
            subresource="status",
        )
        await_effect(
            f"an address of type {kind}",
            lambda: [a["type"] for a in _addresses(lab, contour.NAMESPACE)] == [kind],
        )


def _addresses(lab: Lab, namespace: str) -> list[Object]:
    """The addresses of the Gateway that an add-on makes in its namespace."""
    found = lab.api.get(contour.GATEWAY_API, "Gateway", contour.GATEWAY, namespace)
    addresses: list[Object] = found.get("status", {}).get("addresses") or []
    return addresses


def _ports(lab: Lab) -> list[int]:
    """The ports of the Service before the data plane."""
    found = lab.api.get("v1", "Service", contour.DATA_PLANE, contour.NAMESPACE)
    return [port["port"] for port in found["spec"]["ports"]]


def _scale(lab: Lab, deployment: str, replicas: int) -> None:
    spec = {"spec": {"replicas": replicas}}
    lab.api.patch(_APPS, "Deployment", deployment, spec, contour.NAMESPACE)


def _available(lab: Lab, deployment: str) -> bool:
    return not unavailable(lab, "Deployment", deployment, contour.NAMESPACE)


def _pods(lab: Lab, deployment: str) -> list[Object]:
    """The pods of a Deployment; ReplicaSets carry its name, and their pods theirs."""
    return [
        pod
        for pod in lab.api.list("v1", "Pod", contour.NAMESPACE)
        if pod["metadata"]["name"].rsplit("-", 2)[0] == deployment
    ]


def _envoys(lab: Lab) -> list[ProcessId]:
    """The Gateway's Envoys, as the host sees them."""
    uids = [pod["metadata"]["uid"] for pod in _pods(lab, contour.DATA_PLANE)]
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        # Before anything is read of it: what is read belongs to this process and no later one.
        pid = int(directory.name)
        started = start_time(pid)
        try:
            groups = (directory / "cgroup").read_text()
            name = (directory / "comm").read_text().strip()
        except OSError:
            continue  # it has ended meanwhile
        if started and name == "envoy" and any(uid in groups for uid in uids):
            found.append(ProcessId(pid=pid, start_time=started))
    if not found:
        raise LabError("no Envoy of the Gateway runs", hint="python -m aicr_lab status")
    return found


def _listens(lab: Lab) -> bool:
    try:
        lab.namespaces.dial(network.BRIDGE_IP, lying_gateway.PORT, timeout=1).close()
    except OSError:
        return False
    return True
