"""What the simulated accelerators are built from: NVIDIA's programs, and a driver's stand-in."""

from pathlib import Path

from aicr_lab.build.builder import Artifact, Command, c_program, go_artifact

_LAB = Path(__file__).resolve().parent.parent
_C = _LAB / "c"
_DRA = _LAB / "go" / "nvidia-dra"
_PLUGIN = _LAB / "go" / "nvidia-plugin"

# The callers of the library, by artifact: what they name and nvml.c lacks is generated.
_CALLERS = {"nvidia-dra": "gpu-kubelet-plugin", "nvidia-plugin": "nvidia-device-plugin"}


def artifacts() -> tuple[Artifact, ...]:
    """All of them, callers first."""
    return (
        go_artifact(
            "nvidia-dra",
            _DRA,
            [
                "sigs.k8s.io/dra-driver-nvidia-gpu/cmd/gpu-kubelet-plugin",
                "github.com/NVIDIA/nvidia-container-toolkit/cmd/nvidia-cdi-hook",
            ],
            ["gpu-kubelet-plugin", "nvidia-cdi-hook"],
            cgo=True,
        ),
        go_artifact(
            "nvidia-plugin",
            _PLUGIN,
            ["github.com/NVIDIA/k8s-device-plugin/cmd/nvidia-device-plugin"],
            ["nvidia-device-plugin"],
            cgo=True,
        ),
        _driver(),
        c_program("gpu-workload", _C / "gpu_workload.c", flags=("-static",)),
    )


def _driver() -> Artifact:
    callers = [f"{{needs:{artifact}}}/{program}" for artifact, program in _CALLERS.items()]
    script = _C / "build_nvidia.sh"
    return Artifact(
        name="nvidia-driver",
        outputs=("libnvidia-ml.so", "libcuda.so", "nvidia-smi"),
        sources=(script, _C / "nvml.c", _C / "nvidia_smi.c", _C / "state.h", _DRA / "go.mod"),
        commands=(
            Command(
                argv=("sh", str(script), "{out}", str(_C), *callers),
                cwd=_DRA,
                env=(("GOFLAGS", "-mod=readonly"),),
            ),
        ),
        needs=tuple(_CALLERS),
        tools=("go", "gcc"),
    )
