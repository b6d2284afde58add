"""JobSet: groups of Jobs as one, with a webhook whose certificate the controller makes itself."""

from collections.abc import Sequence

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "jobset-system"
DEPLOYMENT = "jobset-controller-manager"
IMAGE = "registry.k8s.io/jobset/jobset:v0.12.0"

_MODULE = "sigs.k8s.io/jobset"
_CONFIGURATION = "controller_manager_config.yaml"
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_PROGRAM = go_artifact("jobset", GO_MODULES / "jobset", [_MODULE], ["jobset"])
_MANIFEST = manifest_artifact("jobset", module=_MODULE, overlay="config/default")


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_PROGRAM), "/manager")]


def objects(lab: Lab) -> list[Object]:
    """Everything that is applied; healed defects apply parts of it again."""
    return [_for_a_lab(obj) for obj in manifests.documents(locate(_MANIFEST))]


def _for_a_lab(obj: Object) -> Object:
    if obj["kind"] == "Deployment":
        # The released manifest names the registry of builds that are not released.
        return manifests.with_image(obj, IMAGE)
    if obj["kind"] == "ConfigMap":
        # One replica needs no election, and on a busy machine it loses its lease and ends.
        text = obj["data"][_CONFIGURATION].replace("leaderElect: true", "leaderElect: false")
        return manifests.patched(obj, {"data": {_CONFIGURATION: text}})
    return obj


def _install(lab: Lab) -> None:
    manifests.apply_all(lab, objects(lab))


def _missing(lab: Lab) -> str:
    lacking = manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)
    return lacking or _without_authority(lab)


def _without_authority(lab: Lab) -> str:
    """Which webhook the API server could not call yet: its caller has to know who signed for it."""
    for kind in _WEBHOOKS:
        for found in lab.api.list("admissionregistration.k8s.io/v1", kind):
            for webhook in found["webhooks"]:
                service = webhook["clientConfig"].get("service") or {}
                ours = service.get("namespace") == NAMESPACE
                if ours and not webhook["clientConfig"].get("caBundle"):
                    return f"webhook {webhook['name']} has no caBundle"
    return ""


ADDON = Addon(
    name="jobset",
    sentence="JobSet v0.12.0, an operator with webhooks: groups of Jobs as one",
    artifacts=(_PROGRAM, _MANIFEST),
    images=_images,
    install=_install,
    missing=_missing,
)
