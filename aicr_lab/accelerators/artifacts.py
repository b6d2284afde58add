"""What the simulated accelerators are built from: NVIDIA's programs, and stand-ins."""

import dataclasses

from aicr_lab.build.builder import C_SOURCES, GO_MODULES, Artifact, Command, c_program, go_artifact

_DRA, _PLUGIN = GO_MODULES / "nvidia-dra", GO_MODULES / "nvidia-plugin"
_BUILD = C_SOURCES / "build_nvidia.sh"

DRA_DRIVER = go_artifact(
    "nvidia-dra",
    _DRA,
    [
        "sigs.k8s.io/dra-driver-nvidia-gpu/cmd/gpu-kubelet-plugin",
        "github.com/NVIDIA/nvidia-container-toolkit/cmd/nvidia-cdi-hook",
    ],
    ["gpu-kubelet-plugin", "nvidia-cdi-hook"],
    cgo=True,
)
DEVICE_PLUGIN = go_artifact(
    "nvidia-plugin",
    _PLUGIN,
    ["github.com/NVIDIA/k8s-device-plugin/cmd/nvidia-device-plugin"],
    ["nvidia-device-plugin"],
    cgo=True,
)
# The callers of the library: what they name and nvml.c lacks is generated.
DRIVER = Artifact(
    name="nvidia-driver",
    outputs=("libnvidia-ml.so", "libcuda.so", "nvidia-smi"),
    sources=(
        _BUILD,
        C_SOURCES / "nvml.c",
        C_SOURCES / "mig.h",
        C_SOURCES / "nvidia_smi.c",
        C_SOURCES / "state.h",
        _DRA / "go.mod",
    ),
    commands=(
        Command(
            argv=(
                *("sh", str(_BUILD), "{out}", str(C_SOURCES)),
                "{needs:nvidia-dra}/gpu-kubelet-plugin",
                "{needs:nvidia-plugin}/nvidia-device-plugin",
            ),
            cwd=_DRA,
            env=(("GOFLAGS", "-mod=readonly"),),
        ),
    ),
    needs=(DRA_DRIVER, DEVICE_PLUGIN),
    tools=("go", "gcc"),
)
WORKLOAD = c_program("gpu-workload", C_SOURCES / "gpu_workload.c", flags=("-static",))
STAND_IN = go_artifact("stand-in", GO_MODULES / "stand-in", ["."], ["stand-in"])
AMD_SMI = dataclasses.replace(
    c_program("amd-smi", C_SOURCES / "amd_smi.c", flags=("-static",)),
    sources=(C_SOURCES / "amd_smi.c", C_SOURCES / "state.h"),
)
ARTIFACTS = (DRA_DRIVER, DEVICE_PLUGIN, DRIVER, WORKLOAD, STAND_IN, AMD_SMI)
"""All of them, callers first."""
