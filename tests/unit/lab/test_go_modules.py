"""The lab's Go modules share the versions of what they share: the same code is compiled once."""

import re
from collections import defaultdict

from aicr_lab.build.builder import GO_MODULES

KUBERNETES = r"k8s\.io/(?!klog|utils|kube-openapi|gengo)\S+"
KEPT_BACK = {
    # v0.12.0 needs an API server of Kubernetes 1.30, and that what it was made with.
    "prometheus-adapter": r".+",
    # The newest of both do not compile with a controller-runtime above 0.22 or client-go of 1.37.
    "contour": rf"{KUBERNETES}|sigs\.k8s\.io/(controller-runtime|gateway-api)",
    "kuberay": rf"{KUBERNETES}|sigs\.k8s\.io/(controller-runtime|gateway-api)",
    # They use packages of Kubernetes 1.36 that are others in 1.37.
    "kueue": rf"{KUBERNETES}|sigs\.k8s\.io/gateway-api",
    "nvidia-dra": KUBERNETES,
    "nvidia-plugin": r"github\.com/NVIDIA/go-nv(lib|ml)",
    "prometheus-operator": r"github\.com/(prometheus/prometheus|KimMachineGun/automemlimit)",
    "containerd": r"github\.com/containerd/.+",
}
"""Module of the lab → what it may have in a version of its own, since it does not compile else."""
NOT_IN_ALL = "envoy-gateway"
_REQUIRED = re.compile(r"^(?:require )?\s*([\w./~-]+\.[\w./~-]+) (v\S+)(?: // indirect)?$", re.M)
_REPLACED = re.compile(r"^\s*(\S+) => \S+ (v\S+)$", re.M)


def versions() -> dict[str, dict[str, str]]:
    """Module → module of the lab → version."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for file in sorted(GO_MODULES.glob("*/go.mod")):
        text, ours = file.read_text(), file.parent.name
        replaced = dict(_REPLACED.findall(text))
        for module, version in _REQUIRED.findall(text):
            found[module][ours] = replaced.get(module, version)
    return found


def test_a_module_that_several_use_has_one_version() -> None:
    several: dict[str, dict[str, str]] = {}
    for module, users in versions().items():
        bound = {
            ours: version
            for ours, version in users.items()
            if ours != NOT_IN_ALL and not re.fullmatch(KEPT_BACK.get(ours, "-"), module)
        }
        if len(set(bound.values())) > 1:
            several[module] = bound

    assert several == {}, "run `go get MODULE@VERSION` and `go mod tidy` where it is older"


def test_kubernetes_is_compiled_in_four_versions_and_no_fifth() -> None:
    users = versions()["k8s.io/api"]
    minors = {version.rpartition(".")[0] for ours, version in users.items() if ours != NOT_IN_ALL}

    assert minors == {"v0.30", "v0.35", "v0.36", "v0.37"}
    for name in ("contour", "kuberay"):
        assert users[name] == users["contour"]
    assert users["kueue"] == users["nvidia-dra"]


def test_who_is_kept_back_is_there() -> None:
    assert KEPT_BACK.keys() <= {file.parent.name for file in GO_MODULES.glob("*/go.mod")}
