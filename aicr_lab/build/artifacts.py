"""What every lab is built from: Kubernetes, containerd, the lab's own programs."""

import re

from aicr_lab.build.builder import C_SOURCES, GO_MODULES, c_program, go_artifact
from aicr_lab.errors import LabError

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


INIT = c_program("aicr-init", C_SOURCES / "init.c")
PAUSE = c_program("pause", C_SOURCES / "pause.c", flags=("-static",))
"""Alone in its image, so without shared libraries."""
KUBERNETES = go_artifact(
    "kubernetes",
    GO_MODULES / "cluster",
    ["./kubernetes", "./coredns"],
    ["kubernetes", "coredns"],
    ldflags=version_flags(kubernetes_version((GO_MODULES / "cluster" / "go.mod").read_text())),
)
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_CONTAINERD_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")
CONTAINERD = go_artifact(
    "containerd",
    GO_MODULES / "containerd",
    [f"{_CONTAINERD}/{name}" for name in _CONTAINERD_PROGRAMS],
    _CONTAINERD_PROGRAMS,
    tags="no_btrfs no_devmapper no_zfs",
)
ARTIFACTS = (INIT, PAUSE, KUBERNETES, CONTAINERD)
"""All of them, in the order in which ``up`` wants them."""
