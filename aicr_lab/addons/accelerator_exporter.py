"""Readings of the simulated GPUs as NVIDIA's dcgm-exporter serves them, or AMD's exporter does."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aicr_lab.addons import manifests, prometheus_operator
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab
from aicr_lab.options import Vendor

NAMESPACE = "gpu-operator"
NAME = "nvidia-dcgm-exporter"
IMAGE = "nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubuntu22.04"
AMD_IMAGE = "docker.io/rocm/device-metrics-exporter:v1.5.2"


class Names(NamedTuple):
    """What the exporter of a vendor is called."""

    daemons: str
    namespace: str
    objects: str
    """File of its objects."""


_NAMES: dict[Vendor, Names] = {
    "nvidia": Names(NAME, NAMESPACE, "accelerator-exporter.yaml"),
    "amd": Names("amdgpu-metrics-exporter", "kube-amd-gpu", "amd-exporter.yaml"),
}

_HERE = Path(__file__).resolve().parent
_PROGRAM = go_artifact(
    "accelerator-exporter", GO_MODULES / "accelerator-exporter", ["."], ["accelerator-exporter"]
)


def defects_file(node: Node) -> Path:
    """Words in this file, one a line, make a node's exporter lie; it is read at every scrape.

    ``exporter.go`` knows the words.
    """
    return node.driver_root / "exporter-defects"


def service_monitor(fast: bool, vendor: Vendor = "nvidia") -> Object:
    """As the chart has it; ``fast``: a scrape every second instead of every 15."""
    names = _NAMES[vendor]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": names.daemons,
            "namespace": names.namespace,
            "labels": {"app": names.daemons, **prometheus_operator.SELECTED},
        },
        "spec": {
            "selector": {"matchLabels": {"app": names.daemons}},
            "namespaceSelector": {"matchNames": [names.namespace]},
            "endpoints": [
                {
                    "port": "gpu-metrics",
                    "path": "/metrics",
                    "interval": "1s" if fast else "15s",
                    "scrapeTimeout": "1s" if fast else "10s",
                    # Its labels name the pod that holds a GPU, not the exporter's own.
                    "honorLabels": True,
                }
            ],
        },
    }


def _images() -> Sequence[Image]:
    program = locate(_PROGRAM)
    # Root: the directory of the kubelet's socket is root's.
    return [
        static_image(IMAGE, program, "/usr/bin/dcgm-exporter", user="0"),
        static_image(AMD_IMAGE, program, "/home/amd/bin/server", user="0"),
    ]


def _install(lab: Lab) -> None:
    objects = manifests.documents(_HERE / "objects" / _NAMES[lab.options.vendor].objects)
    if not lab.options.feature_discovery:
        # Its own chart asks for no label; the GPU operator's, which brings GFD, does.
        for daemons in (obj for obj in objects if obj["kind"] == "DaemonSet"):
            del daemons["spec"]["template"]["spec"]["nodeSelector"]
    if prometheus_operator.ADDON.name in lab.options.addons:
        objects.append(service_monitor(lab.options.fast, lab.options.vendor))
    manifests.apply_all(lab, objects)


def _missing(lab: Lab) -> str:
    names = _NAMES[lab.options.vendor]
    return manifests.unavailable(lab, "DaemonSet", names.daemons, names.namespace)


ADDON = Addon(
    name="accelerator-exporter",
    sentence="readings of the simulated GPUs under the names of NVIDIA's dcgm-exporter",
    after=("prometheus-operator",),
    artifacts=(_PROGRAM,),
    images=_images,
    install=_install,
    missing=_missing,
)
