"""None that we know is not none: absent only where the kind of product cannot be there."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cli.preflight import _solutions
from aicr_pytest.errors import SolutionAbsent, UnknownSolution
from aicr_pytest.requirements.registry import AREAS, discover, signs_of, solution_names

from .served_cluster import ServedCluster, named, pod

KUBERNETES = (
    "apps/v1 Deployment DaemonSet",
    "batch/v1 Job",
    "autoscaling/v2 HorizontalPodAutoscaler",
    "resource.k8s.io/v1 ResourceClaim DeviceClass",
    "scheduling.k8s.io/v1 PriorityClass",
    "apiregistration.k8s.io/v1 APIService",
    "networking.k8s.io/v1 Ingress NetworkPolicy",
    "rbac.authorization.k8s.io/v1 ClusterRole",
    "flowcontrol.apiserver.k8s.io/v1 FlowSchema",
    "storage.k8s.io/v1 StorageClass",
    "metrics.k8s.io/v1beta1 NodeMetrics PodMetrics",
)
"""What every cluster serves."""
PODS = (
    pod("kube-system/coredns-5d78c", "registry.example/coredns/coredns:v1.12"),
    pod("kube-system/kube-scheduler-cp0", "registry.example/kube-scheduler:v1.35.0"),
    pod("kube-system/kube-dns-autoscaler-1", "registry.example/cluster-proportional-autoscaler:1"),
    pod("kube-system/descheduler-1", "registry.example/descheduler/descheduler:v0.34"),
    pod("gpu/nvidia-dra-driver-gpu-1", "nvcr.io/nvidia/k8s-dra-driver-gpu:v25.8"),
)
NODE = {"metadata": {"name": "node-0"}, "spec": {}}


def found(area: str, cluster: ServedCluster, settings: Any = None, **pinned: str) -> Any:
    settings = settings or SimpleNamespace(
        prometheus_url=None, prometheus_service=None, solutions=pinned
    )
    return discover(area, cluster, pinned, settings=settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("area", sorted(AREAS))
@pytest.mark.parametrize("aggregated", [True, False])
def test_on_a_plain_cluster_every_kind_of_product_is_absent(area: str, aggregated: bool) -> None:
    cluster = ServedCluster(*KUBERNETES, Pod=PODS, Node=[NODE], aggregated=aggregated)

    with pytest.raises(SolutionAbsent, match="Looked for") as told:
        found(area, cluster)
    assert not isinstance(told.value, UnknownSolution)


INFRASTRUCTURE = (
    "cilium.io/v2 CiliumNetworkPolicy",
    "cert-manager.io/v1 Certificate",
    "acme.cert-manager.io/v1 Order",
    "gateway.networking.k8s.io/v1 Gateway GatewayClass",
    "snapshot.storage.k8s.io/v1 VolumeSnapshot",
    "monitoring.coreos.com/v1 Prometheus ServiceMonitor",
    "karpenter.sh/v1 NodePool",
    "vpcresources.k8s.aws/v1beta1 SecurityGroupPolicy",
    "resource.nvidia.com/v1beta1 ComputeDomain",
    "inference.networking.x-k8s.io/v1alpha2 InferenceObjective",
    "crd.k8s.amazonaws.com/v1alpha1 ENIConfig",
    "eks.amazonaws.com/v1 NodeClass NodeDiagnostic",
    "networking.gke.io/v1 ManagedCertificate ServiceAttachment",
    "cloud.google.com/v1 BackendConfig ComputeClass",
    "hub.gke.io/v1 Membership",
    "auto.gke.io/v1 AllowlistSynchronizer",
    "nodemanagement.gke.io/v1alpha1 UpdateInfo",
    "monitoring.googleapis.com/v1 PodMonitoring",
    "acn.azure.com/v1alpha NodeNetworkConfig",
    "config.openshift.io/v1 ClusterVersion",
    "management.cattle.io/v3 Cluster",
)


def test_infrastructure_is_no_ai_operator() -> None:
    with pytest.raises(SolutionAbsent, match="No solution of operator") as told:
        found("operator", ServedCluster(*KUBERNETES, *INFRASTRUCTURE, Pod=PODS))
    assert not isinstance(told.value, UnknownSolution)


@pytest.mark.parametrize(
    ("area", "served", "seen"),
    [
        # field/cases/18, 25
        ("metrics", "azmonitoring.coreos.com/v1 ServiceMonitor PodMonitor", "Azure's managed"),
        (
            "metrics",
            "operator.victoriametrics.com/v1beta1 VMAgent VMServiceScrape VMSingle",
            "VictoriaMetrics",
        ),
        ("metrics", "monitoring.coreos.com/v1alpha1 PrometheusAgent", "PrometheusAgent"),
        ("metrics", "opentelemetry.io/v1beta1 OpenTelemetryCollector TargetAllocator", "OpenTel"),
        ("metrics", "monitoring.googleapis.com/v1alpha1 OperatorConfig", "Google's"),
        ("metrics", "scrape.example/v1 JobScrape", "another monitoring system"),
        ("operator", "kubeflow.org/v1 PyTorchJob", "PyTorchJob of kubeflow.org/v1"),
        ("operator", "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet", "LeaderWorkerSet"),
        ("operator", "slinky.slurm.net/v1alpha1 NodeSet", "NodeSet of slinky.slurm.net"),
        ("operator", "kubeflow.org/v2beta1 MPIJob", "MPIJob of kubeflow.org/v2beta1"),
        ("operator", "ray.io/v1alpha1 RayCluster", "KubeRay"),
        ("operator", "sparkoperator.k8s.io/v1beta2 SparkApplication", "SparkApplication"),
        ("operator", "sagemaker.services.k8s.aws/v1alpha1 TrainingJob", "AI of a provider"),
        ("operator", "nobody.example/v1 Thing", "Thing of nobody.example/v1"),
        ("operator", "ml.gke.io/v1 Thing", "AI of a provider"),
        ("operator", "things.gke.io/v1 Thing", "Thing of things.gke.io/v1"),
        ("operator", "eks.amazonaws.com/v1 HyperPodJob", "AI of a provider"),
        ("operator", "things.amazonaws.com/v1 Thing", "Thing of things.amazonaws.com/v1"),
        ("operator", "inference.sagemaker.aws.amazon.com/v1 Endpoint", "AI of a provider"),
        ("operator", "vertexai.cnrm.cloud.google.com/v1 VertexAIEndpoint", "AI of a provider"),
        ("operator", "machinelearningservices.azure.com/v1 Workspace", "AI of a provider"),
        ("operator", "pai.alibabacloud.com/v1 DLCJob", "AI of a provider"),
        # others of the kind
        ("gang", "scheduling.sigs.k8s.io/v1alpha1 PodGroup", "coscheduling"),
        ("gang", "scheduling.k8s.io/v1alpha2 PodGroup Workload", "gang scheduling of Kubernetes"),
        ("gang", "scheduling.run.ai/v3 PodGroup", "KAI"),
        ("gang", "kueue.x-k8s.io/v1 ClusterQueue", "Kueue"),
        ("gang", "batch.volcano.sh/v2 Job", "Volcano"),
        ("gang", "workload.codeflare.dev/v1beta2 AppWrapper", "AppWrapper"),
        ("gang", "scheduler.grove.io/v1alpha1 PodGang", "groups of pods"),
        ("gang", "gangs.example/v1 PodGroup", "groups of pods"),
        ("autoscaler", "karpenter.sh/v1beta1 NodePool NodeClaim", "Karpenter without a NodePool"),
        ("autoscaler", "karpenter.sh/v1 NodePool NodeClaim", "Karpenter without a NodePool"),
        ("autoscaler", "autoscaling.openshift.io/v1 ClusterAutoscaler", "Cluster Autoscaler"),
        ("autoscaler", "compute.coreweave.com/v1alpha1 NodePool", "node groups"),
        ("autoscaler", "cluster.x-k8s.io/v1beta2 MachineDeployment", "node groups"),
    ],
)
@pytest.mark.parametrize("aggregated", [True, False])
def test_served_kinds_of_a_product_make_it_unknown(
    area: str, served: str, seen: str, aggregated: bool
) -> None:
    cluster = ServedCluster(*KUBERNETES, served, Pod=PODS, Node=[NODE], aggregated=aggregated)

    with pytest.raises(UnknownSolution) as told:
        found(area, cluster)
    first, way_out = str(told.value).split("\n")
    assert seen in first
    assert len(first) <= 240
    assert "--aicr-" in way_out or "docs/solutions.md" in way_out


@pytest.mark.parametrize(
    ("area", "running"),
    [
        ("gang", pod("batch/yunikorn-scheduler-1")),
        ("gang", pod("hami/hami-1", "registry.example/hami-scheduler:v2")),
        ("autoscaler", pod("castai-agent/castai-agent-1")),
        ("autoscaler", pod("infra/our-node-autoscaler-1")),
        ("autoscaler", pod("kube-system/ack-goatscaler-1")),
        ("autoscaler", pod("vc/vcluster-autoscale-1")),
        ("metrics", pod("logs/vector-1")),
        ("metrics", pod("logs/collector-1", "docker.example/timberio/vector:0.50")),
        ("metrics", pod("observe/lgtm-0")),
        ("metrics", pod("kube-system/prom-agent-1")),
        ("metrics", pod("arms/o11y-addon-1")),
        ("metrics", pod("kube-system/ama-metrics-7c8", "mcr.example/azuremonitor/agent:6")),
        ("metrics", pod("monitoring/vmagent-0")),
        ("metrics", pod("monitoring/otel-collector-1")),
        ("metrics", pod("monitoring/prometheus-server-0")),
        ("metrics", pod("datadog/datadog-agent-x")),
    ],
    ids=lambda one: one if isinstance(one, str) else one["metadata"]["name"],
)
def test_pods_of_a_product_make_it_unknown(area: str, running: dict[str, Any]) -> None:
    cluster = ServedCluster(*KUBERNETES, Pod=[*PODS, running], Node=[NODE])

    with pytest.raises(UnknownSolution, match=f"pod .*{running['metadata']['name']}"):
        found(area, cluster)


def test_pod_that_is_going_is_no_sign() -> None:
    going = pod("batch/yunikorn-scheduler-1")
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"

    with pytest.raises(SolutionAbsent, match="No solution of gang is installed"):
        found("gang", ServedCluster(*KUBERNETES, Pod=[going]))


@pytest.mark.parametrize(
    "provider",
    [
        "aws:///eu/i-0123",
        "ocid1.instance.oc1.iad.abc",
        "cn-hangzhou.i-bp1",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    ],
)
def test_nodes_of_a_provider_may_be_scaled_from_outside(provider: str) -> None:
    node = {"metadata": {"name": "ip-10-0-0-1"}, "spec": {"providerID": provider}}

    with pytest.raises(UnknownSolution, match=rf"node ip-10-0-0-1 is {provider}") as told:
        found("autoscaler", ServedCluster(*KUBERNETES, Node=[node]))
    assert "--aicr-solution autoscaler=cluster-autoscaler" in str(told.value)


@pytest.mark.parametrize("provider", ["kind://docker/kind/worker", "k3s://node-0", "kwok://n", ""])
def test_nodes_of_one_machine_are_scaled_by_nobody(provider: str) -> None:
    node = {"metadata": {"name": "node-0"}, "spec": {"providerID": provider}}

    with pytest.raises(SolutionAbsent, match="No solution of autoscaler"):
        found("autoscaler", ServedCluster(*KUBERNETES, Node=[node]))


@pytest.mark.parametrize("option", ["prometheus_url", "prometheus_service"])
def test_monitoring_system_that_the_user_names_is_not_absent(option: str) -> None:
    # As Amazon's managed Prometheus, or a cloud of Grafana's.
    url = "http://127.0.0.1:1"
    settings = SimpleNamespace(prometheus_url=None, prometheus_service=None, solutions={})
    signs = signs_of("metrics")
    assert signs is not None
    setattr(settings, option, url)

    with pytest.raises(UnknownSolution, match=f"--aicr-{option.replace('_', '-')}") as told:
        signs.refuse(ServedCluster(*KUBERNETES), settings)  # type: ignore[arg-type]
    assert "--aicr-service" in str(told.value)


def test_pinned_solution_is_unknown_by_its_own_signs_alone() -> None:
    others = ServedCluster(*KUBERNETES, "ray.io/v1 RayCluster", "kubeflow.org/v1 PyTorchJob")
    another_version = ServedCluster(*KUBERNETES, "serving.kserve.io/v1 InferenceService")

    with pytest.raises(SolutionAbsent, match="--aicr-solution operator=kserve") as told:
        found("operator", others, operator="kserve")
    assert not isinstance(told.value, UnknownSolution)
    with pytest.raises(UnknownSolution, match=r"KServe \(InferenceService of serving.kserve.io/v1"):
        found("operator", another_version, operator="kserve")


@pytest.mark.parametrize("area", sorted(AREAS))
def test_signs_name_solutions_that_there_are(area: str) -> None:
    signs = signs_of(area)
    named = {name for sign in signs.signs for name in sign.solutions} if signs else set()

    assert named <= set(solution_names(area))


@pytest.mark.parametrize(
    "objects",
    [
        {"ConfigMap": [named("openshift-machine-api/cluster-autoscaler-status")]},
        {"ConfigMap": [named("kube-system/cluster-autoscaler-status")]},
        {"Lease": [named("infra/cluster-autoscaler")]},
        {"Pod": [pod("infra/ca-1", "mirror.example/autoscaling/cluster-autoscaler-amd64:v1.35")]},
        {"Pod": [pod("infra/aws-cluster-autoscaler-7d9-x2", "mirror.example/ca:1")]},
    ],
    ids=str,
)
def test_cluster_autoscaler_is_found_wherever_it_is(objects: Any) -> None:
    (candidate,) = found("autoscaler", ServedCluster(*KUBERNETES, **objects))

    (told,) = [obj["metadata"] for listed in objects.values() for obj in listed]
    assert candidate.solution.name == "cluster-autoscaler"
    assert f"{told['namespace']}/{told['name']}" in candidate.found.where


def test_operator_of_cluster_autoscaler_is_not_it() -> None:
    idle = pod(
        "openshift-machine-api/cluster-autoscaler-operator-1", "x/cluster-autoscaler-operator"
    )

    with pytest.raises(UnknownSolution, match="cluster-autoscaler-operator-1"):
        found("autoscaler", ServedCluster(*KUBERNETES, Pod=[idle]))


def test_cluster_autoscaler_that_the_user_names_is_tried_unseen() -> None:
    (candidate,) = found("autoscaler", ServedCluster(*KUBERNETES), autoscaler="cluster-autoscaler")

    assert str(candidate.found) == "by the user's word; nothing shows it"


def test_preflight_tells_what_is_seen_and_not_known() -> None:
    settings = SimpleNamespace(prometheus_url=None, prometheus_service=None, solutions={})
    cluster = ServedCluster(*KUBERNETES, "kubeflow.org/v1 PyTorchJob")

    told = _solutions(SimpleNamespace(cluster=cluster, settings=settings))  # type: ignore[arg-type]

    assert told["gang"] == ()
    (operator,) = told["operator"]
    assert operator.startswith("unknown: No AI operator that is known, and signs of one: ")
