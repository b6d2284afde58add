"""KServe: inference services, here without Knative (raw deployments)."""

from aicr_pytest.cluster.kinds import DEPLOYMENT, SERVICE, Kind, Object
from aicr_pytest.cluster.pod_state import condition
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator


def _available(deployment: Object) -> bool:
    return bool((deployment.get("status") or {}).get("availableReplicas"))


def _done(service: Object) -> bool:
    return bool(condition(service, "Ready").get("status") == "True")


def _says(service: Object) -> str:
    conditions = (service.get("status") or {}).get("conditions") or ()
    told = [
        f"{one['type']} {one['status']}" + (f" ({one['reason']})" if one.get("reason") else "")
        for one in conditions
    ]
    return "; ".join(told) or "no status"


KSERVE = Operator(
    name="kserve",
    product="KServe",
    verified_in_lab=False,
    resource=Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices", True),
    deployments=("kserve-controller-manager",),
    repositories=("/kserve/kserve-controller", "/kserve-controller"),
    manifest="robust_controller/inferenceservice",
    image="service",
    flaw="that shall have more replicas at least than at most",
    sound={"at_least": "1"},
    flawed={"at_least": "2"},
    children=(
        Child(kind=DEPLOYMENT, count=1, ready=_available),
        Child(kind=SERVICE, count=1),
    ),
    replaced=(DEPLOYMENT, ""),
    done=_done,
    says=_says,
)
