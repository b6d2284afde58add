"""How many accelerators nodes offer: by a device plugin's count, or by what a driver publishes."""

from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import PROFILE
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.requirements.cluster_autoscaling.capacity import Offers
from tests.unit.requirements.served_cluster import ServedCluster

SERVED = "resource.k8s.io/v1 ResourceSlice"


def devices(*types: str) -> list[Object]:
    return [{"name": f"d{i}", "attributes": {"type": {"string": t}}} for i, t in enumerate(types)]


def published(node: str | None, *types: str, generation: int = 1, **other: Any) -> Object:
    spec = {
        "driver": PROFILE.driver,
        "pool": {"name": node or "p", "generation": generation},
        "nodeName": node,
        "devices": devices(*types),
        **other,
    }
    if node is None:
        del spec["nodeName"]
    return {"metadata": {"name": "s"}, "spec": spec}


def offered(*slices: Object, served: str = SERVED, **status: Any) -> int:
    cluster: Any = ServedCluster(served, ResourceSlice=slices)
    offers = Offers(cluster, PROFILE)
    offers.look()
    return offers.of({"metadata": {"name": "n"}, **status})


@pytest.mark.parametrize(
    ("slices", "count"),
    [
        ([published("n", "gpu", "gpu")], 2),
        ([published("n", "gpu", "mig", "vfio")], 1),
        ([published("n", "gpu"), published("n", "gpu")], 2),
        ([published("n", "gpu", "gpu"), published("n", "gpu", generation=2)], 1),
        ([published("n", "gpu", driver="somebody.else")], 0),
        ([published("m", "gpu"), published(None, "gpu")], 0),
        ([published("n", "gpu", devices=())], 0),
        ([], 0),
    ],
)
def test_whole_devices_that_the_driver_publishes_for_the_node_count(
    slices: list[Object], count: int
) -> None:
    assert offered(*slices) == count
    assert offered(*slices, status={"allocatable": {"cpu": "8"}}) == count
    assert offered(*slices, served="resource.k8s.io/v1beta1 ResourceSlice") == 0


def test_attribute_may_be_named_with_its_domain() -> None:
    device = {"name": "d", "attributes": {f"{PROFILE.driver}/type": {"string": "gpu"}}}

    assert offered(published("n", devices=[device])) == 1


def test_slice_without_devices_offers_none() -> None:
    empty = published("n")
    del empty["spec"]["devices"]

    assert offered(empty) == 0


@pytest.mark.parametrize("slices", [[], [published("n", "gpu")]])
def test_count_of_a_device_plugin_goes_before_what_is_published(slices: list[Object]) -> None:
    allocatable = {PROFILE.extended_resource: "8", "cpu": "64"}

    assert offered(*slices, status={"allocatable": allocatable}) == 8


@pytest.mark.parametrize("status", [{}, {"allocatable": None}, {"allocatable": {"cpu": "8"}}])
def test_node_of_which_nothing_is_known_offers_none(status: Object) -> None:
    assert offered(status=status) == 0


def test_what_is_published_counts_as_it_was_at_the_last_look() -> None:
    cluster: Any = ServedCluster(SERVED, ResourceSlice=[published("n", "gpu")])
    offers, node = Offers(cluster, PROFILE), {"metadata": {"name": "n"}}
    assert offers.of(node) == 0, "nobody has looked"
    offers.look()
    assert offers.of(node) == 1

    cluster.objects = {"ResourceSlice": []}
    assert offers.of(node) == 1
    offers.look()
    assert offers.of(node) == 0
