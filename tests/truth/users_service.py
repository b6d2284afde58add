"""A service of the lab's user, which monitors of their own make known to Prometheus."""

import contextlib
from collections.abc import Iterator

from aicr_lab.addons import prometheus, prometheus_operator
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until
from aicr_pytest.cluster import pod_state
from aicr_pytest.workloads.images import default_images
from aicr_pytest.workloads.manifests import render_actor

NAMESPACE, NAME = "chat", "llm"
NAMED = f"--aicr-service={NAMESPACE}/{NAME}:metrics"
"""The option that names it."""

_MONITOR = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": NAME, "labels": dict(prometheus_operator.SELECTED)},
    "spec": {
        "selector": {"matchLabels": {"app": NAME}},
        "endpoints": [{"port": "metrics", "path": "/metrics"}],
    },
}
_TARGETS = (
    f"/api/v1/namespaces/{prometheus.NAMESPACE}/services/prometheus-operated:9090/proxy"
    "/api/v1/targets?state=active"
)
_PATIENCE = 60.0
"""Seconds for it to come and to go."""


@contextlib.contextmanager
def users_service(lab: Lab, *, monitored: bool = True) -> Iterator[None]:
    """Our sample, run by somebody else, for as long as the context lasts."""
    objects = render_actor(
        "ai_service_metrics/service",
        actor=NAME,
        image=default_images()["service"],
        model="their-model",
        hold="60",
        annotations="{}",
    )
    lab.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        for obj in [*objects, *([_MONITOR] if monitored else [])]:
            lab.api.apply(obj, NAMESPACE)
        assert wait_until(lambda: pod_state.is_ready(_pod(lab)), _PATIENCE, every=0.5)
        yield
    finally:
        lab.api.delete("v1", "Namespace", NAMESPACE)
        assert wait_until(lambda: _is_gone(lab), _PATIENCE, every=0.5)


def _is_gone(lab: Lab) -> bool:
    """From the cluster, and from Prometheus, which collects for a while what it knew of."""
    targets = lab.api.request("GET", _TARGETS)["data"]["activeTargets"]
    collected = any(target["labels"]["namespace"] == NAMESPACE for target in targets)
    return not collected and lab.api.find("v1", "Namespace", NAMESPACE) is None


def _pod(lab: Lab) -> dict[str, object]:
    return lab.api.get("v1", "Pod", NAME, NAMESPACE)
