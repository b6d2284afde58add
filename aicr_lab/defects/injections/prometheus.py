"""Ways to break what a workload says to the monitoring system, and the monitoring system itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aicr_lab.addons import prometheus, prometheus_operator
from aicr_lab.defects.injections.admission_policies import refusing, rewriting, rule
from aicr_lab.defects.injections.injection import Applied, await_effect, dry_run
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

_GROUP, _VERSION = "monitoring.coreos.com", "v1"
_MONITORS = rule(_GROUP, ["servicemonitors"], ["CREATE", "UPDATE"], version=_VERSION)
_FIRST = "/spec/endpoints/0"


def _monitor() -> Object:
    return {
        "apiVersion": f"{_GROUP}/{_VERSION}",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": "aicr-lab-probe",
            "namespace": "default",
            "labels": dict(prometheus_operator.SELECTED),
        },
        "spec": {"selector": {}, "endpoints": [{"port": "metrics", "path": "/metrics"}]},
    }


def _differs(lab: Lab) -> bool:
    made = dry_run(lab, _monitor())
    wanted = _monitor()
    return made is not None and (made["metadata"]["labels"], made["spec"]) != (
        wanted["metadata"]["labels"],
        wanted["spec"],
    )


def _rewritten(name: str, *patches: str, merge: str = "") -> Applied:
    return Applied(
        objects=tuple(rewriting(name, [_MONITORS], when="true", patches=patches, merge=merge)),
        effective=_differs,
    )


def _relabelled(name: str, *rules: str) -> Applied:
    """Series of new targets are changed before they are stored."""
    path = f"{_FIRST}/metricRelabelings"
    return _rewritten(
        name, f'[JSONPatch{{op: "add", path: "{path}", value: [{", ".join(rules)}]}}]'
    )


def _named(series: str, **more: str) -> str:
    """CEL of a relabelling rule for the series of one name."""
    entries = {"sourceLabels": '["__name__"]', "regex": f'"{series}"'}
    entries |= {key: f'"{value}"' for key, value in more.items()}
    return "{" + ", ".join(f'"{key}": dyn({value})' for key, value in entries.items()) + "}"


NOT_SELECTED = _rewritten(
    "monitor-labels",
    merge='Object{metadata: Object.metadata{labels: {"release": "somebody-else"}}}',
)

WRONG_PATH = _rewritten(
    "monitor-path",
    f'[JSONPatch{{op: "replace", path: "{_FIRST}/path", value: "/nothing-here"}}]',
)

SELDOM = _rewritten(
    "monitor-interval",
    f'[JSONPatch{{op: "add", path: "{_FIRST}/interval", value: "12s"}}]',
)

FROZEN_COUNTER = _relabelled(
    "monitor-counter",
    _named("vllm:request_success_total", action="drop"),
    # A series that is 1 for ever takes the counter's name.
    _named(
        "vllm:cache_config_info",
        action="replace",
        targetLabel="__name__",
        replacement="vllm:request_success_total",
    ),
)

NO_BUCKETS = _relabelled(
    "monitor-buckets", _named("vllm:e2e_request_latency_seconds_bucket", action="drop")
)

NO_QUEUE = _relabelled("monitor-queue", _named("vllm:num_requests_waiting", action="drop"))

# What discovery knows of a Service are its EndpointSlices; one that never loses an address keeps
# the target of a pod that is gone.
ENDPOINTS_STAY = Applied(
    objects=tuple(
        refusing(
            "endpoints",
            [rule("discovery.k8s.io", ["endpointslices"], ["UPDATE"])],
            expression=(
                "dyn(oldObject.endpoints) == null || size(oldObject.endpoints) == 0 || "
                "(dyn(object.endpoints) != null && "
                "size(object.endpoints) >= size(oldObject.endpoints))"
            ),
            message="endpoints are never taken away here",
        )
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusReplicas:
    """So many Prometheus pods, which scrape everything each by itself; none: it does not run."""

    replicas: int

    def inject(self, lab: Lab) -> None:
        """Scales it and waits until that many run."""
        self._scale(lab, self.replicas)

    def revert(self, lab: Lab) -> None:
        """Scales it back and waits until it runs."""
        self._scale(lab, 1)

    def _scale(self, lab: Lab, replicas: int) -> None:
        patch = {"spec": {"replicas": replicas}}
        kind = (f"{_GROUP}/{_VERSION}", "Prometheus", prometheus.NAME)
        lab.api.patch(*kind, patch, prometheus.NAMESPACE)

        def reached() -> bool:
            return len(self._pods(lab)) == replicas and not (replicas and _missing(lab))

        await_effect(f"{replicas} pods of Prometheus", reached)

    def _pods(self, lab: Lab) -> list[dict[str, Any]]:
        labels = "app.kubernetes.io/name=prometheus"
        return list(lab.api.list("v1", "Pod", prometheus.NAMESPACE, labels=labels))


_missing: Callable[[Lab], str] = prometheus.ADDON.missing
