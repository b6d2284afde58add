"""containerd on a node: its configuration, the pod network, the process."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aicr_lab.build import images
from aicr_lab.errors import ComponentFailed
from aicr_lab.kubernetes.node import Node
from aicr_lab.machine.processes import Process
from aicr_lab.state import write_private

SOCKET = "/run/containerd/containerd.sock"
"""Inside the node, whose ``/run`` is private."""

# A hundred megabytes and their unpacking, on a busy machine.
_IMPORT_TIMEOUT = 180.0

_CONFIG = """\
version = 3
root = "{root}"
state = "/run/containerd/state"
disabled_plugins = [
  "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
]
[grpc]
address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "{snapshotter}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.runtime']
enable_cdi = true
cdi_spec_dirs = ["{cdi}"]
# Without CAP_SYS_RESOURCE runc cannot lower the score and the sandbox would not start.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = [{cni_bin}]
conf_dir = "{cni_conf}"
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
"""

_RUNTIME = """\
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}]
runtime_type = "io.containerd.runc.v2"
# Else a privileged container is allowed every device, and the node's own group does not let it.
privileged_without_host_devices = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}.options]
BinaryName = "{binary}"
SystemdCgroup = false
"""


def config(
    node: Node, runtimes: Mapping[str, Path], cni_bin: Sequence[Path], snapshotter: str
) -> str:
    """The text of ``config.toml``.

    Args:
        runtimes: runtime handlers and their OCI runtimes; ``runc`` is the default one.
    """
    text = _CONFIG.format(
        root=node.dir / "containerd",
        socket=SOCKET,
        pause=images.PAUSE,
        snapshotter=snapshotter,
        cdi=node.cdi_dir,
        cni_bin=", ".join(f'"{directory}"' for directory in cni_bin),
        cni_conf=node.dir / "cni",
    )
    return text + "".join(
        _RUNTIME.format(name=name, binary=binary) for name, binary in runtimes.items()
    )


def pod_network(node: Node) -> str:
    """The CNI configuration: a bridge per node; other nodes' pods are routed to."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(node.dir / "ipam"),
            "ranges": [[{"subnet": node.pod_cidr}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    plugins = [bridge, portmap]
    return json.dumps({"cniVersion": "1.0.0", "name": "lab", "plugins": plugins}, indent=1)


def configure(
    node: Node, runtimes: Mapping[str, Path], cni_bin: Sequence[Path], snapshotter: str
) -> None:
    """Write the configuration of a node's containerd."""
    text = config(node, runtimes, cni_bin, snapshotter)
    write_private(node.dir / "containerd.toml", text)
    write_private(node.dir / "cni" / "10-lab.conflist", pod_network(node))


def answers(node: Node, ctr: Path) -> bool:
    """Whether containerd serves."""
    return node.run([*_ctr(ctr), "version"], check=False).returncode == 0


def import_images(node: Node, ctr: Path, archive: Path, snapshotter: str) -> None:
    """Import an archive and unpack it, so that the first pod does not have to."""
    words = ["images", "import", "--snapshotter", snapshotter]
    if snapshotter != "overlayfs":
        # containerd itself unpacks for its default snapshotter only; ctr does it for any.
        words.append("--local")
    words.append(str(archive))
    done = node.namespaces.run([*_ctr(ctr), *words], check=False, timeout=_IMPORT_TIMEOUT)
    if done.returncode:
        raise ComponentFailed(
            f"containerd@{node.name}",
            f"imports no images: {done.stderr.strip()}",
            node.log_dir / "containerd.log",
        )


def _ctr(program: Path) -> list[str]:
    return [str(program), "--address", SOCKET, "--namespace", "k8s.io"]


def process(node: Node, binary: Path) -> Process:
    """containerd of a node."""
    return Process(
        name=f"containerd@{node.name}",
        argv=(str(binary), "--config", str(node.dir / "containerd.toml"), "--log-level", "warn"),
        namespace=node.name,
        log=node.log_dir / "containerd.log",
    )
