"""Accelerators of the lab: granted ones follow what runs on them."""

import json
import time
from typing import Any

from aicr_lab.build.images import CUDA
from tests.lab.conftest import Kubectl

QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")


def holder() -> dict[str, Any]:
    """A pod with one GPU for the workload, and a container that looks at the same GPU."""
    claims = {"claims": [{"name": "gpu"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "busy", "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 2,
            "resourceClaims": [{"name": "gpu", "resourceClaimName": "busy"}],
            "containers": [
                {"name": "load", "image": CUDA, "command": ["gpu-workload"], "resources": claims},
                {"name": "eye", "image": CUDA, "command": ["sleep", "600"], "resources": claims},
            ],
        },
    }


def claim() -> dict[str, Any]:
    """A claim for one GPU."""
    exactly = {"deviceClassName": "gpu.nvidia.com", "count": 1}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "busy", "namespace": "default"},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}},
    }


def test_utilization_follows_the_workload_on_the_granted_gpu(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", input=json.dumps(claim()))
    kubectl("apply", "-f", "-", input=json.dumps(holder()))
    try:
        kubectl("wait", "--for=condition=Ready", "pod/busy", "--timeout=60s")
        deadline = time.monotonic() + 30
        while (seen := int(kubectl("exec", "busy", "-c", "eye", "--", *QUERY))) < 50:
            assert time.monotonic() < deadline, f"utilization stays at {seen} %"
    finally:
        kubectl("delete", "pod/busy", "resourceclaim/busy", "--timeout=60s")
