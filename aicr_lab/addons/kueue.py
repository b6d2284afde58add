"""Kueue: quota for groups of pods and jobs; a second solution for gang scheduling."""

from collections.abc import Sequence

import yaml

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "kueue-system"
DEPLOYMENT = "kueue-controller-manager"
CONFIG = "kueue-manager-config"
IMAGE = "registry.k8s.io/kueue/kueue:v0.19.2"

_MODULE = "sigs.k8s.io/kueue"
_FRAMEWORKS = ["batch/job", "pod"]
"""What the lab has; every further one wants CRDs that may not be there."""
_PROGRAM = go_artifact("kueue", GO_MODULES / "kueue", [f"{_MODULE}/cmd/kueue"], ["kueue"])
_MANIFEST = manifest_artifact("kueue", module=_MODULE, overlay="config/default")


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_PROGRAM), "/manager")]


def objects() -> list[Object]:
    """Everything that is applied; its API for looking into queues is left out, nobody asks it."""
    found = manifests.documents(locate(_MANIFEST))
    return [_fitted(obj) for obj in found if obj["kind"] != "APIService"]


def _fitted(obj: Object) -> Object:
    if obj["kind"] == "Deployment":
        return manifests.with_image(obj, IMAGE)
    if obj["kind"] != "ConfigMap" or obj["metadata"]["name"] != CONFIG:
        return obj
    ((key, text),) = obj["data"].items()
    config = yaml.safe_load(text)
    config["integrations"]["frameworks"] = _FRAMEWORKS
    config["leaderElection"] = {"leaderElect": False}
    config["featureGates"] = {"VisibilityOnDemand": False}
    return manifests.patched(obj, {"data": {key: yaml.safe_dump(config)}})


def _install(lab: Lab) -> None:
    manifests.apply_all(lab, objects())


def _missing(lab: Lab) -> str:
    lacking = manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)
    return lacking or _without_authority(lab)


def _without_authority(lab: Lab) -> str:
    """Which webhook the API server could not call yet: its caller has to know who signed for it."""
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for found in lab.api.list("admissionregistration.k8s.io/v1", kind):
            for webhook in found["webhooks"]:
                service = webhook["clientConfig"].get("service") or {}
                ours = service.get("namespace") == NAMESPACE
                if ours and not webhook["clientConfig"].get("caBundle"):
                    return f"webhook {webhook['name']} has no caBundle"
    return ""


ADDON = Addon(
    name="kueue",
    sentence="Kueue v0.19.2, gangs by quota: a second solution beside the native one",
    in_all=False,
    artifacts=(_PROGRAM, _MANIFEST),
    images=_images,
    install=_install,
    missing=_missing,
)
