"""The Deployment that an autoscaler scales: what it runs is of its accelerators' vendor."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.inventory import AcceleratorNode, list_accelerator_nodes
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.requirements.pod_autoscaling.deployment import Scaled
from aicr_pytest.workloads.images import default_images
from aicr_pytest.workloads.workspaces import Workspaces


def node_of(profile: Profile) -> AcceleratorNode:
    offered: Any = {
        "metadata": {"name": "n", "labels": {}},
        "spec": {},
        "status": {
            "allocatable": {profile.extended_resource: "8"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    (found,) = list_accelerator_nodes(
        profile, nodes=[offered], slices=[], pods=[], claims=[], classes=[]
    )
    return found


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.vendor)
def test_its_pods_run_the_vendors_load(profile: Profile) -> None:
    on = node_of(profile)
    applied: list[Any] = []

    def apply(objects: list[Any]) -> list[Any]:
        applied.extend(objects)
        return []

    accelerators: Any = SimpleNamespace(
        sample_nodes=lambda: [on], stock=[on], tolerations=[], now=None
    )
    workspaces: Any = Workspaces(
        lambda _: SimpleNamespace(open=lambda: None, apply=apply),  # type: ignore[arg-type, return-value]
        accelerators,
        image=lambda name, profile=PROFILES[0]: default_images(profile)[name],
        pull_secret=None,
        run_id="r",
        evidence=lambda: None,  # type: ignore[arg-type, return-value]
    )
    platform: Any = SimpleNamespace(
        accelerators=accelerators,
        reservations=SimpleNamespace(with_room=lambda groups, **_: groups[0]),
        workspaces=workspaces,
        cluster=SimpleNamespace(spoken=lambda kind: kind),
        evidence=SimpleNamespace(yaml=lambda *_, **__: None),
    )

    Scaled(platform).deploy("scaled")

    (container,) = applied[-1]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == profile.load_image
    assert " ".join(profile.load_program) in container["command"]
