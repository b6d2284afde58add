"""What the lab calls to give a node accelerators: the hooks of ``aicr_lab``.

``prepare`` makes the driver's root and the runtime, ``processes`` names NVIDIA's program that hands
the GPUs out, ``manifests`` what an administrator would install once per cluster.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.accelerators import agent, device_plugin, mig
from aicr_lab.accelerators.artifacts import DRA_DRIVER, DRIVER
from aicr_lab.accelerators.devices import device_nodes, free_majors, make_nodes
from aicr_lab.accelerators.driver_root import DriverRoot
from aicr_lab.accelerators.profiles import Gpu, gpus_of, profile_named
from aicr_lab.accelerators.runtime import NodeRuntime, facts_of
from aicr_lab.accelerators.state_file import StateFile, describe
from aicr_lab.build.builder import locate
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.machine.processes import Process
from aicr_lab.options import LabOptions

DRIVER_NAME = "gpu.nvidia.com"
IDENTITY = ("uuid", "uuid")
"""Attribute in slices, and key of the state file, by which a device is told from others."""
# In the driver's own mount namespace, so that nobody else sees hardware that is not there.
_WITH_MOUNTS = """\
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done
shift; exec "$@"
"""


def prepare(node: Node, options: LabOptions) -> None:
    """Make driver root, device nodes, state file and runtime; before containerd starts."""
    profile = profile_named(options.gpu_profile)
    gpus = gpus_of(node.name, node.gpus(options))
    root = driver_root(node, options)
    root.fill(
        nvml=locate(DRIVER, "libnvidia-ml.so"),
        cuda=locate(DRIVER, "libcuda.so"),
        nvidia_smi=locate(DRIVER, "nvidia-smi"),
    )
    free = free_majors(Path("/proc/devices").read_text())
    nodes = device_nodes(free, len(gpus))
    parts = mig.instances_of(gpus[: options.mig])
    make_nodes(root.dev, [*nodes, *mig.capability_nodes(parts, free.caps)])
    if parts:
        mig.write_proc(_proc_driver(node), parts, free.caps)
    state_file(node, options).write(describe(profile, gpus, parts))
    _link_pci_buses(_pci_dir(node), gpus)
    facts = facts_of(
        root,
        nodes,
        [gpu.uuid for gpu in gpus],
        {part.uuid: part.gpu for part in parts},
        node.kubelet_root,
        _cdi_hook(),
    )
    runtime(node).install(node.name, facts)
    if options.shares.strategy != "none":
        device_plugin.prepare(node, options.shares)


def majors() -> tuple[int, ...]:
    """Major numbers of the simulated devices."""
    free = free_majors(Path("/proc/devices").read_text())
    return (free.gpu, free.uvm, free.caps)


def processes(node: Node, options: LabOptions) -> list[Process]:
    """NVIDIA's programs that hand the node's GPUs out, and who decides how busy they look."""
    idle_mw = profile_named(options.gpu_profile).idle_power_w * 1000
    state = driver_root(node, options).state_file
    return [*allocators(node, options), agent_process(node, state, idle_mw)]


def runtime_binary(node: Node, handler: str = "runc") -> Path:
    """What containerd calls as OCI runtime, for the handlers ``runc`` and ``nvidia``."""
    return runtime(node).binary(handler)


def labels(node: Node, options: LabOptions) -> dict[str, str]:
    """Node labels that NVIDIA's GPU feature discovery would set."""
    if node.gpus(options) == 0 or not options.feature_discovery:
        return {}
    profile = profile_named(options.gpu_profile)
    product = profile.product.replace(" ", "-")
    found = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.count": str(node.gpus(options)),
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": str(profile.memory_mib),
    }
    if options.mig:
        found |= _labels_of_parts(node.gpus(options), options, product)
    shares = options.shares
    if "device-plugin" in node.mechanisms(options) and shares.replicas > 1:
        found |= {
            "nvidia.com/gpu.replicas": str(shares.replicas),
            "nvidia.com/gpu.sharing-strategy": shares.strategy,
            # Under its own name a shared device is told from a whole one by nothing else.
            "nvidia.com/gpu.product": product if shares.renamed else f"{product}-SHARED",
        }
    return found


def published(node: Node, options: LabOptions) -> int:
    """How many devices the DRA driver publishes of a node."""
    return node.gpus(options) + options.mig * (mig.PER_GPU - 1)


def counted(node: Node, options: LabOptions) -> dict[str, int]:
    """Extended resource → how much of it the device plugin counts on a node."""
    whole, parts = node.gpus(options) - options.mig, options.mig * mig.PER_GPU
    if options.mig_strategy == "single" and parts:
        return {"nvidia.com/gpu": parts}
    found = {options.resource: whole * options.shares.replicas, mig.RESOURCE: parts}
    return {name: count for name, count in found.items() if count}


def _labels_of_parts(gpus: int, options: LabOptions, product: str) -> dict[str, str]:
    parts = str(options.mig * mig.PER_GPU)
    found = {"nvidia.com/mig.capable": "true", "nvidia.com/mig.strategy": options.mig_strategy}
    if options.mig_strategy == "single":
        whole = {"gpu.count": parts, "gpu.product": f"{product}-MIG-{mig.PROFILE}"}
    else:
        whole = {"gpu.count": str(gpus - options.mig), f"mig-{mig.PROFILE}.count": parts}
    return found | {f"nvidia.com/{name}": value for name, value in whole.items()}


def manifests(options: LabOptions) -> list[Object]:
    """Cluster-wide objects: the RuntimeClass, and the DeviceClasses of NVIDIA's chart."""
    found: list[Object] = [
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "nvidia"},
            "handler": "nvidia",
        }
    ]
    if options.allocation != "device-plugin":
        found += [
            device_class("gpu.nvidia.com", "gpu", extended_resource="nvidia.com/gpu"),
            device_class("mig.nvidia.com", "mig"),
            device_class("vfio.gpu.nvidia.com", "vfio"),
        ]
    return found


def device_class(name: str, device_type: str, *, extended_resource: str = "") -> Object:
    """A DeviceClass as the chart of NVIDIA's driver ships it."""
    expression = (
        "device.driver == 'gpu.nvidia.com' && "
        f"device.attributes['gpu.nvidia.com'].type == '{device_type}'"
    )
    spec: Object = {"selectors": [{"cel": {"expression": expression}}]}
    if extended_resource:
        spec["extendedResourceName"] = extended_resource
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": spec,
    }


def driver_root(node: Node, options: LabOptions) -> DriverRoot:
    """The driver's root of a node."""
    return DriverRoot(node.driver_root, profile_named(options.gpu_profile).driver_version)


def state_file(node: Node, options: LabOptions) -> StateFile:
    """What the GPUs of a node look like."""
    return StateFile(driver_root(node, options).state_file, node.name)


def runtime(node: Node) -> NodeRuntime:
    """The OCI runtime of a node."""
    return NodeRuntime(node.dir / "runtime")


def allocators(node: Node, options: LabOptions, *, told: Path | None = None) -> list[Process]:
    """The DRA driver of a node, its device plugin, or both.

    Args:
        told: a state file for these programs alone; containers keep seeing the node's own.
    """
    programs = {
        "dra": ("gpu-kubelet-plugin", _dra_driver(node)),
        "device-plugin": ("nvidia-device-plugin", device_plugin.argv(node, options, _cdi_hook())),
    }
    env = {"LD_LIBRARY_PATH": str(driver_root(node, options).library_dir)}
    if options.mig:
        env["ALT_PROC_DEVICES_PATH"] = str(mig.proc_devices(_proc_driver(node)))
    if told is not None:
        env["AICR_LAB_NVML_STATE"] = str(told)
    return [
        Process(
            name=f"{name}@{node.name}",
            argv=_among_hardware(node, argv),
            namespace=node.name,
            log=node.log_dir / f"{name}.log",
            env=env if mechanism == "dra" else env | device_plugin.environment(node),
        )
        for mechanism in node.mechanisms(options)
        for name, argv in [programs[mechanism]]
    ]


def agent_process(node: Node, state: Path, idle_mw: int) -> Process:
    """Who decides how busy the GPUs of a node look, and writes it into their state file."""
    argv = (
        *(sys.executable, "-m", agent.__name__),
        f"--state={state}",
        f"--node={node.name}",
        f"--idle-mw={idle_mw}",
    )
    return Process(
        name=f"gpu-agent@{node.name}",
        argv=argv,
        namespace=node.name,
        log=node.log_dir / "gpu-agent.log",
    )


def _cdi_hook() -> Path:
    return locate(DRA_DRIVER, "nvidia-cdi-hook")


def _dra_driver(node: Node) -> list[str]:
    return [
        str(locate(DRA_DRIVER, "gpu-kubelet-plugin")),
        f"--kubeconfig={node.kubeconfig}",
        f"--node-name={node.name}",
        f"--cdi-root={node.cdi_dir}",
        f"--nvidia-driver-root={node.driver_root}",
        f"--container-driver-root={node.driver_root}",
        f"--nvidia-cdi-hook-path={_cdi_hook()}",
        # Asked for by features that need pods of their own (MPS); none of them is on.
        "--image-name=none",
        # The kubelet's paths as the node sees them: a socket's path has at most 107 bytes.
        "--kubelet-registrar-directory-path=/var/lib/kubelet/plugins_registry",
        "--kubelet-plugins-directory-path=/var/lib/kubelet/plugins",
    ]


def _pci_dir(node: Node) -> Path:
    return node.dir / "pci-devices"


def _proc_driver(node: Node) -> Path:
    return node.dir / "proc-driver"


def _among_hardware(node: Node, argv: Sequence[str]) -> tuple[str, ...]:
    mounts = {_pci_dir(node): "/sys/bus/pci/devices", _proc_driver(node): "/proc/driver"}
    pairs = [(str(o), its) for o, its in mounts.items() if o.is_dir() and Path(its).is_dir()]
    prefix = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", _WITH_MOUNTS, "sh")
    return (*prefix, *(word for pair in pairs for word in pair), "--", *argv)


def _link_pci_buses(directory: Path, gpus: Sequence[Gpu]) -> None:
    """Dangling links as in sysfs, from which the driver reads a GPU's PCI root."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for gpu in gpus:
        target = f"../../../devices/{gpu.pci_root}/{gpu.pci_root[3:]}:01.0/{gpu.pci_address}"
        (directory / gpu.pci_address).symlink_to(target)
