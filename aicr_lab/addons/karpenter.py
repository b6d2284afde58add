"""Karpenter with its kwok provider: nodes with accelerators come and go with demand.

Its nodes have no kubelet; what runs there is simulated by KWOK. Its NodePool carries a taint, so
that only pods that mean it make it bring a node.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.images import static_image
from aicr_lab.addons.module_files import files_artifact
from aicr_lab.build.builder import GO_MODULES, go_artifact, locate
from aicr_lab.build.oci import Image
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

NAMESPACE = "karpenter"
DEPLOYMENT = "karpenter"
IMAGE = "docker.io/karpenter/kwok:v1.14.1"
NODE_POOL = "accelerators"
POOL_LABEL = "karpenter.sh/nodepool"
"""Label of its nodes, whose value is their NodePool."""
INSTANCE_TYPE, CPU_INSTANCE_TYPE = "gpu-8x", "cpu-8x"
TAINT = {"key": "aicr-lab/autoscaled", "value": "true", "effect": "NoSchedule"}

_MODULE = "sigs.k8s.io/karpenter"
_HERE = Path(__file__).resolve().parent
_PROGRAM = go_artifact("karpenter", GO_MODULES / "karpenter", [f"{_MODULE}/kwok"], ["kwok"])
_CRDS = files_artifact(
    "karpenter", module=_MODULE, files=("kwok/charts/crds/*.yaml", "kwok/apis/crds/*.yaml")
)


def _images() -> Sequence[Image]:
    return [static_image(IMAGE, locate(_PROGRAM), "/karpenter", user="65532")]


def _instance_type(name: str, resources: dict[str, str]) -> Object:
    offering = {
        "Price": 1.0,
        "Available": True,
        "Requirements": [
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["lab"]},
        ],
    }
    return {
        "name": name,
        "offerings": [offering],
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "1Ti", "pods": "110"}
        | resources,
    }


def instance_types() -> Object:
    """The ConfigMap with what can be had: one kind of node with accelerators, one without."""
    types = [
        _instance_type(INSTANCE_TYPE, {"nvidia.com/gpu": "8"}),
        _instance_type(CPU_INSTANCE_TYPE, {}),
    ]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "instance-types", "namespace": NAMESPACE},
        "data": {"instance-types.json": json.dumps(types, indent=1)},
    }


def node_pool(*, instance_type: str = INSTANCE_TYPE, limit: str = "64") -> Object:
    """The NodePool; a pod has to tolerate its taint.

    Args:
        limit: how many accelerators all of its nodes together may have.
    """
    requirements = [
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": [instance_type]},
    ]
    reference = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": NODE_POOL},
        "spec": {
            "template": {
                # However a run reaches this lab, it learns that its nodes are not real.
                "metadata": {"labels": {"aicr-pytest/simulated": "true"}},
                "spec": {
                    "requirements": requirements,
                    "nodeClassRef": reference,
                    "taints": [TAINT],
                    "expireAfter": "Never",
                    "terminationGracePeriod": "5s",
                },
            },
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "0s"},
            "limits": {"nvidia.com/gpu": limit},
        },
    }


def _node_class() -> Object:
    return {
        "apiVersion": "karpenter.kwok.sh/v1alpha1",
        "kind": "KWOKNodeClass",
        "metadata": {"name": "default"},
    }


def _install(lab: Lab) -> None:
    objects = manifests.documents(_HERE / "objects" / "karpenter.yaml")
    if lab.options.fast:
        objects = [
            # A node stays nominated, and is not looked at again, for twice the longest batch.
            manifests.with_args(
                obj, "controller", "--batch-idle-duration=500ms", "--batch-max-duration=1s"
            )
            if obj["kind"] == "Deployment"
            else obj
            for obj in objects
        ]
    crds = manifests.documents(locate(_CRDS))
    manifests.apply_all(lab, [*crds, *objects, instance_types()])
    for obj in (_node_class(), node_pool()):
        manifests.apply(lab, obj)


def _missing(lab: Lab) -> str:
    lacking = manifests.unavailable(lab, "Deployment", DEPLOYMENT, NAMESPACE)
    return lacking or _unready(lab)


def _unready(lab: Lab) -> str:
    found = lab.api.find("karpenter.sh/v1", "NodePool", NODE_POOL) or {}
    for condition in found.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return ""
    return f"NodePool {NODE_POOL} is not Ready"


ADDON = Addon(
    name="karpenter",
    sentence="Karpenter v1.14.1 with its kwok provider: nodes with accelerators on demand",
    needs=("kwok",),
    artifacts=(_PROGRAM, _CRDS),
    images=_images,
    install=_install,
    missing=_missing,
)
