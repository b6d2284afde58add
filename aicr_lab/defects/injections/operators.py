"""The lab's operators, and where each can be hurt; defects break all of them at once.

None of them can stand in for another then.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aicr_lab.addons import jobset, kuberay
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.manifests import apply_all
from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorUnderTest:
    """An operator of the lab, and where it can be hurt."""

    addon: Addon
    objects: Callable[[Lab], list[Object]]
    """What it was installed from."""
    namespace: str
    deployment: str
    group: str
    version: str
    plural: str
    """Its custom resource."""
    role: str
    """ClusterRole of its controller."""
    makes: tuple[str, str]
    """Group and plural of the children that it makes."""
    flaw: str
    """CEL over ``object``: the flaw that its own webhook denies."""
    schema: str
    """JSON pointer below the version's schema of what makes the schema refuse the flaw."""
    schema_value: Object
    """What stands there then, by key."""
    has_pods: str
    """CEL over ``object``: whether a pod belongs to a custom resource."""
    lie: str
    """CEL of the JSON patches after which a status tells of children that are ready."""
    lie_when: str
    """CEL over ``object``: whether there is a status to be changed."""


_JOBSET = OperatorUnderTest(
    addon=jobset.ADDON,
    objects=jobset.objects,
    namespace=jobset.NAMESPACE,
    deployment=jobset.DEPLOYMENT,
    group="jobset.x-k8s.io",
    version="v1alpha2",
    plural="jobsets",
    role="jobset-manager-role",
    makes=("batch", "jobs"),
    flaw="object.spec.successPolicy.targetReplicatedJobs.exists(name, name == 'nobody')",
    schema="properties/spec/properties/successPolicy/properties/targetReplicatedJobs/items",
    schema_value={"enum": ["workers"]},
    has_pods="'jobset.sigs.k8s.io/jobset-name' in object.metadata.?labels.orValue({})",
    lie='[JSONPatch{op: "replace", path: "/status/replicatedJobsStatus/0/ready", value: 2}]',
    lie_when="has(object.status.replicatedJobsStatus) && object.status.replicatedJobsStatus != []",
)
_KUBERAY = OperatorUnderTest(
    addon=kuberay.ADDON,
    objects=kuberay.objects,
    namespace=kuberay.NAMESPACE,
    deployment=kuberay.DEPLOYMENT,
    group="ray.io",
    version="v1",
    plural="rayclusters",
    role="kuberay-operator",
    makes=("", "pods"),
    flaw="object.spec.workerGroupSpecs.filter(group, group.groupName == 'workers').size() > 1",
    schema="properties/spec/properties/workerGroupSpecs",
    schema_value={
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["groupName"],
    },
    has_pods="'ray.io/cluster' in object.metadata.?labels.orValue({})",
    lie='[JSONPatch{op: "add", path: "/status/state", value: "ready"}]',
    lie_when="has(object.status)",
)
_VICTIMS = (_JOBSET, _KUBERAY)


def operators_under_test(lab: Lab) -> list[OperatorUnderTest]:
    """The operators of this lab."""
    return [operator for operator in _VICTIMS if operator.addon.name in lab.options.addons]


def restore(lab: Lab, operator: OperatorUnderTest, *kinds: str) -> None:
    """Apply what the operator was installed from, and wait until it works again."""
    apply_all(lab, [obj for obj in operator.objects(lab) if obj["kind"] in kinds])
    await_effect(operator.addon.name, lambda: not operator.addon.missing(lab))
