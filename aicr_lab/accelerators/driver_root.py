"""The driver root of a node: the directory that stands for an installed NVIDIA driver."""

import platform
import shutil
from pathlib import Path

_TRIPLET = f"{platform.machine()}-linux-gnu"


class DriverRoot:
    """Paths of a driver root, and how one is filled."""

    library_dir_inside = f"/usr/lib/{_TRIPLET}"
    """Where the libraries appear in a container."""

    def __init__(self, path: Path, driver_version: str) -> None:
        self.path = path
        self.version = driver_version

    @property
    def library_dir(self) -> Path:
        """Where the libraries lie on the host."""
        return self.path / self.library_dir_inside.lstrip("/")

    @property
    def dev(self) -> Path:
        """The device nodes."""
        return self.path / "dev"

    @property
    def state_file(self) -> Path:
        """What the GPUs look like. A library by name, because NVIDIA's CDI generator mounts all
        ``*.so.<driver version>`` into containers, where nvidia-smi has to read it."""
        return self.library_dir / f"libnvidia-lab-gpus.so.{self.version}"

    def fill(self, *, nvml: Path, cuda: Path, nvidia_smi: Path) -> None:
        """Copy the built files to the places and names of a real driver."""
        self.library_dir.mkdir(parents=True, exist_ok=True)
        bin_dir = self.path / "usr" / "bin"
        bin_dir.mkdir(parents=True, exist_ok=True)
        for built, name in ((nvml, "libnvidia-ml"), (cuda, "libcuda")):
            shutil.copy(built, self.library_dir / f"{name}.so.{self.version}")
            link = self.library_dir / f"{name}.so.1"
            link.unlink(missing_ok=True)
            link.symlink_to(f"{name}.so.{self.version}")
        shutil.copy(nvidia_smi, bin_dir / "nvidia-smi")

    def injected(self) -> list[tuple[Path, str]]:
        """Files that the toolkit mounts into a container: host path, container path."""
        names = [f"{stem}.so.{self.version}" for stem in ("libnvidia-ml", "libcuda")]
        libraries = [*names, self.state_file.name]
        return [
            (self.path / "usr/bin/nvidia-smi", "/usr/bin/nvidia-smi"),
            *((self.library_dir / n, f"{self.library_dir_inside}/{n}") for n in libraries),
        ]
