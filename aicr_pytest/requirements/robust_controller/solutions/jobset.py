"""JobSet: groups of Jobs that start, fail and end as one; a simple operator, accepted as one."""

from aicr_pytest.cluster.kinds import JOB, SERVICE, Kind, Object
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator

REPLICAS = 2
"""Jobs that the manifest asks for."""


def running(job: Object) -> bool:
    """Whether a Job has pods that are ready."""
    return bool((job.get("status") or {}).get("ready"))


def _done(jobset: Object) -> bool:
    ready = sum(int(one.get("ready", 0)) for one in _replicated(jobset))
    return ready >= REPLICAS


def _says(jobset: Object) -> str:
    status = jobset.get("status") or {}
    told = [
        f"{one['name']}: {one.get('ready', 0)} of {REPLICAS} Jobs ready, "
        f"{one.get('active', 0)} active, {one.get('failed', 0)} failed"
        for one in _replicated(jobset)
    ]
    told += [f"{one['type']} {one['status']}" for one in status.get("conditions") or ()]
    return "; ".join(told) or "no status"


def _replicated(jobset: Object) -> list[Object]:
    return (jobset.get("status") or {}).get("replicatedJobsStatus") or []


JOBSET = Operator(
    name="jobset",
    product="JobSet",
    verified_in_lab=True,
    resource=Kind("jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets", True),
    deployments=("jobset-controller-manager", "jobset-controller"),
    repositories=("/jobset/jobset", "/jobset"),
    manifest="robust_controller/jobset",
    image="probe",
    flaw="whose success depends on Jobs that it does not have",
    sound={"awaited": "workers"},
    flawed={"awaited": "nobody"},
    children=(
        Child(kind=JOB, count=REPLICAS, ready=running),
        Child(kind=SERVICE, count=1),
    ),
    replaced=(JOB, ""),
    done=_done,
    says=_says,
    remark="a simple operator; the requirement asks for a complex one, such as Ray or Kubeflow",
)
