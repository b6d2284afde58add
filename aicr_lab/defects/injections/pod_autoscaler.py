"""Ways to break autoscaling of pods: the metrics API, the autoscaler's wishes, the controller."""

from dataclasses import dataclass

from aicr_lab.addons import prometheus_adapter
from aicr_lab.defects.injections.admission_policies import rewriting, rule
from aicr_lab.defects.injections.injection import Applied, await_effect, dry_run
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

_AUTOSCALING = "autoscaling/v2"
_CONTROLLER_MANAGER = "kube-controller-manager"
_RULES = rule("autoscaling", ["horizontalpodautoscalers"], ["CREATE", "UPDATE"], version="v2")


def _autoscaler() -> Object:
    return {
        "apiVersion": _AUTOSCALING,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"},
            "minReplicas": 1,
            "maxReplicas": 2,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 30}},
        },
    }


def _is_changed(lab: Lab) -> bool:
    made = dry_run(lab, _autoscaler())
    if made is None:
        return False
    behavior = made["spec"].get("behavior", {}).get("scaleDown", {})
    return bool(
        made["spec"]["minReplicas"] != 1
        or behavior.get("selectPolicy") == "Disabled"
        or not behavior.get("stabilizationWindowSeconds")
    )


def _rewritten(name: str, patch: str) -> Applied:
    objects = rewriting(name, [_RULES], when="true", patches=[f"[JSONPatch{{{patch}}}]"])
    return Applied(objects=tuple(objects), effective=_is_changed)


ALWAYS_MAX = _rewritten("hpa-max", 'op: "replace", path: "/spec/minReplicas", value: 2')

NEVER_DOWN = _rewritten(
    "hpa-down", 'op: "add", path: "/spec/behavior/scaleDown/selectPolicy", value: "Disabled"'
)

AT_ONCE = _rewritten(
    "hpa-at-once",
    'op: "replace", path: "/spec/behavior/scaleDown/stabilizationWindowSeconds", value: 0',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterDown:
    """The metrics API is registered, and nobody serves it."""

    def inject(self, lab: Lab) -> None:
        """Scales the adapter to nothing and waits until the API server has noticed."""
        self._scale(lab, 0)
        await_effect("the end of the metrics API", lambda: "not available" in _missing(lab))

    def revert(self, lab: Lab) -> None:
        """Scales it back and waits until the API is served again."""
        self._scale(lab, 1)
        await_effect("the metrics API", lambda: not prometheus_adapter.ADDON.missing(lab))

    def _scale(self, lab: Lab, replicas: int) -> None:
        name, namespace = prometheus_adapter.NAME, prometheus_adapter.NAMESPACE
        patch = {"spec": {"replicas": replicas}}
        lab.api.patch("apps/v1", "Deployment", name, patch, namespace)


def _missing(lab: Lab) -> str:
    return prometheus_adapter.ADDON.missing(lab)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerOff:
    """The controller manager runs without the autoscaler's controller."""

    def inject(self, lab: Lab) -> None:
        """Restarts it without."""
        lab.restart(_CONTROLLER_MANAGER, ["--controllers=*,-horizontal-pod-autoscaler-controller"])
        lab.await_healthy(_CONTROLLER_MANAGER)

    def revert(self, lab: Lab) -> None:
        """Restarts it as it was."""
        lab.restart(_CONTROLLER_MANAGER)
        lab.await_healthy(_CONTROLLER_MANAGER)


_EXTERNAL_RULES = """\
rules:
- seriesQuery: 'vllm:num_requests_waiting{namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  name: {as: requests_waiting}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
externalRules:
- seriesQuery: 'DCGM_FI_DEV_GPU_UTIL{namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}}}
  name: {as: gpu_utilization}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>}) by (namespace, pod)'
"""


_NO_RULES = """\
rules:
- &nothing
  seriesQuery: 'nothing_has_this_name{namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
externalRules:
- *nothing
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRules:
    """The adapter offers other metrics."""

    rules: str
    """Its configuration."""

    def inject(self, lab: Lab) -> None:
        """Give the adapter other rules; it reads them once, when it starts."""
        AdapterDown().inject(lab)
        patch = {"data": {"config.yaml": self.rules}}
        namespace = prometheus_adapter.NAMESPACE
        lab.api.patch("v1", "ConfigMap", prometheus_adapter.CONFIG, patch, namespace)
        AdapterDown().revert(lab)

    def revert(self, lab: Lab) -> None:
        """Installs the adapter as it was."""
        AdapterDown().inject(lab)
        prometheus_adapter.ADDON.install(lab)
        AdapterDown().revert(lab)


EXTERNAL_METRICS_ONLY = OtherRules(rules=_EXTERNAL_RULES)
"""The readings of accelerators are offered as external metrics, and not as those of pods."""
EMPTY_LISTS = OtherRules(rules=_NO_RULES)
"""Both metrics APIs answer, and list nothing: adapters of clouds and KEDA do so."""
