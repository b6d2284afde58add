"""Readings of the simulated GPUs as NVIDIA's dcgm-exporter serves them."""

from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import manifests, prometheus_operator
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab

NAMESPACE = "gpu-operator"
NAME = "nvidia-dcgm-exporter"
IMAGE = "nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubuntu22.04"

_HERE = Path(__file__).resolve().parent
_PROGRAM = go_artifact(
    "accelerator-exporter", GO_MODULES / "accelerator-exporter", ["."], ["accelerator-exporter"]
)


def defects_file(node: Node) -> Path:
    """Words in this file, one a line, make a node's exporter lie; it is read at every scrape.

    ``exporter.go`` knows the words.
    """
    return node.driver_root / "exporter-defects"


def service_monitor(fast: bool) -> Object:
    """As the chart has it; ``fast``: a scrape every second instead of every 15."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"app": NAME, **prometheus_operator.SELECTED},
        },
        "spec": {
            "selector": {"matchLabels": {"app": NAME}},
            "namespaceSelector": {"matchNames": [NAMESPACE]},
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
    return [static_image(IMAGE, program, "/usr/bin/dcgm-exporter", user="0")]


def _install(lab: Lab) -> None:
    objects = manifests.documents(_HERE / "objects" / "accelerator-exporter.yaml")
    if not lab.options.feature_discovery:
        # Its own chart asks for no label; the GPU operator's, which brings GFD, does.
        for daemons in (obj for obj in objects if obj["kind"] == "DaemonSet"):
            del daemons["spec"]["template"]["spec"]["nodeSelector"]
    if prometheus_operator.ADDON.name in lab.options.addons:
        objects.append(service_monitor(lab.options.fast))
    manifests.apply_all(lab, objects)


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "DaemonSet", NAME, NAMESPACE)


ADDON = Addon(
    name="accelerator-exporter",
    sentence="readings of the simulated GPUs under the names of NVIDIA's dcgm-exporter",
    after=("prometheus-operator",),
    artifacts=(_PROGRAM,),
    images=_images,
    install=_install,
    missing=_missing,
)
