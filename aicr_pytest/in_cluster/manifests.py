"""The objects of a run inside the cluster. Pure: no requests."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aicr_pytest import __version__
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements import account
from aicr_pytest.requirements.fence import fence

NAME = account.NAME
"""Of the Job, and of the ServiceAccount that it runs as."""
IMAGE = f"localhost/aicr-pytest:{__version__}"
"""What ``make image`` calls its image; a node has it only where somebody has loaded it."""
RUN, HOLD = "run", "hold"
"""Containers: the suite, and what keeps its evidence until somebody has taken it."""
FOLDER = "/evidence"
"""Where both see the evidence."""
OURS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "in-cluster"}
"""Labels of what is taken down at the end. Never those of a run: what the suite's account may do,
by its fence, it may do where those are."""
JOB_LABEL = "batch.kubernetes.io/job-name"

_IN_POD = ("python3", "-m", "aicr_pytest.cli.in_pod")
_LONGEST = 6 * 3600
"""Seconds that a Job may last, the time for which evidence is held included."""
_HELD = 3600
"""Seconds for which evidence is held where nobody takes it."""
_SCRATCH = [
    # The root file system is read-only.
    {"name": "HOME", "value": "/tmp"},
    {"name": "PYTHONPYCACHEPREFIX", "value": "/tmp/pycache"},
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the suite runs inside the cluster."""

    namespace: str = NAME
    """Of Job and ServiceAccount."""
    image: str = IMAGE
    """Image of the suite."""
    arguments: Sequence[str] = ()
    """Of ``aicr-pytest run``."""
    pull_secret: str = ""
    """Secret in that namespace by which the image is pulled; empty for none."""
    evidence_claim: str = ""
    """PersistentVolumeClaim in that namespace that keeps the evidence; empty: held to be taken."""

    disrupted: Sequence[str] = ()
    """Namespaces of operators whose pods may be deleted, for ``--aicr-allow=disruption``."""

    @property
    def rights(self) -> str:
        """Name of the roles, their bindings and the fence; no two namespaces share them."""
        return NAME if self.namespace == NAME else f"{NAME}-{self.namespace}"


def objects(plan: Plan) -> list[Object]:
    """Everything that the run needs, in the order in which it is made; the Job is the last."""
    made = [
        *account.account(plan.namespace, name=plan.rights),
        *fence(
            f"system:serviceaccount:{plan.namespace}:{NAME}",
            name=plan.rights,
            disrupted=plan.disrupted,
        ),
        job(plan),
    ]
    for obj in made:
        obj["metadata"]["labels"] = {**OURS, **_levels(obj)}
    return made


def _levels(obj: Object) -> dict[str, str]:
    named = obj["kind"] == "Namespace"
    return {"pod-security.kubernetes.io/enforce": "restricted"} if named else {}


def job(plan: Plan) -> Object:
    """The Job: one pod, never tried again, since a second run is not the first one."""
    containers = [_run_container(plan)]
    if not plan.evidence_claim:
        containers.append(_hold_container(plan))
    pod: Object = {
        "serviceAccountName": NAME,
        "restartPolicy": "Never",
        # SIGTERM ends a run as Ctrl-C does: it takes down what it has made.
        "terminationGracePeriodSeconds": 300,
        # No user is named: the image does it, and OpenShift gives one of its own.
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **({"fsGroup": 65532} if plan.evidence_claim else {}),
        },
        "containers": containers,
        "volumes": [{"name": "evidence", **_volume(plan)}, {"name": "tmp", "emptyDir": {}}],
    }
    if plan.pull_secret:
        pod["imagePullSecrets"] = [{"name": plan.pull_secret}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": plan.namespace},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _LONGEST,
            "template": {
                "metadata": {
                    "labels": dict(OURS),
                    # Whoever makes nodes go must not take the one that looks at it.
                    "annotations": {
                        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                        "karpenter.sh/do-not-disrupt": "true",
                    },
                },
                "spec": pod,
            },
        },
    }


def _volume(plan: Plan) -> Object:
    if plan.evidence_claim:
        return {"persistentVolumeClaim": {"claimName": plan.evidence_claim}}
    return {"emptyDir": {"sizeLimit": "2Gi"}}


def _run_container(plan: Plan) -> Object:
    return {
        **_container(plan, RUN, "run", f"--folder={FOLDER}", "--", *_literal(plan.arguments)),
        "resources": {
            "requests": {"cpu": "500m", "memory": "512Mi"},
            "limits": {"memory": "2Gi"},
        },
    }


def _hold_container(plan: Plan) -> Object:
    return {
        **_container(plan, HOLD, "hold", f"--folder={FOLDER}", f"--seconds={_HELD}"),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }


def _literal(words: Sequence[str]) -> list[str]:
    """Words as Kubernetes leaves them: it replaces ``$(NAME)`` by the variable of that name."""
    return [word.replace("$(", "$$(") for word in words]


def _container(plan: Plan, name: str, *words: str) -> Object:
    return {
        "name": name,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*_IN_POD],
        "args": [*words],
        "env": [*_SCRATCH],
        "workingDir": "/tmp",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "evidence", "mountPath": FOLDER},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }


def sonobuoy_plugin(plan: Plan) -> Object:
    """A plugin of Sonobuoy; its account and namespace are Sonobuoy's.

    Results are of the format "manual": of JUnit, Sonobuoy makes "failed" of every error, and could
    not say of a platform that nobody was able to look at it.
    """
    from aicr_pytest.in_cluster.sonobuoy import RESULTS, RESULTS_FOLDER

    container: dict[str, Any] = {
        "name": "plugin",
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*_IN_POD],
        "args": ["sonobuoy", "--", *_literal(plan.arguments)],
        "env": [*_SCRATCH],
        "volumeMounts": [{"name": "results", "mountPath": RESULTS_FOLDER}],
    }
    return {
        "sonobuoy-config": {
            "driver": "Job",
            "plugin-name": NAME,
            "description": "Whether this platform is AI-conformant, with evidence.",
            "result-format": "manual",
            "result-files": [RESULTS],
        },
        "spec": container,
    }


def tekton_task(plan: Plan) -> Object:
    """A Task of Tekton; whoever runs it names a ServiceAccount that has the suite's rights."""
    evidence = "$(workspaces.evidence.path)"
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/version": __version__}},
        "spec": {
            "description": "Proves, with evidence, whether the cluster it runs in is"
            " AI-conformant. Fails where a MUST is not met; the evidence is kept either way.",
            "params": [
                {
                    "name": "image",
                    "type": "string",
                    "description": "image of the suite",
                    "default": plan.image,
                },
                {
                    "name": "args",
                    "type": "array",
                    "description": "of `aicr-pytest run`, e.g. -m must",
                    "default": [*plan.arguments],
                },
            ],
            "workspaces": [{"name": "evidence", "description": "keeps a folder per run"}],
            "results": [
                {"name": "summary", "description": "run, exit status and verdicts, as JSON"}
            ],
            "steps": [
                {
                    "name": "run",
                    "image": "$(params.image)",
                    "command": [*_IN_POD],
                    "args": [
                        "run",
                        f"--folder={evidence}",
                        "--summary=$(results.summary.path)",
                        "--",
                        "$(params.args[*])",
                    ],
                    "env": [*_SCRATCH],
                    "workingDir": "/tmp",
                    "securityContext": {
                        "runAsNonRoot": True,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
        },
    }
