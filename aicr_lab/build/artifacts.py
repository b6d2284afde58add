"""What the lab is built from: the artifacts, and the Kubernetes version in them."""

import functools
import importlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from aicr_lab.build.builder import Artifact, Builder, c_program, cache_dir, go_artifact
from aicr_lab.errors import LabError

_HERE = Path(__file__).resolve().parent.parent
_GO = _HERE / "go"

# Packages that carry the version; both are asked, depending on the component.
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def kubernetes_version(go_mod: str) -> str:
    """The version that the module requires, e.g. ``v1.37.2``."""
    found = re.search(r"^(?:require)?\s*k8s\.io/kubernetes (v\d+\.\d+\.\d+)\s*$", go_mod, re.M)
    if not found:
        raise LabError("go/cluster/go.mod requires no released k8s.io/kubernetes")
    return found[1]


def version_flags(version: str) -> str:
    """Linker flags that make components say this version.

    Without them ``/version`` is not a semantic version, and clients refuse the server.
    """
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return " ".join(
        f"-X {package}.{name}={value}"
        for package in _VERSION_PACKAGES
        for name, value in values.items()
    )


def core_artifacts() -> tuple[Artifact, ...]:
    """Kubernetes, containerd and the lab's own program, in the order in which ``up`` wants them."""
    version = kubernetes_version((_GO / "cluster" / "go.mod").read_text())
    containerd = "github.com/containerd/containerd/v2/cmd"
    return (
        c_program("aicr-init", _HERE / "c" / "init.c"),
        # Alone in its image, so without shared libraries.
        c_program("pause", _HERE / "c" / "pause.c", flags=("-static",)),
        go_artifact(
            "kubernetes",
            _GO / "cluster",
            ["./kubernetes", "./coredns"],
            ["kubernetes", "coredns"],
            ldflags=version_flags(version),
        ),
        go_artifact(
            "containerd",
            _GO / "containerd",
            [f"{containerd}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")],
            ["containerd", "containerd-shim-runc-v2", "ctr"],
            tags="no_btrfs no_devmapper no_zfs",
        ),
    )


def accelerator_artifacts() -> tuple[Artifact, ...]:
    """What the simulated accelerators are made of."""
    if importlib.util.find_spec("aicr_lab.accelerators.artifacts") is None:
        return ()
    module = importlib.import_module("aicr_lab.accelerators.artifacts")
    found: tuple[Artifact, ...] = module.artifacts()
    return found


def builder() -> Builder:
    """A builder that knows every artifact."""
    return Builder(_all_artifacts())


def names(addons: Iterable[str] = ()) -> list[str]:
    """The artifacts that a lab with these add-ons needs, in the order in which they are built."""
    from aicr_lab.addons import chosen  # its modules ask this one where things are

    found = [artifact.name for artifact in (*core_artifacts(), *accelerator_artifacts())]
    return found + [artifact.name for addon in chosen(addons) for artifact in addon.artifacts()]


def _all_artifacts() -> tuple[Artifact, ...]:
    from aicr_lab.addons import ADDONS  # its modules ask this one where things are

    of_addons = {artifact.name: artifact for addon in ADDONS for artifact in addon.artifacts()}
    return (*core_artifacts(), *accelerator_artifacts(), *of_addons.values())


@functools.cache
def _locate(output: str, artifact: str, cache: Path) -> Path:
    artifacts = _all_artifacts()
    for candidate in artifacts:
        if artifact in ("", candidate.name) and output in candidate.outputs:
            return Builder(artifacts, cache).program(candidate.name, output)
    raise LabError(f"no artifact makes {output}")


def locate(output: str, artifact: str = "") -> Path:
    """A built program or file, e.g. ``locate("gpu-kubelet-plugin")``."""
    # Asked many times during one ``up``; sources do not change meanwhile.
    return _locate(output, artifact, cache_dir())
