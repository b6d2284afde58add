"""KubeRay with its webhook: the operator is the real one, the Ray that it runs is a stand-in.

The stand-in answers where operator and kubelet look: the health of a node, and the port by which
workers find their head. It computes nothing.
"""

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.build import images
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image, Layer
from aicr_lab.errors import HostUnfit
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "ray-system"
DEPLOYMENT = "kuberay-operator"
IMAGE = "quay.io/kuberay/operator:v1.6.2"
RAY_IMAGE = "docker.io/rayproject/ray:2.52.0"

_MODULE = "github.com/ray-project/kuberay/ray-operator"
_SERVICE = "kuberay-webhook-service"
_SECRET = "webhook-server-cert"
_WEBHOOK = "vraycluster.kb.io"
"""The only one of the manifest's three that the operator's program serves."""
_CERT_MANAGER = "cert-manager.io/v1"
_RAY = Path(__file__).with_name("ray.sh")
_HEALTHY = ("api/local_raylet_healthz", "api/gcs_healthz", "api/healthz")
"""Paths at which a Ray node says that it is well."""
_PROGRAMS = ("bash", "sleep", "cat", "grep", "ls")
_OPERATOR = go_artifact("kuberay", GO_MODULES / "kuberay", [_MODULE], ["ray-operator"])
_MANIFEST = manifest_artifact("kuberay", module=_MODULE, overlay="config/default-with-webhooks")


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_OPERATOR), "/manager"), _ray_image()]


def _ray_image() -> Image:
    programs = {f"usr/bin/{name}": _program(name) for name in (*_PROGRAMS, "busybox")}
    layer = Layer()
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    images.system_directories(layer)
    for path, source in images.with_libraries(programs).items():
        layer.copy(source, path)
    layer.file("usr/bin/ray", _RAY.read_bytes(), 0o755)
    for path in _HEALTHY:
        layer.file(f"srv/ray/{path}", b"success\n")
    config = {"Env": [f"PATH={images.PATH}"], "User": "1000", "Cmd": ["bash"]}
    return Image(name=RAY_IMAGE, layers=[layer.content()], config=config)


def _program(name: str) -> Path:
    found = shutil.which(name, path=images.PATH)
    if found is None:
        raise HostUnfit(f"{name} is not installed", hint=f"{RAY_IMAGE} is made of it")
    return Path(found).resolve()


def objects(lab: Lab) -> list[Object]:
    """Everything that is applied; healed defects apply parts of it again."""
    # No cert-manager here: the lab's authority signs for the webhook.
    found = [
        _for_a_lab(lab, obj)
        for obj in manifests.documents(locate(_MANIFEST))
        if obj["apiVersion"] != _CERT_MANAGER
    ]
    return [*found, _secret(lab)]


def _install(lab: Lab) -> None:
    manifests.apply_all(lab, objects(lab))


def _for_a_lab(lab: Lab, obj: Object) -> Object:
    if obj["kind"] == "Deployment":
        # One replica needs no election, and on a busy machine it loses its lease and ends.
        return manifests.with_args(obj, DEPLOYMENT, "--enable-leader-election=false")
    if obj["kind"] == "ValidatingWebhookConfiguration":
        return _with_authority(lab, obj)
    return obj


def _with_authority(lab: Lab, obj: Object) -> Object:
    bundle = base64.b64encode(lab.authority.certificate.read_bytes()).decode()
    served = [
        manifests.patched(webhook, {"clientConfig": {"caBundle": bundle}})
        for webhook in obj["webhooks"]
        if webhook["name"] == _WEBHOOK
    ]
    return manifests.patched(obj, {"metadata": {"annotations": None}, "webhooks": served})


def _secret(lab: Lab) -> Object:
    host = f"{_SERVICE}.{NAMESPACE}.svc"
    identity = lab.authority.issue("kuberay-webhook", host, hosts=[host])
    files = {"tls.crt": identity.certificate, "tls.key": identity.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": _SECRET, "namespace": NAMESPACE},
        "data": {
            name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()
        },
    }


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)


ADDON = Addon(
    name="kuberay",
    sentence="KubeRay v1.6.2, an operator with a webhook: Ray clusters (Ray itself is a stand-in)",
    artifacts=(_OPERATOR, _MANIFEST),
    images=_images,
    install=_install,
    missing=_missing,
)
