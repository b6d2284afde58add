"""What a node offers, under whatever name its device plugin counts it."""

from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.requirements.cluster_autoscaling.capacity import Offers
from tests.unit.accelerators.objects import node


@pytest.mark.parametrize(
    ("allocatable", "offered"),
    [
        ({"nvidia.com/gpu": "4"}, 4),
        ({"nvidia.com/gpu": "0", "nvidia.com/gpu.shared": "10"}, 10),
        ({"nvidia.com/gpu": "0"}, 0),
        ({}, 0),
    ],
)
def test_renamed_resources_are_offers_too(allocatable: dict[str, str], offered: int) -> None:
    cluster: Any = None
    assert Offers(cluster, PROFILE).of(node("n0", allocatable=allocatable)) == offered
