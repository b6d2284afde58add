"""prometheus-adapter: series of Prometheus as metrics that the autoscaler understands."""

import base64
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import manifests, prometheus_operator
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = prometheus_operator.NAMESPACE
NAME = "prometheus-adapter"
"""Of the Deployment and of the Service."""
CONFIG = "adapter-config"
"""ConfigMap with the rules; the adapter reads it once, at start."""
API_SERVICES = ("v1beta1.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io")
IMAGE = "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0"

_HERE = Path(__file__).resolve().parent
_PROGRAM = go_artifact(
    "prometheus-adapter",
    GO_MODULES / "prometheus-adapter",
    ["sigs.k8s.io/prometheus-adapter/cmd/adapter"],
    ["adapter"],
)


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_PROGRAM), "/adapter", user="10001")]


def _install(lab: Lab) -> None:
    objects = manifests.documents(_HERE / "objects" / "prometheus-adapter.yaml")
    # A series counts as there for a minute, or one late scrape would take its metric away.
    relist = "--metrics-relist-interval=2s" if lab.options.fast else "--metrics-relist-interval=1m"
    objects = [
        manifests.with_args(obj, NAME, relist, "--metrics-max-age=1m")
        if obj["kind"] == "Deployment"
        else obj
        for obj in objects
    ]
    manifests.apply_all(lab, [_serving_certificate(lab), *objects])
    for name in API_SERVICES:
        manifests.apply(lab, _api_service(lab, name))


def _serving_certificate(lab: Lab) -> Object:
    identity = lab.authority.issue(NAME, NAME, hosts=(f"{NAME}.{NAMESPACE}.svc",))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{NAME}-tls", "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": _encoded(identity.certificate), "tls.key": _encoded(identity.key)},
    }


def _api_service(lab: Lab, name: str) -> Object:
    version, _, group = name.partition(".")
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name},
        "spec": {
            "service": {"name": NAME, "namespace": NAMESPACE},
            "group": group,
            "version": version,
            "caBundle": _encoded(lab.authority.certificate),
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "Deployment", NAME, NAMESPACE) or _unserved(lab)


def _unserved(lab: Lab) -> str:
    for name in API_SERVICES:
        found = lab.api.find("apiregistration.k8s.io/v1", "APIService", name) or {}
        for condition in found.get("status", {}).get("conditions", []):
            if condition["type"] == "Available" and condition["status"] == "True":
                break
        else:
            return f"APIService {name} is not available"
    return ""


ADDON = Addon(
    name="prometheus-adapter",
    sentence="custom and external metrics out of Prometheus, for autoscaling",
    needs=("prometheus",),
    artifacts=(_PROGRAM,),
    images=_images,
    install=_install,
    missing=_missing,
)
