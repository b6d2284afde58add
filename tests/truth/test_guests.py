"""Our pods are guests: where every accelerator is in use, nobody has to leave for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_lab.build import images
from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions

from .conftest import Labs
from .suite import CORE, run_suite

GPUS = 2
LAB = LabOptions(nodes=1, gpus=GPUS, allocation="device-plugin")
NAMESPACE = "training"
LOWEST: Object = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "batch"},
    "value": -1000,
}


def training(name: str) -> Object:
    """A pod of little priority that holds an accelerator."""
    container = {
        "name": "training",
        "image": images.CUDA,
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"priorityClassName": "batch", "containers": [container]},
    }


def lives(lab: Lab) -> dict[str, str]:
    """Uid → phase of the tenants' pods; those that are being deleted are left out."""
    return {
        pod["metadata"]["uid"]: pod["status"].get("phase", "")
        for pod in lab.api.list("v1", "Pod", NAMESPACE)
        if "deletionTimestamp" not in pod["metadata"]
    }


@pytest.fixture
def full(labs: Labs) -> Iterator[Lab]:
    """A lab whose accelerators are all held by pods of less priority than any other."""
    lab = labs(LAB)
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    things = [LOWEST, namespace, *(training(f"t{number}") for number in range(GPUS))]
    for thing in things:
        lab.api.apply(thing)
    await_effect("training", lambda: list(lives(lab).values()) == ["Running"] * GPUS)
    yield lab
    for thing in reversed(things):
        metadata = thing["metadata"]
        lab.api.delete(
            thing["apiVersion"], thing["kind"], metadata["name"], metadata.get("namespace", "")
        )


def test_pods_of_less_priority_keep_their_accelerators(full: Lab, tmp_path: Path) -> None:
    before = lives(full)

    run = run_suite(full.kubeconfig, CORE, tmp_path / "run")

    assert lives(full) == before, run
    assert [result for result in run.results if result.outcome == "failed"] == [], run
    assert run.left_behind == []
    classes = full.api.list("scheduling.k8s.io/v1", "PriorityClass")
    assert not [one for one in classes if one["metadata"]["name"].startswith("aicr-")]
