"""The Prometheus Operator: Prometheus, its targets and its rules as objects of the cluster."""

from collections.abc import Sequence

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.kustomize import manifest_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "monitoring"
DEPLOYMENT = "prometheus-operator"
SELECTED = {"release": "lab"}
"""Labels of the monitors that the lab's Prometheus takes, as charts have their release's name."""

VERSION = "v0.92.0"
_REGISTRY = "quay.io/prometheus-operator"
IMAGE = f"{_REGISTRY}/prometheus-operator:{VERSION}"
RELOADER_IMAGE = f"{_REGISTRY}/prometheus-config-reloader:{VERSION}"

_MODULE = "github.com/prometheus-operator/prometheus-operator"
_CRDS = frozenset(
    {"prometheuses", "prometheusrules", "servicemonitors", "podmonitors", "probes"}
    | {"scrapeconfigs"}
)
_OPERATOR, _RELOADER = "operator", "prometheus-config-reloader"
_PROGRAMS = go_artifact(
    "prometheus-operator",
    GO_MODULES / "prometheus-operator",
    [f"{_MODULE}/cmd/{program}" for program in (_OPERATOR, _RELOADER)],
    [_OPERATOR, _RELOADER],
)
_MANIFEST = manifest_artifact("prometheus-operator", module=_MODULE, overlay=".")


def _images() -> Sequence[Image]:
    operator = locate(_PROGRAMS, _OPERATOR)
    reloader = locate(_PROGRAMS, _RELOADER)
    return [
        static_image(IMAGE, operator, "/bin/operator", user="65534"),
        static_image(RELOADER_IMAGE, reloader, "/bin/prometheus-config-reloader", user="65534"),
    ]


def _install(lab: Lab) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    bundle = manifests.documents(locate(_MANIFEST))
    manifests.apply_all(lab, [namespace, *(_adapted(obj) for obj in bundle if _wanted(obj))])


def _wanted(obj: Object) -> bool:
    """The operator does without the CRDs of what the lab has not; each costs the API server."""
    is_crd = obj["kind"] == "CustomResourceDefinition"
    return not is_crd or obj["metadata"]["name"].split(".")[0] in _CRDS


def _adapted(obj: Object) -> Object:
    if obj["metadata"].get("namespace"):
        obj["metadata"]["namespace"] = NAMESPACE
    for subject in obj.get("subjects", []):
        subject["namespace"] = NAMESPACE
    if obj["kind"] != "Deployment":
        return obj
    # Under its CPU limit the reloader takes seconds before Prometheus may start.
    unlimited = ("--config-reloader-cpu-limit=0", "--config-reloader-cpu-request=0")
    return manifests.with_args(
        manifests.with_image(obj, IMAGE),
        "prometheus-operator",
        f"--prometheus-config-reloader={RELOADER_IMAGE}",
        *unlimited,
    )


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)


ADDON = Addon(
    name="prometheus-operator",
    sentence=f"the Prometheus Operator {VERSION}: ServiceMonitors, PodMonitors, Prometheus",
    artifacts=(_PROGRAMS, _MANIFEST),
    images=_images,
    install=_install,
    missing=_missing,
)
