"""What shows that an AI operator may be there that the suite has no resource for.

An operator is known by its custom resources, and any name may be one's. So each counts, but those
of products that are known to be none.
"""

from aicr_pytest.requirements.signs import Sign, Signs

# By their full names: others have groups below k8s.io, too.
_OF_KUBERNETES = (
    *("*.apps", "*.batch", "*.autoscaling", "*.policy", "*.extensions"),
    *("*.admissionregistration.k8s.io", "*.apiextensions.k8s.io", "*.apiregistration.k8s.io"),
    *("*.authentication.k8s.io", "*.authorization.k8s.io", "*.certificates.k8s.io"),
    *("*.coordination.k8s.io", "*.discovery.k8s.io", "*.events.k8s.io", "*.apiserver.k8s.io"),
    *("*.metrics.k8s.io", "*.networking.k8s.io", "*.node.k8s.io", "*.policy.k8s.io"),
    *("*.rbac.authorization.k8s.io", "*.resource.k8s.io", "*.scheduling.k8s.io"),
    *("*.storage.k8s.io", "*.storagemigration.k8s.io"),
)
_NETWORK = (
    "*.cilium.io",
    "*.projectcalico.org",
    "*.tigera.io",
    "*.cni.cncf.io",
    "*.ovn.org",
    "*.antrea.io",
    "*.metallb.io",
    "*.istio.io",
    "*.linkerd.io",
    "*.envoyproxy.io",
    "*.projectcontour.io",
    "*.traefik.io",
    "*.traefik.containo.us",
    "*.konghq.com",
    "*.nginx.org",
    "*.networking.x-k8s.io",
    "*.submariner.io",
)
_NODES = (
    "*.karpenter.*",
    "*.cluster.x-k8s.io",
    "*.autoscaling.x-k8s.io",
    "*.nfd.k8s-sigs.io",
    "*.metal3.io",
    "*.resource.nvidia.com",
    "*.mellanox.com",
)
_SCHEDULING = (
    "*.kueue.x-k8s.io",
    "*.scheduling.x-k8s.io",
    "*.scheduling.run.ai",
    "*.scheduling.volcano.sh",
)
_MONITORING = (
    "*.coreos.com",
    "*.victoriametrics.com",
    "*.opentelemetry.io",
    "*.grafana.com",
    "*.jaegertracing.io",
    "*.keda.sh",
    "*.datadoghq.com",
    "*.dynatrace.com",
)
_STORAGE_AND_SECURITY = (
    "*.cert-manager.io",
    "*.kyverno.io",
    "*.gatekeeper.sh",
    "*.external-secrets.io",
    "*.csi.x-k8s.io",
    "*.velero.io",
    "*.longhorn.io",
    "*.rook.io",
    "*.openebs.io",
    "*.fluxcd.io",
)
_PROVIDERS = (
    # By what they are for: AI kinds of a provider are below its domain, too.
    *("*.crd.k8s.amazonaws.com", "*.elbv2.k8s.aws", "*.gateway.k8s.aws", "*.networking.k8s.aws"),
    *("*.services.k8s.aws", "*.vpcresources.k8s.aws"),
    *("CNINode.eks.amazonaws.com", "IngressClassParams.eks.amazonaws.com"),
    *("NodeClass.eks.amazonaws.com", "NodeDiagnostic.eks.amazonaws.com"),
    "TargetGroupBinding.eks.amazonaws.com",
    *("*.auto.gke.io", "*.autoscaling.gke.io", "*.datalayer.gke.io", "*.hub.gke.io"),
    *("*.migration.gke.io", "*.networking.gke.io", "*.node.gke.io", "*.nodemanagement.gke.io"),
    *("*.security.gke.io", "*.snapshot.gke.io", "*.storage.gke.io", "*.warden.gke.io"),
    *("*.cloud.google.com", "*.monitoring.googleapis.com"),
    "*.azure.com",
    *("*.openshift.io", "*.cattle.io", "*.k3s.io"),
)
_AI_OF_PROVIDERS = (
    *("*.ai.*", "*.aiplatform.*", "*.bedrock*.*", "*.cognitiveservices.*", "*.machinelearning*"),
    *("*.ml.*", "*.notebooks.*", "*.pai.*", "*.sagemaker.*", "*.vertexai.*"),
    *("*FineTun*.*", "*HyperPod*.*", "*Inference*.*", "*LLM*.*", "*Notebook*.*", "*Training*.*"),
)

SIGNS = Signs(
    what="AI operator",
    signs=(
        Sign(product="Kubeflow Trainer", kinds=("*.trainer.kubeflow.org",), solutions=("trainer",)),
        Sign(product="KubeRay", kinds=("*.ray.io",), solutions=("kuberay",)),
        Sign(product="KServe", kinds=("*.serving.kserve.io",), solutions=("kserve",)),
        Sign(product="JobSet", kinds=("*.jobset.x-k8s.io",), solutions=("jobset",)),
        Sign(product="AI of a provider", kinds=_AI_OF_PROVIDERS, but=_NETWORK),
        Sign(
            product="custom resources",
            kinds=("*",),
            but=(
                *(*_OF_KUBERNETES, *_NETWORK, *_NODES, *_SCHEDULING),
                *(*_MONITORING, *_STORAGE_AND_SECURITY, *_PROVIDERS),
            ),
        ),
    ),
    way_out="The suite has resources to try KubeRay, Kubeflow Trainer, KServe and JobSet with: "
    "install one of them, or write an adapter (docs/solutions.md).",
)
