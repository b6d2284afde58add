"""What the suite needs to be allowed, per feature.

Preflight reviews this table, ``docs/rbac.md`` and ``docs/rbac.yaml`` are made of it, and tests hold
it against the requests of a real run: with exactly these rights the suite runs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicr_pytest.cluster.access_review import Need

_DRA = "resource.k8s.io"
_MONITORING = "monitoring.coreos.com"
_GOOGLE = "monitoring.googleapis.com"
_LEASES = "coordination.k8s.io"
_PRIORITIES = "scheduling.k8s.io"
_KUEUE = "kueue.x-k8s.io"
_CRDS = "apiextensions.k8s.io"
_WEBHOOKS = "admissionregistration.k8s.io"
_OWN = "create get list watch patch delete"
_CLASS = "create get list watch delete"
_MADE = "create list patch delete"
_GATEWAYS = "gateway.networking.k8s.io"

_BASIC = (
    ("", "namespaces", "", "create get list watch delete", "a namespace per module, removed again"),
    ("", "pods", "", "create get list watch delete", "probe pods"),
)
_ALL = (
    ("", "nodes", "", "get list", "to see who offers accelerators"),
    ("", "events", "", "list watch", "to say why a pod does not start"),
    ("", "configmaps", "", "list watch", "to wait until a namespace is usable"),
    ("", "serviceaccounts", "", "list watch", "to wait until a namespace is usable"),
    ("", "pods", "exec", "create get", "to look from inside a container"),
    (_DRA, "devicetaintrules", "", "list", "to leave out devices that are given to nobody"),
    (_PRIORITIES, "priorityclasses", "", _CLASS, "our pods displace nobody"),
    (_LEASES, "leases", "", "create list watch patch delete", "turns at the accelerators"),
)
_BY_FEATURE = {
    "dra_support": (
        (_DRA, "resourceclaims", "", "create get list watch patch delete", "claims of the checks"),
        (_DRA, "resourceclaimtemplates", "", "create get list watch patch delete", "API check"),
        (_DRA, "deviceclasses", "", "create get list watch patch delete", "API check"),
        (_DRA, "resourceslices", "", "create get list watch patch delete", "API check"),
    ),
    "cluster_autoscaling": (
        ("", "nodes", "", "watch", "to see a node come and go"),
        ("", "configmaps", "", "list", "to find the status of Cluster Autoscaler"),
        (_LEASES, "leases", "", "list", "to find Cluster Autoscaler by its election"),
        ("", "pods", "", "list", "to find Cluster Autoscaler by its image"),
        ("karpenter.sh", "nodepools", "", "get list", "to find Karpenter and its limits"),
        (_DRA, "resourceslices", "", "list", "to see what a node offers"),
        (_DRA, "resourceclaims", "", "list", "to see what is free"),
        (_DRA, "deviceclasses", "", "list", "to know what to ask by"),
        (_DRA, "resourceclaimtemplates", "", "create patch", "claim of the pod"),
        ("karpenter.sh", "nodeclaims", "", "list", "for the evidence"),
    ),
    "gang_scheduling": (
        (_DRA, "resourceclaims", "", "list", "to see that nothing stays held"),
        (_DRA, "resourceclaimtemplates", "", "create patch", "claims of the members"),
        (_DRA, "resourceslices", "", "list", "to know each device's identity"),
        (_DRA, "deviceclasses", "", "list", "to know what to ask by"),
        ("scheduling.k8s.io", "podgroups", "", "create get list watch patch delete", "gangs"),
        (_KUEUE, "resourceflavors", "", "create get watch list patch delete", "a queue of ours"),
        (_KUEUE, "clusterqueues", "", "create get watch list patch delete", "a queue of ours"),
        (_KUEUE, "localqueues", "", "create patch", "a queue of ours"),
        (_KUEUE, "workloads", "", "get list watch delete", "why a gang waits; to take it down"),
        ("scheduling.run.ai", "podgroups", "", _OWN, "gangs of KAI"),
        ("scheduling.run.ai", "queues", "", "list", "to see that KAI has the queue"),
        ("scheduling.volcano.sh", "podgroups", "", _OWN, "gangs of Volcano"),
        ("scheduling.x-k8s.io", "podgroups", "", _OWN, "gangs of coscheduling"),
    ),
    "secure_accelerator_access": (
        (_DRA, "resourceclaims", "", "create get list watch delete", "claims of the checks"),
        (_DRA, "resourceclaimtemplates", "", "create get patch delete", "claims of the pods"),
        (_DRA, "resourceslices", "", "list", "to know each device's identity"),
        (_DRA, "deviceclasses", "", "list", "to know what to ask by"),
        ("node.k8s.io", "runtimeclasses", "", "get", "to see whether the vendor has one"),
        ("", "pods", "ephemeralcontainers", "patch", "a container in a running pod of the checks"),
    ),
    "robust_controller": (
        (_CRDS, "customresourcedefinitions", "", "get", "to see which operators are installed"),
        (_WEBHOOKS, "mutatingwebhookconfigurations", "", "list", "to see whose webhooks are asked"),
        (_WEBHOOKS, "validatingwebhookconfigurations", "", "list", "likewise"),
        ("apps", "deployments", "", "list watch delete", "to find the controllers; children"),
        ("", "services", "", "get list watch delete", "what stands before a webhook; children"),
        ("", "pods", "log", "get", "what the pods of a custom resource say"),
        ("ray.io", "rayclusters", "", _OWN, "custom resource of the checks"),
        ("jobset.x-k8s.io", "jobsets", "", _OWN, "custom resource of the checks"),
        ("serving.kserve.io", "inferenceservices", "", _OWN, "custom resource of the checks"),
        ("trainer.kubeflow.org", "trainjobs", "", _OWN, "custom resource of the checks"),
        ("trainer.kubeflow.org", "trainingruntimes", "", _MADE, "what it refers to"),
        ("batch", "jobs", "", "list watch delete", "children of a JobSet"),
    ),
    "accelerator_metrics": (
        (_DRA, "resourceclaimtemplates", "", "create patch", "claims of the workloads"),
        (_DRA, "resourceclaims", "", "get list watch", "to see which device a workload has"),
        ("", "pods", "portforward", "create get", "to ask the exporter of each node"),
        ("", "services", "", "list", "to find Prometheus"),
        ("", "services", "proxy", "get", "to ask Prometheus"),
        (_MONITORING, "prometheuses", "", "list", "to find Prometheus"),
    ),
    "ai_service_metrics": (
        ("", "namespaces", "", "patch", "labels by which monitors of a namespace are selected"),
        ("", "configmaps", "", "create patch", "the sample service's program"),
        ("", "services", "", "create list patch", "the sample service; to find Prometheus"),
        ("", "services", "", "get", "the service that --aicr-service names"),
        ("discovery.k8s.io", "endpointslices", "", "list", "the pods behind that service"),
        ("", "services", "proxy", "get", "to ask Prometheus"),
        ("", "pods", "portforward", "create get", "to send requests"),
        (_MONITORING, "prometheuses", "", "list", "to find Prometheus and what it selects"),
        (_MONITORING, "servicemonitors", "", _MADE, "to make the service known"),
        (_MONITORING, "podmonitors", "", _MADE, "to make the service known"),
        (_GOOGLE, "podmonitorings", "", _MADE, "likewise, on GKE"),
    ),
    "pod_autoscaling": (
        ("apps", "deployments", "", "create get list watch patch delete", "what is scaled"),
        ("apps", "replicasets", "", "list watch delete", "to take it down"),
        ("autoscaling", "horizontalpodautoscalers", "", "create get patch", "the autoscaler"),
        (_DRA, "resourceclaimtemplates", "", "create patch", "claims of the pods"),
        (_DRA, "resourceclaims", "", "get list watch", "to see which device each pod has"),
        ("apiregistration.k8s.io", "apiservices", "", "list", "to find the metrics API"),
        ("custom.metrics.k8s.io", "*", "", "get list", "the metric of the pods"),
        ("external.metrics.k8s.io", "*", "", "get list", "the same, where it is an external one"),
        ("", "services", "", "list", "to find Prometheus, for the evidence"),
        ("", "services", "proxy", "get", "to ask Prometheus, for the evidence"),
        (_MONITORING, "prometheuses", "", "list", "to find Prometheus, for the evidence"),
    ),
    "ai_inference": (
        (_GATEWAYS, "gatewayclasses", "", "list", "to find the platform's gateways"),
        (_GATEWAYS, "gateways", "", "list watch", "to find one that takes our routes"),
        (_GATEWAYS, "gateways", "", "create patch delete", "a new one, where that is allowed"),
        (_GATEWAYS, "httproutes", "", "create get list watch patch", "routes of the checks"),
        ("", "services", "", "create patch", "the backends' addresses"),
        ("", "configmaps", "", "create patch", "scripts of backends and client"),
    ),
}
_CLUSTER_SCOPED = (
    "namespaces",
    "nodes",
    "apiservices",
    "deviceclasses",
    "resourceslices",
    "devicetaintrules",
    "runtimeclasses",
    "gatewayclasses",
    "customresourcedefinitions",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "priorityclasses",
    "nodepools",
    "nodeclaims",
    "resourceflavors",
    "clusterqueues",
    "queues",
)


def basic_needs() -> "list[Need]":
    """Without these no check can begin."""
    return _needs("every check", _BASIC)


def all_needs() -> "list[Need]":
    """Everything, the basic ones first."""
    needs = [*basic_needs(), *_needs("every check", _ALL)]
    for feature, rows in _BY_FEATURE.items():
        needs += _needs(feature, rows)
    return needs


def _needs(feature: str, rows: tuple[tuple[str, str, str, str, str], ...]) -> "list[Need]":
    from aicr_pytest.cluster.access_review import Need

    return [
        Need(
            verb=verb,
            group=group,
            resource=resource,
            subresource=subresource,
            namespaced=resource not in _CLUSTER_SCOPED,
            # Not only there is looked for what a killed run has left.
            namespace="default" if resource == "leases" and verb not in ("list", "watch") else "",
            feature=feature,
            why=why,
        )
        for group, resource, subresource, verbs, why in rows
        for verb in verbs.split()
    ]
