"""API objects through their life: create, read, update, delete; and what the API refuses."""

from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import RESOURCE_CLAIM, kind_of
from aicr_pytest.cluster.names import cluster_name
from aicr_pytest.cluster.refusals import policies_told
from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.catalogue import minor_version
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.requirements.platform import Platform

_MARK = "aicr-pytest/updated"
_GROUP = RESOURCE_CLAIM.group
_FIRST = (1, 34)
"""The Kubernetes that has resource.k8s.io/v1 first."""


def dra_api(cluster: "Cluster") -> tuple[str, list[str]]:
    """The version that an API server has to serve, and its kinds that are served.

    It is v1 since there is one; before, the beta that the server has.

    Raises:
        Inconclusive: it is older than v1, and serves no beta.
    """
    told = minor_version(cluster.version())
    if tuple(map(int, told.split("."))) >= _FIRST:
        return RESOURCE_CLAIM.api_version, cluster.serves(_GROUP, RESOURCE_CLAIM.version)
    spoken = cluster.spoken(RESOURCE_CLAIM)
    if served := cluster.serves(_GROUP, spoken.version):
        return spoken.api_version, served
    raise Inconclusive(
        f"{RESOURCE_CLAIM.api_version} came with Kubernetes 1.34; this is {told}, which serves no "
        "version of it.",
        hint=f"Serve the beta: kube-apiserver --runtime-config={_GROUP}/v1beta1=true with the "
        "feature gate DynamicResourceAllocation; or upgrade.",
    )


def exercise(actor: str, platform: "Platform") -> list[str]:
    """Take the object of a manifest through its life in the workspace.

    Returns:
        The verbs that the API server was seen to honour, in order.

    Raises:
        ApiError: it refused one; the message names the request.
        Inconclusive: as ``dra_api``.
    """
    version, _ = dra_api(platform.cluster)
    if platform.cluster.spoken(RESOURCE_CLAIM).api_version != version:
        platform.evidence.fact("honoured", f"nothing: {version} is not served")
        return []  # what a beta honours does not count any more
    short = actor.rpartition("_")[2].lower()
    workspace, cluster, waiter = platform.workspaces.at(), platform.cluster, platform.waiter
    evidence, run_id = platform.evidence, cluster.run_id
    (wanted,) = render_actor(actor, name=cluster_name(run_id, short))
    kind, name = cluster.spoken(kind_of(wanted)), wanted["metadata"]["name"]
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
