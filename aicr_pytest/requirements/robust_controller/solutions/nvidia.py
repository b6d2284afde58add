"""NVIDIA's operators: recognised, but the suite has no resource to try them with.

Both serve models that have to be downloaded first. Where nothing else is installed nobody can say
whether they work, which is another thing than that no operator is there.
"""

from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.requirements.robust_controller.solutions.operator import Operator

DYNAMO = Operator(
    name="dynamo",
    product="NVIDIA Dynamo",
    verified_in_lab=False,
    resource=Kind(
        "nvidia.com", "v1alpha1", "DynamoGraphDeployment", "dynamographdeployments", True
    ),
    deployments=("dynamo-operator-controller-manager",),
    repositories=("/ai-dynamo/kubernetes-operator", "/dynamo-operator"),
)
NIM = Operator(
    name="nim",
    product="NVIDIA NIM Operator",
    verified_in_lab=False,
    resource=Kind("apps.nvidia.com", "v1alpha1", "NIMService", "nimservices", True),
    deployments=("k8s-nim-operator",),
    repositories=("/k8s-nim-operator",),
)
