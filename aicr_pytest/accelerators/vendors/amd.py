"""AMD GPUs: how their exporter is read, by its documentation; not verified in the lab.

A profile of the GPUs themselves is yet to come. Sources: ROCm/device-metrics-exporter (names,
labels, and what guests and some models lack), ROCm/gpu-operator (labels of pods, prefix of names).
"""

from aicr_pytest.accelerators.profile import ExporterProfile, Reading


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
