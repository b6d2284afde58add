"""KubeRay: Ray clusters."""

from aicr_pytest.cluster.kinds import POD, SERVICE, Kind, Object
from aicr_pytest.cluster.pod_state import is_ready
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator


def _done(cluster: Object) -> bool:
    return bool((cluster.get("status") or {}).get("state") == "ready")


def _says(cluster: Object) -> str:
    status = cluster.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    workers = f"{status.get('readyWorkerReplicas', 0)} of {status.get('desiredWorkerReplicas', 0)}"
    told = [f"state {status.get('state') or 'none'}", f"{workers} workers ready"]
    told += [f"{kind} {value}" for kind, value in sorted(conditions.items())]
    return "; ".join(told + ([status["reason"]] if status.get("reason") else []))


KUBERAY = Operator(
    name="kuberay",
    product="KubeRay",
    verified_in_lab=True,
    resource=Kind("ray.io", "v1", "RayCluster", "rayclusters", True),
    deployments=("kuberay-operator",),
    repositories=("/kuberay/operator", "/kuberay-operator"),
    manifest="robust_controller/raycluster",
    image="ray",
    flaw="whose two worker groups have the same name",
    sound={"second_group": "others"},
    flawed={"second_group": "workers"},
    children=(
        Child(kind=POD, count=2, ready=is_ready),
        Child(kind=SERVICE, count=1),
    ),
    replaced=(POD, "ray.io/node-type=worker"),
    done=_done,
    says=_says,
)
