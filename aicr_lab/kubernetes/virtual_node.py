"""A node without a kubelet, which stands for a cloud: it is Ready, and nothing ever runs on it.

Run by a lab that was made with ``--virtual-node``, or while the variant ``virtual-node`` is there.
It keeps the node's Lease, and confirms the end of pods as a virtual kubelet does.
"""

import argparse
import datetime
import sys
import time
from pathlib import Path

from aicr_lab.errors import LabError
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Api, Object
from aicr_lab.kubernetes.controlplane import ControlPlane
from aicr_lab.machine.processes import LAB, Process

NAME = "virtual-node-0"
COMPONENT = "virtual-node"
"""Name of the process."""
RESOURCE = "nvidia.com/gpu"
ACCELERATORS = "4"
"""What it says that it offers."""

_LEASES = "kube-node-lease"
_EVERY = 1.0
"""Seconds between two looks."""


def process(plane: ControlPlane) -> Process:
    """What keeps the node."""
    admin = plane.authority.identity("admin")
    argv = (
        *(sys.executable, "-m", __name__),
        f"--ca={plane.authority.certificate}",
        f"--certificate={admin.certificate}",
        f"--key={admin.key}",
    )
    return Process(name=COMPONENT, argv=argv, namespace=LAB, log=plane.log(COMPONENT))


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


def main() -> None:
    """Register the node and keeps it, for ever; whoever ends this deletes it."""
    parser = argparse.ArgumentParser()
    for name in ("ca", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    api = Api(
        port=network.API_PORT, ca=options.ca, certificate=options.certificate, key=options.key
    )
    api.apply(node(NAME))
    told = status(f"{_now():%Y-%m-%dT%H:%M:%SZ}")
    api.patch("v1", "Node", NAME, told, subresource="status")
    while True:
        try:
            _keep(api, NAME)
        except LabError as error:
            print(error, flush=True)  # noqa: T201  (its log; a pod may go meanwhile)
        time.sleep(_EVERY)


if __name__ == "__main__":
    main()
