"""Kinds of the Kubernetes API, and the paths under which the API server serves them.

The table holds what the checks use. Paths are computed from it, so that no discovery is needed for
them; for any other kind the client asks once for its group and version.
"""

import dataclasses
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as the API server sends it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One kind in one version."""

    group: str
    """API group; empty for the core group."""
    version: str
    """API version, e.g. ``v1``."""
    name: str
    """The kind, e.g. ``ResourceClaim``."""
    plural: str
    """The resource, e.g. ``resourceclaims``."""
    namespaced: bool
    """Whether objects of this kind live in a namespace."""

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``resource.group`` as kubectl takes it, e.g. ``resourceclaims.resource.k8s.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def at(self, version: str) -> "Kind":
        """The same kind in another version of its group."""
        return dataclasses.replace(self, version=version)

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str = ""
    ) -> str:
        """The path of the collection, of one object, or of a subresource of it."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/" + "/".join(urllib.parse.quote(part, safe=":") for part in parts)

    def request(
        self,
        verb: str = "GET",
        namespace: str | None = None,
        name: str | None = None,
        subresource: str = "",
    ) -> str:
        """A request as the journal has it: method and path, without the query."""
        return f"{verb} {self.path(namespace, name, subresource)}"


POD = Kind("", "v1", "Pod", "pods", True)
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", False)
NODE = Kind("", "v1", "Node", "nodes", False)
EVENT = Kind("", "v1", "Event", "events", True)
SERVICE = Kind("", "v1", "Service", "services", True)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True)
SECRET = Kind("", "v1", "Secret", "secrets", True)
REPLICATION_CONTROLLER = Kind("", "v1", "ReplicationController", "replicationcontrollers", True)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", True)
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets", True)
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets", True)
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets", True)
JOB = Kind("batch", "v1", "Job", "jobs", True)
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs", True)
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True
)
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", False)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", True)
RESOURCE_CLAIM = Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", True)
RESOURCE_SLICE = Kind("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", False)
DEVICE_TAINT_RULE = Kind("resource.k8s.io", "v1beta2", "DeviceTaintRule", "devicetaintrules", False)
DEVICE_CLASS = Kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", False)
RUNTIME_CLASS = Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False)
KUEUE_WORKLOAD = Kind("kueue.x-k8s.io", "v1beta2", "Workload", "workloads", True)
PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False)
ACCESS_REVIEW = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False
)
GATEWAY_CLASS = Kind("gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", False)
GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways", True)
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", True)
MUTATING_WEBHOOKS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    False,
)
VALIDATING_WEBHOOKS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    False,
)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    False,
)

_ONLY_IN_MANIFESTS = (
    Kind("", "v1", "ResourceQuota", "resourcequotas", True),
    Kind("", "v1", "LimitRange", "limitranges", True),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", False),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    Kind("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates", True),
    Kind("scheduling.k8s.io", "v1beta1", "PodGroup", "podgroups", True),
    Kind("scheduling.k8s.io", "v1beta1", "Workload", "workloads", True),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles", True),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True),
)
"""Kinds that no code of ours names; the API server need not be asked for them."""

KNOWN: Mapping[tuple[str, str], Kind] = {
    (kind.group, kind.name): kind
    for kind in (*globals().values(), *_ONLY_IN_MANIFESTS)
    if isinstance(kind, Kind)
}
"""Every kind above by group and name. Plural and scope are the same in all versions of a group."""

CONTROLLERS: tuple[Kind, ...] = (
    GATEWAY,  # products make Deployments for it
    CRON_JOB,
    JOB,
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
)
"""Kinds that make pods again for as long as they exist, owners before what they own."""

GANG_NAMES = frozenset({"PodGroup", "Workload"})
"""Names of gang objects, whatever the product's group: they go after pods and before claims."""


def split_api_version(api_version: str) -> tuple[str, str]:
    """Group and version of an ``apiVersion``."""
    group, _, version = api_version.rpartition("/")
    return group, version


def known(api_version: str, name: str) -> Kind | None:
    """The kind out of the table, in the version asked for; None when only the server knows it."""
    group, version = split_api_version(api_version)
    kind = KNOWN.get((group, name))
    return kind.at(version) if kind else None


def kind_of(obj: Object) -> Kind:
    """The kind of an object.

    Raises:
        LookupError: the table does not hold it; ``Cluster.kind_of`` asks the server.
    """
    if (kind := known(obj["apiVersion"], obj["kind"])) is None:
        raise LookupError(f"{obj['apiVersion']} {obj['kind']} is not in the table of kinds.")
    return kind


def requests_for(
    verb: str, objects: Iterable[Object], spoken: Callable[[Kind], Kind] = lambda kind: kind
) -> str:
    """The requests by which objects were asked for, made or changed; kinds that only the server
    knows stand there by their names.

    Args:
        spoken: gives a kind in the version by which the server is asked.
    """
    said = []
    for obj in objects:
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
        if kind := known(obj["apiVersion"], obj["kind"]):
            said.append(spoken(kind).request(verb, namespace, name))
        else:
            where = f"{namespace}/{name}" if namespace else name
            said.append(f"{verb} {obj['apiVersion']} {obj['kind']} {where}")
    return ", ".join(said)


def full_name(kind: Kind, name: str, namespace: str | None = None) -> str:
    """Kind, namespace and name as messages write them: ``ResourceClaim aicr-7f3a/gpu``."""
    return f"{kind.name} {namespace}/{name}" if namespace else f"{kind.name} {name}"
