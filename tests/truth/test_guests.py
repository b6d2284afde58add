"""Our pods are guests: where every accelerator is in use, nobody has to leave for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_lab.defects.injections.other_tenants import TenantsOfLowPriority
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions

from .conftest import Labs
from .suite import CORE, run_suite

GPUS = 2
LAB = LabOptions(nodes=1, gpus=GPUS, allocation="device-plugin")
TENANTS = TenantsOfLowPriority(pods=GPUS)


@pytest.fixture
def full(labs: Labs) -> Iterator[Lab]:
    """A lab whose accelerators are all held by pods of less priority than any other."""
    lab = labs(LAB)
    TENANTS.inject(lab)
    yield lab
    TENANTS.revert(lab)


def test_pods_of_less_priority_keep_their_accelerators(full: Lab, tmp_path: Path) -> None:
    before = TENANTS.lives(full)

    run = run_suite(full.kubeconfig, CORE, tmp_path / "run")

    assert TENANTS.lives(full) == before, run
    assert [result for result in run.results if result.outcome == "failed"] == [], run
    assert run.left_behind == []
    classes = full.api.list("scheduling.k8s.io/v1", "PriorityClass")
    assert not [one for one in classes if one["metadata"]["name"].startswith("aicr-")]
