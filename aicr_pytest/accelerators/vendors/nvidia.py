"""NVIDIA GPUs.

Sources: sigs.k8s.io/dra-driver-nvidia-gpu (attributes, classes), NVIDIA/k8s-device-plugin (resource
names), NVIDIA/nvidia-container-toolkit (variables, volume mounts), Linux devices.txt (major 195),
NVIDIA/dcgm-exporter (labels, metrics), GKE's managed DCGM (labels), NVIDIA/cuda-samples (N-body).
"""

import re

from aicr_pytest.accelerators.profile import ExporterProfile, Profile, Reading

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
    part_resources="nvidia.com/mig-*",
)

_UUID = r"(?:GPU|MIG)-[\w./-]+"
_LISTED = re.compile(rf"\s*(?:({_UUID})|(?:GPU|MIG)\s.*\(UUID: ({_UUID})\))\s*")


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
    identity_attribute="uuid",
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
    environment_remedy="accept-nvidia-visible-devices-envvar-when-unprivileged = false",
    runtime_class="nvidia",
    volume_mount_bypass="/var/run/nvidia-container-devices",
    probe_image="nvcr.io/nvidia/cuda:12.8.1-base-ubuntu24.04",
    model_label="nvidia.com/gpu.product",
    exporter=EXPORTER,
    load_image="nvcr.io/nvidia/k8s/cuda-sample:nbody-cuda11.7.1-ubuntu18.04",
    load_program=("/cuda-samples/nbody", "-benchmark", "-numbodies=4194304", "-iterations=30"),
    load_arguments=("--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits"),
    replicas_label="nvidia.com/gpu.replicas",
    pod_metrics=("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", "dcgm_*gpu_util*", "*gpu*util*"),
)
