"""The fence of ``docs/fence.yaml`` around a user of the lab."""

from aicr_lab.defects.injections.api_access import RestrictedUser
from aicr_lab.defects.injections.injection import Applied
from aicr_lab.lab import Lab
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.errors import AicrError
from aicr_pytest.requirements.fence import fence

STRANGER = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stranger"}}


def fence_around(user: RestrictedUser, *disrupted: str) -> Applied:
    """Put it up and wait until it holds; with namespaces whose operators may be disturbed."""
    return Applied(
        objects=tuple(fence(user.account, disrupted=disrupted)),
        effective=lambda lab: "fence of" in said(lab, user),
    )


def said(lab: Lab, user: RestrictedUser) -> str:
    """What a user is told who makes a namespace that is no run's; empty where it may."""
    cluster = Cluster.connect(kubeconfig=str(user.kubeconfig(lab)), run_id="fenced")
    try:
        cluster.create(STRANGER, dry_run=True)
    except AicrError as error:
        return str(error)
    return ""
