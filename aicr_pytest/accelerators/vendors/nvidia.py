"""NVIDIA GPUs.

Sources: sigs.k8s.io/dra-driver-nvidia-gpu (attributes, classes), NVIDIA/k8s-device-plugin (resource
names, ids of devices), its GPU feature discovery (labels), GKE's plugin (labels, ids of devices),
Project-HAMi/HAMi (annotation, ids), NVIDIA/nvidia-container-toolkit (variables, volume mounts),
Linux devices.txt (major 195), NVIDIA/dcgm-exporter (labels, metrics), GKE's managed DCGM (labels),
NVIDIA/cuda-samples (N-body).
"""

import re

from aicr_pytest.accelerators.profile import ExporterProfile, Profile, Reading
from aicr_pytest.accelerators.units import Sharing

_BLANKS = frozenset(
    float(base + reason)
    for base in (0x7FFFFFF0, 0x7FFFFFFFFFFFFFF0, 1 << 47)  # 32 and 64 bits, floating point
    for reason in range(4)  # blank, not found, not supported, no permission
)
"""DCGM's own values for "there is none"; its exporter leaves most of them out, and not all."""

EXPORTER = ExporterProfile(
    name="dcgm-exporter",
    selectors=(
        "app.kubernetes.io/name=dcgm-exporter",
        "app=nvidia-dcgm-exporter",
        "app.kubernetes.io/name=gke-managed-dcgm-exporter",
    ),
    port=9400,
    identity_label="UUID",
    instance_labels=("GPU_I_ID",),
    part_identity=r"MIG-.+",
    index_label="gpu",
    utilization=(
        Reading(name="DCGM_FI_DEV_GPU_UTIL"),
        Reading(name="DCGM_FI_PROF_GR_ENGINE_ACTIVE", full=1.0),
    ),
    memory=(Reading(name="DCGM_FI_DEV_FB_USED"),),
    sensors={
        "temperature": (
            Reading(name="DCGM_FI_DEV_GPU_TEMP", zero="fault"),
            # Only HBM tells it: a T4, an L4 or a virtual GPU has 0 (dcgm-exporter#460).
            Reading(name="DCGM_FI_DEV_MEMORY_TEMP", zero="absent"),
        ),
        "power": (
            Reading(name="DCGM_FI_DEV_POWER_USAGE", zero="fault"),
            Reading(name="DCGM_FI_DEV_POWER_USAGE_INSTANT", zero="fault"),
        ),
        "interconnect": (
            Reading(name="DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
            *(
                Reading(name=f"DCGM_FI_{name}")
                for name in (
                    "PROF_NVLINK_TX_BYTES",
                    "PROF_NVLINK_RX_BYTES",
                    "PROF_PCIE_TX_BYTES",
                    "PROF_PCIE_RX_BYTES",
                    "DEV_PCIE_TX_THROUGHPUT",  # up to 2.x
                    "DEV_PCIE_RX_THROUGHPUT",
                )
            ),
        ),
    },
    growing=(Reading(name="DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", zero="absent"),),
    blanks=_BLANKS,
    model_label="modelName",
)

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DEVICE, _PART = r"(?P<identity>GPU-[\w.-]+)", r"(?P<identity>MIG-[\w./-]+)"

SHARING = Sharing(
    resources={
        "nvidia.com/gpu.shared": "share",
        "nvidia.com/mig-*.shared": "share",
        "nvidia.com/mig-*": "partition",
    },
    replicas=("{resource}.replicas", "cloud.google.com/gke-max-shared-clients-per-gpu"),
    labels=(
        ("nvidia.com/gpu.sharing-strategy", "time-slicing", "share"),
        ("nvidia.com/gpu.sharing-strategy", "mps", "share"),
        ("nvidia.com/gpu.product", "*-SHARED", "share"),
        ("cloud.google.com/gke-gpu-sharing-strategy", "?*", "share"),
        ("nvidia.com/gpu.product", "*-MIG-*", "partition"),
        ("cloud.google.com/gke-gpu-partition-size", "?*", "partition"),
        ("nvidia.com/gpu.sharing-strategy", "none", "device"),
        ("nvidia.com/gpu.replicas", "1", "device"),
    ),
    registers=("hami.io/node-nvidia-register",),
    ids=(
        (rf"{_DEVICE}::\d+", "share", "GPU"),
        (rf"(?P<identity>GPU-{_UUID})-\d+", "share", "GPU"),  # HAMi
        (_DEVICE, "device", "GPU"),
        (rf"{_PART}::\d+", "share", "MIG"),
        (_PART, "partition", "MIG"),
        (r"nvidia\d+(/gi\d+)?/vgpu\d+|\d+(:\d+)?::\d+", "share", ""),
        (r"nvidia\d+/gi\d+|\d+:\d+", "partition", ""),
        (r"nvidia\d+|\d+", "device", ""),
    ),
    counts=("nvidia.com/gpu.count",),
    inner_parts=r"\dc\.\dg\.",  # compute instances of one GPU instance
)

_NAMED = r"(?:GPU|MIG)-[\w./-]+"
_LISTED = re.compile(rf"\s*(?:({_NAMED})|(?:GPU|MIG)\s.*\(UUID: ({_NAMED})\))\s*")


def parse_identity(line: str) -> str:
    """The UUID in a line of ``nvidia-smi --query-gpu=uuid`` or ``-L``; empty: it lists none.

    Whatever else speaks on the same output (preloaded libraries, warnings) lists no device.
    """
    listed = _LISTED.fullmatch(line)
    return (listed[1] or listed[2]) if listed else ""


PROFILE = Profile(
    vendor="nvidia",
    driver="gpu.nvidia.com",
    device_class="gpu.nvidia.com",
    type_attribute=("type", "gpu"),
    identity_attributes=("uuid",),
    model_attribute="productName",
    expected_attributes=("type", "uuid", "productName", "architecture", "driverVersion"),
    extended_resource="nvidia.com/gpu",
    device_globs=("/dev/nvidia[0-9]*",),
    driver_majors=("nvidia", "nvidia-frontend"),
    control_minors=(254, 255),  # nvidia-modeset and nvidiactl share the devices' major
    tool="nvidia-smi",
    tool_directories=("/usr/local/nvidia/bin", "/usr/bin", "/usr/local/bin"),
    list_arguments=("--query-gpu=uuid", "--format=csv,noheader"),
    empty_list_exit=6,  # "No devices were found"
    warning_exits=(14,),  # "infoROM is corrupted"
    parse_identity=parse_identity,
    environment_bypass={
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "all",
    },
    baked_environment={
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    },
    environment_remedy="accept-nvidia-visible-devices-envvar-when-unprivileged = false",
    runtime_class="nvidia",
    volume_mount_bypass="/var/run/nvidia-container-devices",
    probe_image="nvcr.io/nvidia/cuda:12.8.1-base-ubuntu24.04",
    model_labels=("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator"),
    exporter=EXPORTER,
    load_image="nvcr.io/nvidia/k8s/cuda-sample:nbody-cuda11.7.1-ubuntu18.04",
    load_program=("/cuda-samples/nbody", "-benchmark", "-numbodies=4194304", "-iterations=30"),
    load_arguments=("--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits"),
    load_line=rf"\s*(?P<device>{_NAMED})\s*,\s*(?P<percent>\d+(?:\.\d+)?)\s*%?\s*",
    sharing=SHARING,
    part_list_arguments=("-L",),
    part_list_line=r"GPU \d+:",
    part_globs=("/dev/nvidia-caps/nvidia-cap[0-9]*",),
    part_types=("mig",),
    driver_programs=("gpu-kubelet-plugin",),
    driver_labels=("nvidia.com/dra-kubelet-plugin=true",),
    presence_labels=(
        "nvidia.com/gpu.present=true",
        "cloud.google.com/gke-accelerator=nvidia-*",
        "feature.node.kubernetes.io/pci-10de.present=true",
        "feature.node.kubernetes.io/pci-030[02]_10de*.present=true",
    ),
    pod_metrics=("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", "dcgm_*gpu_util*", "*gpu*util*"),
)
