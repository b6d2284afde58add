"""KWOK: nodes without a kubelet, whose pods only say that they run."""

from collections.abc import Sequence

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.addons.module_files import files_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.lab import Lab

NAMESPACE = "kube-system"
DEPLOYMENT = "kwok-controller"
IMAGE = "registry.k8s.io/kwok/kwok:v0.8.0"

_MODULE = "sigs.k8s.io/kwok"
_PROGRAM = go_artifact("kwok", GO_MODULES / "kwok", [f"{_MODULE}/cmd/kwok"], ["kwok"])
_MANIFEST = manifest_artifact("kwok", module=_MODULE, overlay="kustomize/kwok")
_STAGES = files_artifact(
    "kwok",
    module=_MODULE,
    files=(
        "kustomize/stage/node/fast/node-initialize.yaml",
        "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
        "kustomize/stage/pod/fast/pod-*.yaml",
    ),
)


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_PROGRAM), "/kwok", user="0")]


def _install(lab: Lab) -> None:
    objects = manifests.documents(locate(_MANIFEST))
    stages = manifests.documents(locate(_STAGES))
    objects = [
        manifests.with_image(obj, IMAGE) if obj["kind"] == "Deployment" else obj for obj in objects
    ]
    manifests.apply_all(lab, [*objects, *stages])


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)


ADDON = Addon(
    name="kwok",
    sentence="KWOK v0.8.0, nodes without a kubelet for what scales out",
    artifacts=(_PROGRAM, _MANIFEST, _STAGES),
    images=_images,
    install=_install,
    missing=_missing,
)
