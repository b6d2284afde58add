"""API objects through their life: create, read, update, delete; and what the API refuses."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import kind_of
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.cluster.refusals import policies_told
from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.catalogue import minor_version
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.requirements.platform import Platform

_MARK = "aicr-pytest/updated"
_GROUP = "resource.k8s.io"
_FIRST = (1, 34)
"""The Kubernetes that has resource.k8s.io/v1 first."""


def stable_kinds(cluster: "Cluster") -> list[str]:
    """The kinds of resource.k8s.io/v1 that the API server serves.

    Raises:
        Inconclusive: it serves none, and is older than that version.
    """
    served = cluster.serves(_GROUP, "v1")
    told = minor_version(cluster.version())
    if not served and tuple(map(int, told.split("."))) < _FIRST:
        before = [one for one in ("v1beta2", "v1beta1") if cluster.serves(_GROUP, one)]
        raise Inconclusive(
            f"{_GROUP}/v1 came with Kubernetes 1.34; this is {told}, which serves "
            f"{' and '.join(before) or 'no version of it'}.",
            hint="Versions before v1 are not looked at: upgrade, or state it by documentation.",
        )
    return served


def exercise(actor: str, platform: "Platform") -> list[str]:
    """Take the object of a manifest through its life in the workspace.

    Returns:
        The verbs that the API server was seen to honour, in order.

    Raises:
        ApiError: it refused one; the message names the request.
        Inconclusive: as ``stable_kinds``.
    """
    stable_kinds(platform.cluster)
    short = actor.rpartition("_")[2].lower()
    workspace, cluster, waiter = platform.workspaces.at(), platform.cluster, platform.waiter
    evidence, run_id = platform.evidence, cluster.run_id
    (wanted,) = render_actor(actor, name=cluster_name(run_id, short))
    kind, name = kind_of(wanted), wanted["metadata"]["name"]
    namespace = workspace.namespace if kind.namespaced else None
    (made,) = workspace.apply([wanted])
    done = ["create"]
    request = kind.request("PATCH", namespace, name)
    evidence.yaml("The object as it was created", made, source=request)
    if cluster.get(kind, name, namespace)["metadata"]["uid"] == made["metadata"]["uid"]:
        done.append("get")
    patch = {"metadata": {"annotations": {_MARK: run_id}}}
    with policies_told():
        cluster.patch(kind, name, namespace, patch)
    updated = cluster.get(kind, name, namespace)
    request = kind.request("GET", namespace, name)
    evidence.yaml("The object after an update", updated, source=request)
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
