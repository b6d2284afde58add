"""Prometheus, run by its operator as the common charts have it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aicr_lab.addons import manifests, prometheus_operator
from aicr_lab.addons.addon import Addon
from aicr_lab.build import images
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image, Layer
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = prometheus_operator.NAMESPACE
NAME = "k8s"
SERVICE = "prometheus-operated"
VERSION = "v3.16.0"
IMAGE = f"quay.io/prometheus/prometheus:{VERSION}"

_HERE = Path(__file__).resolve().parent
_SELECTOR = {"matchLabels": prometheus_operator.SELECTED}

_RELOADER_ARGS = (
    "--listen-address=:8080",
    "--reload-url=http://localhost:9090/-/reload",
    "--config-file=/etc/prometheus/config/prometheus.yaml.gz",
    "--config-envsubst-file=/etc/prometheus/config_out/prometheus.env.yaml",
    f"--watched-dir=/etc/prometheus/rules/prometheus-{NAME}-rulefiles-0",
    # A monitor made in the first seconds of a Prometheus is lost otherwise until the next look,
    # which upstream has every three minutes.
    "--watch-interval=2s",
    "--retry-interval=1s",
)
_PROGRAM = go_artifact(
    "prometheus",
    GO_MODULES / "prometheus",
    ["github.com/prometheus/prometheus/cmd/prometheus"],
    ["prometheus"],
    ldflags=f"-X github.com/prometheus/common/version.Version={VERSION[1:]}",
    tags="remove_all_sd enable_kubernetes_sd",
)


def prometheus(fast: bool) -> Object:
    """The Prometheus object; ``fast``: a scrape every second instead of every 30."""
    spec: dict[str, Any] = {
        "version": VERSION,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "replicas": 1,
        "retention": "1d",
        "scrapeInterval": "1s" if fast else "30s",
        "scrapeTimeout": "1s" if fast else "10s",
        "evaluationInterval": "1s" if fast else "30s",
        "serviceAccountName": "prometheus-k8s",
        "serviceDiscoveryRole": "EndpointSlice",
        "additionalScrapeConfigs": {"name": "additional-scrape-configs", "key": "annotations.yaml"},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 2000},
        "containers": [
            {"name": "prometheus", **_probes()},
            {"name": "config-reloader", "args": list(_RELOADER_ARGS)},
        ],
    }
    for kind in ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig"):
        spec[f"{kind}Selector"] = _SELECTOR
        spec[f"{kind}NamespaceSelector"] = {}
    if fast:
        # Upstream waits 5 s between two looks at what discovery found.
        interval = {"name": "scrape.discovery-reload-interval", "value": "1s"}
        spec["additionalArgs"] = [interval]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": spec,
    }


def _probes() -> dict[str, Any]:
    """The operator's look every 15 s during start and every 5 s later."""
    ready = {"httpGet": {"path": "/-/ready", "port": "web"}, "periodSeconds": 1}
    return {"startupProbe": {**ready, "failureThreshold": 120}, "readinessProbe": ready}


def _images() -> Sequence[Image]:
    layer = Layer()
    images.system_directories(layer)
    layer.copy(locate(_PROGRAM), "bin/prometheus")
    layer.directory("prometheus", 0o777)
    config = {
        "Entrypoint": ["/bin/prometheus"],
        "User": "nobody",
        "WorkingDir": "/prometheus",
        "Env": [f"PATH={images.PATH}"],
    }
    return [Image(name=IMAGE, layers=[layer.content()], config=config)]


def _install(lab: Lab) -> None:
    # Before the Prometheus object: what is there when it starts is not missed.
    manifests.apply_all(lab, manifests.documents(_HERE / "objects" / "prometheus.yaml"))
    manifests.apply(lab, prometheus(lab.options.fast))


def _missing(lab: Lab) -> str:
    return manifests.unavailable(lab, "StatefulSet", f"prometheus-{NAME}", NAMESPACE)


ADDON = Addon(
    name="prometheus",
    sentence=f"Prometheus {VERSION} with ServiceMonitors, PodMonitors and annotations",
    needs=("prometheus-operator",),
    artifacts=(_PROGRAM,),
    images=_images,
    install=_install,
    missing=_missing,
)
