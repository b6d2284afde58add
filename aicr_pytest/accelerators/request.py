"""How a pod asks for accelerators on one node: manifests say how many, this says how."""

import copy
from collections.abc import Sequence

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.cluster.kinds import Object

PLACEHOLDER = "aicr-pytest/accelerator"
"""Resource name in the suite's manifests that stands for "so many accelerators of this cluster"."""

TRAP = "AICR_PYTEST_TRAP"
"""Variable in the suite's manifests that stands for those that the vendor's images bake: a runtime
that honours them is met whatever image is used."""

DO_NOT_DISRUPT = {
    "karpenter.sh/do-not-disrupt": "true",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}
"""An autoscaler that consolidates nodes would end a check half-way."""


def with_accelerator_request(
    pod: Object, node: AcceleratorNode, *, tolerations: Sequence[Object] = ()
) -> list[Object]:
    """Pin a pod to a node and turn its placeholder into a real request.

    The pod goes through the scheduler (node affinity, never ``nodeName``), as the device plugin's
    admission and DRA both need, and no autoscaler buys a node for it.

    Returns:
        The objects to create, in order: ResourceClaimTemplates first, the pod last.
    """
    pod = copy.deepcopy(pod)
    spec = pod["spec"]
    pod["metadata"].setdefault("annotations", {}).update(DO_NOT_DISRUPT)
    spec["affinity"] = {"nodeAffinity": _only_on(node.name)}
    spec["tolerations"] = [*_tolerations(node), *tolerations]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        _set_trap(container, node)
    templates = []
    for container in spec["containers"]:
        for group in ("limits", "requests"):
            count = container.get("resources", {}).get(group, {}).pop(PLACEHOLDER, None)
            if count is None:
                continue
            if node.mechanism == "dra":
                templates.append(_claim_template(pod, container, node, int(count)))
            else:
                container["resources"][group][node.extended_resource] = str(count)
    return [*templates, pod]


def _set_trap(container: Object, node: AcceleratorNode) -> None:
    """Put the vendor's variables in the place of the one that stands for them."""
    variables = container.get("env", [])
    if any(one["name"] == TRAP for one in variables):
        baked = node.profile.baked_environment.items()
        container["env"] = [
            *(one for one in variables if one["name"] != TRAP),
            *({"name": name, "value": value} for name, value in baked),
        ]


def _only_on(node: str) -> Object:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [field]}]
        }
    }


def _tolerations(node: AcceleratorNode) -> list[Object]:
    return [
        {"key": key, "operator": "Equal", "value": value, "effect": effect}
        for key, value, effect in node.taints
    ]


def _claim_template(pod: Object, container: Object, node: AcceleratorNode, count: int) -> Object:
    """A template for one container's devices; the pod and the container are made to name it."""
    name = f"{pod['metadata']['name']}-{container['name']}"
    claim = f"{container['name']}-accelerators"
    pod["spec"].setdefault("resourceClaims", []).append(
        {"name": claim, "resourceClaimTemplateName": name}
    )
    container["resources"].setdefault("claims", []).append({"name": claim})
    exactly = {
        "deviceClassName": node.device_class,
        "count": count,
        "selectors": [{"cel": {"expression": node.selector}}],
    }
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name},
        "spec": {"spec": {"devices": {"requests": [{"name": "accelerators", "exactly": exactly}]}}},
    }


def one_each(pod: Object, resource: str) -> Object:
    """The same pod, with a container for each unit of a resource that one asks for."""
    pod = copy.deepcopy(pod)
    apart = []
    for container in pod["spec"]["containers"]:
        limits = container.get("resources", {}).get("limits", {})
        count = int(limits.get(resource, 1))
        for number in range(count):
            one = copy.deepcopy(container)
            if count > 1:
                one["name"] = f"{container['name']}-{number}"
                one["resources"]["limits"][resource] = "1"
            apart.append(one)
    pod["spec"]["containers"] = apart
    return pod


def results_of(claim: Object, request: str) -> list[Object]:
    """What a claim was allocated for one of its requests, or for all where none is named."""
    results = claim["status"]["allocation"]["devices"]["results"]
    # A request with alternatives is allocated as "<request>/<subrequest>".
    return [item for item in results if not request or item["request"].split("/")[0] == request]


def reserved_for(claim: Object) -> set[str]:
    """UIDs of the pods that may use a claim."""
    return {item["uid"] for item in claim.get("status", {}).get("reservedFor", ())}
