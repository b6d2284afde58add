"""AMD's GPUs: stand-ins of ours under the names of AMD's DRA driver, device plugin and tool.

AMD's own programs read the kernel's files of its driver, which cannot be had here. Names, device
nodes and attributes are those of ROCm/k8s-gpu-dra-driver and ROCm/k8s-device-plugin; what is seen
on such a lab says nothing about AMD's programs, only how the suite reads them.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.accelerators import node as nvidia
from aicr_lab.accelerators import oci_defects
from aicr_lab.accelerators.artifacts import STAND_IN
from aicr_lab.accelerators.devices import DeviceNode, Majors, free_majors, make_nodes
from aicr_lab.accelerators.driver_root import DriverRoot
from aicr_lab.accelerators.profiles import Gpu, GpuProfile, gpus_of
from aicr_lab.accelerators.state_file import StateFile, describe
from aicr_lab.build.builder import locate
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.machine.processes import Process
from aicr_lab.options import LabOptions

DRIVER_NAME = "gpu.amd.com"
IDENTITY = ("resource.kubernetes.io/pciBusID", "pci")
"""Attribute in slices, and key of the state file, by which a device is told from others."""
MI300X = GpuProfile(
    product="AMD_Instinct_MI300X_OAM",
    architecture="cdna3",
    compute_capability="9.4",
    memory_mib=196592,
    power_limit_w=750,
    idle_power_w=124,
    pci_device="74A11002",
    pci_subsystem="74A11002",
    vbios="113-M3000100-102",
    driver_version="6.12.12",
    cuda_version="7.2.4",
)
STATE_INSIDE = "/run/aicr-lab/gpus"
"""Where ``amd-smi`` reads in a container what the GPUs look like."""
_FIRST_RENDER_NODE = 128


def prepare(node: Node, options: LabOptions) -> None:
    """Make device nodes, state file, inventory and runtime; before containerd starts."""
    gpus = gpus_of(node.name, node.gpus(options))
    root = driver_root(node)
    root.library_dir.mkdir(parents=True, exist_ok=True)
    nodes = device_nodes(free_majors(Path("/proc/devices").read_text()), len(gpus))
    make_nodes(root.dev, nodes)
    sections = describe(MI300X, gpus)
    for gpu in gpus:
        sections[f"gpu {gpu.index}"]["uuid"] = gpu.uuid.removeprefix("GPU-")
    state_file(node, options).write(sections)
    _inventory_file(node).write_text(json.dumps(inventory(root, gpus), indent=1))
    nvidia.runtime(node).install(node.name, _facts(node, root, nodes, gpus))


def device_nodes(majors: Majors, gpus: int) -> list[DeviceNode]:
    """All nodes of a machine with that many GPUs: a card and a render node each, then kfd."""
    return [
        *(DeviceNode(name=f"dri/card{n}", major=majors.gpu, minor=n) for n in range(gpus)),
        *(
            DeviceNode(name=f"dri/renderD{minor}", major=majors.gpu, minor=minor)
            for minor in range(_FIRST_RENDER_NODE, _FIRST_RENDER_NODE + gpus)
        ),
        DeviceNode(name="kfd", major=majors.uvm, minor=0),
    ]


def inventory(root: DriverRoot, gpus: Sequence[Gpu]) -> Object:
    """What there is, as the program ``stand-in`` reads it."""
    return {
        "driver": DRIVER_NAME,
        "resource": "amd.com/gpu",
        "cdi_kind": "k8s.gpu.amd.com/gpu",
        "shared_nodes": [_node(root, "kfd")],
        "mounts": [{"path": STATE_INSIDE, "host_path": str(root.state_file)}],
        "devices": [_device(root, gpu) for gpu in gpus],
    }


def _device(root: DriverRoot, gpu: Gpu) -> Object:
    render = gpu.index + _FIRST_RENDER_NODE
    return {
        "name": f"gpu-{gpu.index}-{render}",
        "id": gpu.pci_address,
        "attributes": {
            "type": "amdgpu",
            "deviceID": "0x74a1",
            "productName": MI300X.product,
            "partitionProfile": "spx_nps1",
            "resource.kubernetes.io/pciBusID": gpu.pci_address,
            "resource.kubernetes.io/pcieRoot": gpu.pci_root,
        },
        "versions": {"driverVersion": MI300X.driver_version},
        "capacity": {
            "memory": f"{MI300X.memory_mib}Mi",
            "computeUnits": "304",
            "simdUnits": "1216",
        },
        "nodes": [_node(root, f"dri/card{gpu.index}"), _node(root, f"dri/renderD{render}")],
    }


def _node(root: DriverRoot, name: str) -> dict[str, str]:
    return {"path": f"/dev/{name}", "host_path": str(root.dev / name)}


def _facts(
    node: Node, root: DriverRoot, nodes: Sequence[DeviceNode], gpus: Sequence[Gpu]
) -> oci_defects.Facts:
    told = [(f"/dev/{one.name}", one.major, one.minor) for one in nodes]
    count = len(gpus)
    return oci_defects.Facts(
        modes=[],
        gpu_nodes=[[told[n], told[count + n]] for n in range(count)],
        uuids=[gpu.pci_address for gpu in gpus],
        control_nodes=told[2 * count :],
        mounts=[(str(root.state_file), STATE_INSIDE)],
        library_dir="",
        cdi_hook="",
        kubelet_root=str(node.kubelet_root),
    )


def processes(node: Node, options: LabOptions) -> list[Process]:
    """The stand-ins that hand the node's GPUs out, and who decides how busy they look."""
    idle_mw = MI300X.idle_power_w * 1000
    return [
        *(_stand_in(node, mechanism) for mechanism in node.mechanisms(options)),
        nvidia.agent_process(node, driver_root(node).state_file, idle_mw),
    ]


def _stand_in(node: Node, mechanism: str) -> Process:
    name = f"amd-{mechanism}"
    return Process(
        name=f"{name}@{node.name}",
        argv=(
            str(locate(STAND_IN)),
            f"--as={mechanism}",
            f"--inventory={_inventory_file(node)}",
            f"--node-name={node.name}",
            f"--kubeconfig={node.kubeconfig}",
            f"--cdi-root={node.cdi_dir}",
        ),
        namespace=node.name,
        log=node.log_dir / f"{name}.log",
    )


def labels(node: Node, options: LabOptions) -> dict[str, str]:
    """Node labels that AMD's operator and its node labeller would set."""
    if node.gpus(options) == 0 or not options.feature_discovery:
        return {}
    return {
        "feature.node.kubernetes.io/amd-gpu": "true",
        "amd.com/gpu.device-id": "74a1",
        "amd.com/gpu.product-name": MI300X.product,
        "amd.com/gpu.vram": "192G",
        "amd.com/gpu.compute-memory-partition": "spx_nps1",
    }


def manifests(options: LabOptions) -> list[Object]:
    """The DeviceClass of the chart of AMD's driver."""
    if options.allocation == "device-plugin":
        return []
    expression = f"device.driver == '{DRIVER_NAME}'"
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": DRIVER_NAME},
            "spec": {
                "selectors": [{"cel": {"expression": expression}}],
                "extendedResourceName": "amd.com/gpu",
            },
        }
    ]


def driver_root(node: Node) -> DriverRoot:
    """The directory that stands for an installed driver; exporters find the readings there."""
    return DriverRoot(node.driver_root, MI300X.driver_version)


def state_file(node: Node, options: LabOptions) -> StateFile:
    """What the GPUs of a node look like; everybody reads it there."""
    return StateFile(driver_root(node).state_file, node.name)


def _inventory_file(node: Node) -> Path:
    return node.dir / "stand-in.json"
