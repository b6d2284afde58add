"""Kubeflow Trainer: training jobs on runtimes that the platform's people describe."""

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.requirements.robust_controller.solutions.operator import Child, Operator

_JOBSET = Kind("jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets", True)


def _running(jobset: Object) -> bool:
    status = jobset.get("status") or {}
    return any(int(one.get("ready", 0)) for one in status.get("replicatedJobsStatus") or ())


def _jobs(train_job: Object) -> list[Object]:
    return (train_job.get("status") or {}).get("jobsStatus") or []


def _done(train_job: Object) -> bool:
    return any(int(one.get("ready", 0)) for one in _jobs(train_job))


def _says(train_job: Object) -> str:
    told = [
        f"{one['name']}: {one.get('ready', 0)} of 1 Jobs ready, {one.get('active', 0)} active,"
        f" {one.get('failed', 0)} failed"
        for one in _jobs(train_job)
    ]
    conditions = (train_job.get("status") or {}).get("conditions") or ()
    told += [f"{one['type']} {one['status']}: {one.get('message', '')}" for one in conditions]
    return "; ".join(told) or "no status"


TRAINER = Operator(
    name="trainer",
    product="Kubeflow Trainer",
    verified_in_lab=False,
    resource=Kind("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs", True),
    deployments=("kubeflow-trainer-controller-manager",),
    repositories=("/trainer/trainer-controller-manager",),
    manifest="robust_controller/trainjob",
    image="probe",
    flaw="whose runtime does not exist",
    sound={"runtime": "small"},
    flawed={"runtime": "missing"},
    children=(Child(kind=_JOBSET, count=1, ready=_running),),
    replaced=(_JOBSET, ""),
    done=_done,
    says=_says,
)
