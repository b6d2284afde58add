"""Ten conditions of the field at once, none of them a fault of the platform's AI features."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aicr_lab.addons import catalogue
from aicr_lab.defects.injections.admission import NAMESPACES_DENIED, PODS_DENIED, sidecar
from aicr_lab.defects.injections.aggregated_apis import DeadApi
from aicr_lab.defects.injections.api_access import RenewedToken, RestrictedUser, everything_but
from aicr_lab.defects.injections.injection import Injection
from aicr_lab.defects.injections.nodes import VirtualNode, WithoutNetwork
from aicr_lab.defects.injections.other_tenants import (
    FilledNodes,
    TaintedDevice,
    TenantsOfLowPriority,
)
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions

from .clients import renewed_midway, requests_of
from .conftest import Labs
from .health import faults
from .matrix import unlike
from .suite import ALLOW_ALL, AUTOMATED, FINE, run_suite

pytestmark = pytest.mark.thorough

LAB = LabOptions(addons=catalogue.parse(catalogue.ALL), fast=True)
USER = RenewedToken(user=RestrictedUser(name="tenth", rules=everything_but()), verified=False)
TENANTS = TenantsOfLowPriority(pods=2)
CONDITIONS: dict[str, Injection] = {
    "little CPU is left": FilledNodes(cpu_left=600),
    "the first node is tainted by a condition": WithoutNetwork(nodes=slice(1)),
    "a virtual node offers accelerators": VirtualNode(),
    "a device of the other node is tainted": TaintedDevice(node=1),
    "others of low priority hold accelerators": TENANTS,
    "a certificate is not verified, a token is renewed in its file": USER,
    "an aggregated API is dead": DeadApi(),
    "pods need a label": PODS_DENIED,
    "namespaces need a label": NAMESPACES_DENIED,
    "a mesh puts a container first into every pod": sidecar("0"),
}
"""On top of them warnings are errors."""

TOLD = (
    "node-0: tainted node.kubernetes.io/network-unavailable",
    "node-1: gpu-7 is tainted example.com/unhealthy",
    "virtual-node-0: simulated or virtual",
    "APIService v1beta1.metrics.field.example",
    "insecure: the API server's certificate is not verified",
)
"""What the header says of them, before anything is created."""


@pytest.fixture
def lab(labs: Labs) -> Iterator[Lab]:
    """With all of them."""
    lab = labs(LAB)
    with contextlib.ExitStack() as stack:
        for condition in CONDITIONS.values():
            stack.callback(condition.revert, lab)
            condition.inject(lab)
        yield lab


def test_nobody_is_accused_under_ten_conditions(lab: Lab, tmp_path: Path) -> None:
    tenants, directory = TENANTS.lives(lab), tmp_path / "run"

    with ThreadPoolExecutor() as threads:
        renewal = threads.submit(renewed_midway, USER, lab, directory)
        run = run_suite(
            USER.kubeconfig(lab),
            AUTOMATED,
            directory,
            *(ALLOW_ALL, "--aicr-label=owner=ml", "-W", "error", "-n", "2"),
            patience=900,
        )
        renewal.result()

    assert unlike(run, dict.fromkeys(AUTOMATED, "Implemented")) == []
    assert {result.outcome for result in run.results} <= {*FINE}, run
    assert TENANTS.lives(lab) == tenants
    # Namespaces stay for the one reason that there is.
    assert run.left_behind
    assert all("Discovery failed for some groups" in left for left in run.left_behind)
    assert any('"status": 401' in line for line in requests_of(directory)), "renewed too late"
    assert [words for words in TOLD if words not in run.output] == []


def test_lab_is_as_it_was(labs: Labs) -> None:
    assert faults(labs(LAB)) == []
