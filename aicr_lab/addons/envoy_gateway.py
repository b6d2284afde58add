"""Envoy Gateway: a second implementation of the Gateway API, whose splits are counted exactly."""

from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import contour, manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.module_files import files_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.lab import Lab

NAMESPACE = "envoy-gateway-system"
CLASS = "envoy-gateway"
DEPLOYMENT = "envoy-gateway"
IMAGE = "docker.io/envoyproxy/gateway:v1.9.1"

_MODULE = "github.com/envoyproxy/gateway"
_OBJECTS = Path(__file__).with_name("objects") / "envoy-gateway.yaml"
_OWNER = "gateway.envoyproxy.io/owning-gateway-name"
"""Label of the Deployment that Envoy Gateway makes for a Gateway."""
_PROGRAM = go_artifact(
    "envoy-gateway",
    GO_MODULES / "envoy-gateway",
    [f"{_MODULE}/cmd/envoy-gateway"],
    ["envoy-gateway"],
)
_CRDS = files_artifact(
    "envoy-gateway", module=_MODULE, files=("charts/gateway-crds-helm/templates/generated/*.yaml",)
)


def _images() -> Sequence[Image]:
    program = locate(_PROGRAM)
    gateway = static_image(IMAGE, program, "/usr/local/bin/envoy-gateway")
    return [gateway, contour.envoy_image(contour.ENVOY_IMAGE)]


def _install(lab: Lab) -> None:
    crds = manifests.documents(locate(_CRDS))
    gateway = contour.gateway(NAMESPACE, CLASS)
    manifests.apply_all(lab, [*crds, *manifests.documents(_OBJECTS), gateway])


def _missing(lab: Lab) -> str:
    if seen := manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE):
        return seen
    selector = f"{_OWNER}={contour.GATEWAY}"
    made = lab.api.list("apps/v1", "Deployment", NAMESPACE, labels=selector)
    for deployment in made:
        name = deployment["metadata"]["name"]
        if seen := manifests.unavailable(lab, "Deployment", name, NAMESPACE):
            return seen
    return contour.gateway_missing(lab, NAMESPACE)


ADDON = Addon(
    name="envoy-gateway",
    sentence="Envoy Gateway v1.9.1 with Envoy 1.40: a second Gateway for everybody",
    needs=("gateway-api", "loadbalancer"),
    in_all=False,
    artifacts=(_PROGRAM, _CRDS),
    images=_images,
    install=_install,
    missing=_missing,
)
