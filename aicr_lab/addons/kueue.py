"""Kueue: quota for groups of pods and jobs; a second solution for gang scheduling."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.build import artifacts
from aicr_lab.build.builder import Artifact, go_artifact
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


def _artifacts() -> tuple[Artifact, ...]:
    directory = Path(__file__).resolve().parent.parent / "go" / "kueue"
    return (
        go_artifact("kueue", directory, [f"{_MODULE}/cmd/kueue"], ["kueue"]),
        manifest_artifact("kueue", module=_MODULE, overlay="config/default"),
    )


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, artifacts.locate("kueue", "kueue"), "/manager")]


def objects() -> list[Object]:
    """Everything that is applied; its API for looking into queues is left out, nobody asks it."""
    found = manifests.documents(artifacts.locate("kueue.yaml", "kueue-manifest"))
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
    artifacts=_artifacts,
    images=_images,
    install=_install,
    missing=_missing,
)
