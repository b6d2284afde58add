"""AMD GPUs, by public documents and sources; on no real hardware yet, the lab has a stand-in.

Sources: ROCm/k8s-gpu-dra-driver (names, attributes, device nodes; ``pciAddr`` up to October 2025,
``resource.kubernetes.io/pciBusID`` since), ROCm/k8s-device-plugin (resources, ids, device nodes)
and its node labeller (labels), ROCm/amdsmi (list, load, which devices are listed), Linux
devices.txt (226, drm), ROCm/container-toolkit (variable), ROCm/gpu-operator (labels of nodes and
pods, prefix of names), ROCm/device-metrics-exporter (names, labels, what guests and some models
lack).
"""

import re

from aicr_pytest.accelerators.profile import ExporterProfile, Profile, Reading
from aicr_pytest.accelerators.units import Sharing


def _sensors(*names: str) -> tuple[Reading, ...]:
    """Under the default names and with the prefix that a configuration may set; 0: not there."""
    prefixed = (f"{prefix}{name}" for prefix in ("", "amd_") for name in names)
    return tuple(Reading(name=name, zero="absent") for name in prefixed)


EXPORTER = ExporterProfile(
    name="device-metrics-exporter",
    selectors=(
        "app.kubernetes.io/name=metrics-exporter",
        "app=amd-gpu-metrics-exporter-amdgpu-metrics-exporter",
    ),
    port=5000,
    identity_label="serial_number",
    as_published=False,
    instance_labels=("gpu_partition_id",),
    index_label="gpu_id",
    utilization=(Reading(name="gpu_gfx_activity"), Reading(name="amd_gpu_gfx_activity")),
    memory=(Reading(name="gpu_used_vram"), Reading(name="amd_gpu_used_vram")),
    sensors={
        "temperature": _sensors(
            *("gpu_junction_temperature", "gpu_edge_temperature", "gpu_memory_temperature")
        ),
        "power": _sensors("gpu_package_power", "gpu_average_package_power", "gpu_power_usage"),
        "interconnect": _sensors("gpu_xgmi_link_tx", "gpu_xgmi_link_rx", "pcie_bandwidth"),
    },
    growing=_sensors("gpu_energy_consumed"),
    model_label="card_series",
)

_BUS_ID = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"

SHARING = Sharing(
    resources={"amd.com/spx_nps*": "device", "amd.com/?px_nps*": "partition"},
    labels=(
        ("amd.com/gpu.compute-memory-partition", "spx_*", "device"),
        ("amd.com/gpu.compute-memory-partition", "?px_*", "partition"),
    ),
    ids=(
        (rf"(?P<identity>{_BUS_ID})", "device", "PCI"),
        (r"amdgpu_xcp_\d+", "partition", ""),
    ),
)

_LISTED = re.compile(rf"\d+,({_BUS_ID})(?:,.*)?", re.IGNORECASE)


def parse_identity(line: str) -> str:
    """The PCI address in a line of ``amd-smi list --csv``; empty: the line lists none.

    Above the list stands a heading: ``gpu,gpu_bdf,gpu_uuid,kfd_id,node_id,partition_id``.
    """
    listed = _LISTED.fullmatch(line.strip())
    return listed[1].lower() if listed else ""


_PRODUCTS = (
    "t=__import__('torch');a=t.rand(8192,8192,device='cuda');"
    "all(map(id,map(a.matmul,[a]*4000)));t.cuda.synchronize()"
)
"""Products of two matrices, one after the other; one word, since a shell splits it."""

PROFILE = Profile(
    vendor="amd",
    driver="gpu.amd.com",
    device_class="gpu.amd.com",
    type_attribute=("type", "amdgpu"),
    identity_attributes=("resource.kubernetes.io/pciBusID", "pciAddr"),
    identity_is_global=False,
    model_attribute="productName",
    expected_attributes=("type", "productName", "deviceID", "driverVersion"),
    extended_resource="amd.com/gpu",
    # /dev/kfd is for control: all containers with a GPU share it, and alone it reaches none.
    device_globs=("/dev/dri/renderD[0-9]*",),
    companion_globs=("/dev/dri/card[0-9]*",),
    driver_majors=("drm",),
    tool="amd-smi",
    tool_directories=("/opt/rocm/bin",),
    list_arguments=("list", "--csv"),
    # Up to 2024 it lists what stands in /sys, since then what the device cgroup lets it ask.
    lists_unreachable=True,
    parse_identity=parse_identity,
    environment_bypass={"AMD_VISIBLE_DEVICES": "all"},
    runtime_class="amd",
    probe_image="docker.io/rocm/dev-ubuntu-24.04:7.2.4",
    model_labels=("amd.com/gpu.product-name", "beta.amd.com/gpu.product-name"),
    exporter=EXPORTER,
    load_image="docker.io/rocm/pytorch:rocm6.4.1_ubuntu24.04_py3.12_pytorch_release_2.6.0",
    load_program=("python3", "-c", _PRODUCTS),
    load_arguments=("metric", "--usage", "--csv"),
    load_line=r"\s*(?P<device>\d+),(?P<percent>\d+(?:\.\d+)?)(?:,.*)?",  # gpu,gfx_activity,…
    sharing=SHARING,
    part_types=("amdgpu-partition",),
    parts_are_named=False,  # their bus id is their GPU's
    driver_programs=("gpu-kubeletplugin", "k8s-gpu-dra-driver"),
    presence_labels=(
        "feature.node.kubernetes.io/amd-gpu=true",
        "feature.node.kubernetes.io/amd-vgpu=true",
        "feature.node.kubernetes.io/pci-1200_1002*.present=true",
    ),
    pod_metrics=("gpu_gfx_activity", "amd_gpu_gfx_activity", "*gpu*activity*"),
)
