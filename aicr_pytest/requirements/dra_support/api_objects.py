"""API objects through their life: create, read, update, delete; and what the API refuses."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import kind_of
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.errors import ApiError, DoesNotApply
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.cluster.workspace import Workspace
    from aicr_pytest.evidence.check import CheckEvidence

_MARK = "aicr-pytest/updated"


def exercise(
    actor: str, workspace: "Workspace", run_id: str, evidence: "CheckEvidence"
) -> list[str]:
    """Take the object of a manifest through its life in the workspace.

    Returns:
        The verbs that the API server was seen to honour, in order.

    Raises:
        ApiError: it refused one; the message names the request.
    """
    short = actor.rpartition("_")[2].lower()
    (wanted,) = render_actor(actor, name=cluster_name(run_id, short))
    kind, name = kind_of(wanted), wanted["metadata"]["name"]
    namespace = workspace.namespace if kind.namespaced else None
    cluster, waiter = workspace.cluster, workspace.waiter
    (made,) = workspace.apply([wanted])
    done = ["create"]
    evidence.yaml("The object as it was created", made, source=f"apply {kind.name} {name}")
    if cluster.get(kind, name, namespace)["metadata"]["uid"] == made["metadata"]["uid"]:
        done.append("get")
    patch = {"metadata": {"annotations": {_MARK: run_id}}}
    cluster.patch(kind, name, namespace, patch)
    updated = cluster.get(kind, name, namespace)
    evidence.yaml("The object after an update", updated, source=f"get {kind.name} {name}")
    if updated["metadata"]["annotations"].get(_MARK) == run_id:
        done.append("update")
    cluster.delete(kind, name, namespace, uid=made["metadata"]["uid"])
    waiter.until_gone(
        f"{kind.name} {name} to be deleted",
        kind,
        name,
        namespace,
        uid=made["metadata"]["uid"],
        timeout=waiter.deadlines.object_gone,
    )
    done.append("delete")
    evidence.fact("honoured", ", ".join(done))
    return done


def refusal_of_claim(
    workspace: "Workspace", device_class: str, evidence: "CheckEvidence", *, admin: bool
) -> str:
    """Why the API server refuses a claim, by dry run; empty where it admits it.

    Raises:
        DoesNotApply: the API server drops the field, i.e. it knows no admin access.
    """
    (claim,) = render_actor(
        "secure_accelerator_access/admin-claim",
        name="admin-access" if admin else "ordinary-access",
        device_class=device_class,
        admin=str(admin).lower(),
    )
    claim["metadata"]["namespace"] = workspace.namespace
    title = f"Claim with{'' if admin else 'out'} admin access"
    source = f"create (dry run) ResourceClaim {claim['metadata']['name']}"
    try:
        admitted = workspace.cluster.create(claim, dry_run=True)
    except ApiError as error:
        if error.status == 404:
            raise DoesNotApply("The API server serves no resource.k8s.io/v1.") from error
        evidence.text(title, str(error), source=source)
        return error.message
    evidence.yaml(title, admitted, source=source)
    if admin and "adminAccess" not in admitted["spec"]["devices"]["requests"][0]["exactly"]:
        raise DoesNotApply("The API server knows no admin access to devices.")
    return ""
