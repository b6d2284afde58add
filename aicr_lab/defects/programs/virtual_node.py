"""A node without a kubelet, which stands for a cloud: it is Ready, and nothing ever runs on it.

Run by the lab while the defect ``virtual-node`` is there (``python -m
aicr_lab.defects.programs.virtual_node LAB NODE``). It keeps the node's Lease, and confirms the end
of pods as a virtual kubelet does.
"""

import datetime
import sys
import time

from aicr_lab.defects.programs.administrator import api_within
from aicr_lab.errors import LabError
from aicr_lab.kubernetes.api import Api, Object
from aicr_lab.lab import Lab

RESOURCE = "nvidia.com/gpu"
ACCELERATORS = "4"
"""What it says that it offers."""

_LEASES = "kube-node-lease"
_EVERY = 1.0
"""Seconds between two looks."""


def node(name: str) -> Object:
    """The node as its provider registers it."""
    labels = {"type": "virtual-kubelet", "kubernetes.io/hostname": name}
    taint = {"key": "virtual-kubelet.io/provider", "value": "cloud", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint]},
    }


def status(now: str) -> Object:
    """What it says of itself."""
    offered = {"cpu": "64", "memory": "256Gi", "pods": "110", RESOURCE: ACCELERATORS}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "the provider answers",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    return {"status": {"capacity": offered, "allocatable": offered, "conditions": [ready]}}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _keep(api: Api, name: str) -> None:
    renewed = f"{_now():%Y-%m-%dT%H:%M:%S.%fZ}"
    api.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": _LEASES},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed},
        }
    )
    for pod in api.list("v1", "Pod"):
        metadata = pod["metadata"]
        if pod["spec"].get("nodeName") == name and metadata.get("deletionTimestamp"):
            path = api.path("v1", "Pod", metadata["name"], metadata["namespace"])
            api.request("DELETE", path, query={"gracePeriodSeconds": "0"})


def main(lab: str, name: str) -> None:
    """Register the node and keeps it, for ever; whoever ends this deletes it."""
    api = api_within(Lab(lab))
    api.apply(node(name))
    told = status(f"{_now():%Y-%m-%dT%H:%M:%SZ}")
    api.patch("v1", "Node", name, told, subresource="status")
    while True:
        try:
            _keep(api, name)
        except LabError as error:
            print(error, flush=True)  # noqa: T201  (its log; a pod may go meanwhile)
        time.sleep(_EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:])
