"""The fence holds its account to what a run makes, and is in nobody else's way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aicr_lab.defects.injections.api_access import RestrictedUser, everything_but
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NAMESPACE, POD, PRIORITY_CLASS, SERVICE_ACCOUNT, Object
from aicr_pytest.cluster.restraint import own_class
from aicr_pytest.errors import AicrError

from .conftest import Labs
from .fencing import STRANGER, fence_around

OURS = {"app.kubernetes.io/managed-by": "aicr-pytest"}
LEVEL = "pod-security.kubernetes.io/enforce"


@dataclass
class Site:
    """The lab with the fenced account, which may do everything by RBAC, and its administrator."""

    admin: Cluster
    fenced: Cluster

    def pod_of(self, prefix: str) -> str:
        """A pod of kube-system by the beginning of its name."""
        pods = self.admin.list(POD, "kube-system")
        return next(
            str(pod["metadata"]["name"])
            for pod in pods
            if pod["metadata"]["name"].startswith(prefix)
        )


@pytest.fixture(scope="module")
def site(labs: Labs) -> Iterator[Site]:
    """With namespaces of a run, of a tenant, and of a tenant who has taken a name like ours."""
    lab: Lab = labs(LabOptions(nodes=1))
    user = RestrictedUser(name="fenced", rules=everything_but())
    user.inject(lab)
    fence = fence_around(user)
    fence.inject(lab)
    admin = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id="admin")
    fenced = Cluster.connect(kubeconfig=str(user.kubeconfig(lab)), run_id="fenced")
    foreign = ("tenant", "aicr-tenant", "aicr-pytest")
    made = ("aicr-run", "aicr-deep", *foreign)
    try:
        fenced.create(namespace("aicr-run"))
        fenced.create(namespace("aicr-deep", "privileged"))
        for name in foreign:
            # Not by the client, which marks what it makes.
            lab.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for name in ("aicr-run", "aicr-deep"):
            for _ in range(100):
                if admin.find(SERVICE_ACCOUNT, "default", name):
                    break
        yield Site(admin, fenced)
    finally:
        for name in made:
            admin.delete(NAMESPACE, name)
        fence.revert(lab)
        user.revert(lab)


def namespace(name: str, level: str = "restricted", **labels: str) -> Object:
    metadata = {"name": name, "labels": {**OURS, LEVEL: level, **labels}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def pod(where: str, name: str = "guest", **spec: Any) -> Object:
    container = {
        "name": "a",
        "image": "registry.invalid/none",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where},
        "spec": {"securityContext": security, "containers": [container], **spec},
    }


def deployment(where: str) -> Object:
    labels = {"app": "guest"}
    template = {"metadata": {"labels": labels}, "spec": pod(where)["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "guest", "namespace": where},
        "spec": spec,
    }


def config_map(where: str, name: str = "guest") -> Object:
    metadata = {"name": name, "namespace": where}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def lease(where: str, name: str) -> Object:
    metadata = {"name": name, "namespace": where}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": "guest"},
    }


def device_class(name: str) -> Object:
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}}


def cluster_role() -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "view-all"},
        "rules": [],
    }


def dry(obj: Object) -> Callable[[Site], object]:
    return lambda site: site.fenced.create(obj, dry_run=True)


def with_container(where: str, **context: Any) -> Object:
    made = pod(where)
    made["spec"]["containers"][0]["securityContext"] |= context
    return made


def labelled(name: str, **labels: str | None) -> Callable[[Site], object]:
    patch = {"metadata": {"labels": labels}}
    return lambda site: site.fenced.patch(NAMESPACE, name, None, patch)


ALLOWED: dict[str, Callable[[Site], object]] = {
    "a pod of ours": dry(pod("aicr-run")),
    "a Deployment of ours": dry(deployment("aicr-run")),
    "a pod where Pod Security holds nothing back": dry(
        pod("aicr-deep", volumes=[{"name": "v", "hostPath": {"path": "/dev/null"}}])
    ),
    "a namespace of ours": dry(namespace("aicr-other", "baseline")),
    "a label of it": labelled("aicr-run", team="a"),
    "a PriorityClass of ours": dry(own_class("aicr-run")),
    "a DeviceClass of ours": dry(device_class("aicr-run")),
    "a Lease for accelerators": dry(lease("default", "aicr-pytest-node-1-0")),
    "reading of others' pods": lambda site: site.fenced.list(POD),
    "asking what it may do": lambda site: site.fenced.can("list", "pods"),
    "a look through a Service": lambda site: site.fenced.raw(
        "GET", "/api/v1/namespaces/default/services/https:kubernetes:443/proxy/version"
    ),
}
REFUSED: dict[str, Callable[[Site], object]] = {
    "a pod in kube-system": dry(pod("kube-system")),
    "a pod in default": dry(pod("default")),
    "a pod of a tenant": dry(pod("tenant")),
    "a pod of a tenant with a name like ours": dry(pod("aicr-tenant")),
    "a pod of the account's own namespace": dry(pod("aicr-pytest")),
    "a ConfigMap of kube-system": dry(config_map("kube-system", "coredns")),
    "a patch of CoreDNS": lambda site: site.fenced.apply(
        {**config_map("kube-system", "coredns")}, dry_run=True
    ),
    "a Deployment of a tenant": dry(deployment("tenant")),
    "a Lease of kubelets": dry(lease("kube-node-lease", "aicr-pytest-node-1-0")),
    "another Lease": dry(lease("default", "leader")),
    "a command in a pod of others": lambda site: site.fenced.exec(
        site.pod_of("coredns"), "kube-system", ["true"]
    ),
    "deletion of a pod of others": lambda site: site.fenced.delete(
        POD, site.pod_of("coredns"), "kube-system"
    ),
    "a namespace of another name": dry(namespace("stranger")),
    "a namespace of ours without Pod Security": dry(
        {**STRANGER, "metadata": {"name": "aicr-other", "labels": OURS}}
    ),
    "a namespace with admin access": dry(
        namespace("aicr-other", **{"resource.kubernetes.io/admin-access": "true"})
    ),
    "deletion of a system namespace": lambda site: site.fenced.delete(NAMESPACE, "kube-node-lease"),
    "deletion of a tenant's namespace": lambda site: site.fenced.delete(NAMESPACE, "tenant"),
    "deletion of one with a name like ours": lambda site: site.fenced.delete(
        NAMESPACE, "aicr-tenant"
    ),
    "a label on kube-system": labelled("kube-system", **{LEVEL: "privileged"}),
    "our label on a tenant's namespace": labelled("aicr-tenant", **OURS, **{LEVEL: "restricted"}),
    "less Pod Security for a namespace of ours": labelled("aicr-run", **{LEVEL: "privileged"}),
    "none for a namespace of ours": labelled("aicr-run", **{LEVEL: None}),
    "a DeviceClass of the driver": dry(device_class("gpu.nvidia.com")),
    "a PriorityClass of another name": dry(own_class("urgent")),
    "a ClusterRole": dry(cluster_role()),
    "a Deployment where Pod Security holds nothing back": dry(deployment("aicr-deep")),
    "a pod with the node's files": dry(
        pod("aicr-deep", volumes=[{"name": "v", "hostPath": {"path": "/"}}])
    ),
    "a pod in the node's network": dry(pod("aicr-deep", hostNetwork=True)),
    "a pod with the node's processes": dry(pod("aicr-deep", hostPID=True)),
    "a pod past the scheduler": dry(pod("aicr-deep", nodeName="node-1")),
    "a privileged pod": dry(
        with_container("aicr-deep", privileged=True, allowPrivilegeEscalation=True)
    ),
    "a pod that may gain privileges": dry(
        with_container("aicr-deep", allowPrivilegeEscalation=True)
    ),
    "a pod with a capability": dry(
        with_container("aicr-deep", capabilities={"add": ["SYS_ADMIN"]})
    ),
}


@pytest.mark.parametrize("action", ALLOWED.values(), ids=ALLOWED)
def test_what_a_run_does_passes(action: Callable[[Site], object], site: Site) -> None:
    action(site)


@pytest.mark.parametrize("action", REFUSED.values(), ids=REFUSED)
def test_what_a_run_does_not_is_refused_by_the_fence(
    action: Callable[[Site], object], site: Site
) -> None:
    with pytest.raises(AicrError, match="denied request: fence of aicr-pytest"):
        action(site)


def test_others_are_not_held(site: Site) -> None:
    site.admin.create(pod("tenant"), dry_run=True)
    site.admin.create(own_class("urgent"), dry_run=True)
    assert site.admin.find(PRIORITY_CLASS, "urgent") is None
