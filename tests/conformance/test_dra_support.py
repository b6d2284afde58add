"""Dynamic Resource Allocation: a claim gets what it asks for, in the API and in the container."""

from collections.abc import Callable

import pytest

from aicr_pytest.checks import (
    AcceleratorNode,
    Accelerators,
    Actors,
    CheckEvidence,
    Cluster,
    Device,
    Exclusive,
    Platform,
    PodsPerNode,
    Workspaces,
    choosing,
    chosen_device,
    dra_api,
    exercise,
    nobodys_device,
)

pytestmark = pytest.mark.requirement("dra_support")

KINDS = ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice")
AT_ONCE = 4
"""Accelerators held at the same time where there is room: selected 1, claimed 1, several 2."""
EVERY = 8
"""Accelerators that ordinary nodes have; ``each`` holds all that are free, for seconds."""
PENDING_WINDOW = 6.0
"""Seconds for which a claim that cannot be met must stay without a node."""

Nodes = list[AcceleratorNode]


@pytest.fixture(scope="module")
def nodes(aicr_accelerators: Accelerators, aicr_exclusive: Exclusive) -> Nodes:
    """The looked-at nodes whose driver publishes ResourceSlices, once it is our turn there.

    All their accelerators are ours until ``each`` is done with them.
    """
    samples = aicr_accelerators.samples("dra", "extended-resource")
    return aicr_accelerators.now(aicr_exclusive.whole(samples))


@pytest.fixture(scope="module")
def actors(aicr_workspace: Workspaces, nodes: Nodes) -> Actors:
    """Every actor on every looked-at node; ``selected`` first: it wants one particular device.

    ``each`` goes before they come: it holds whatever is free.
    """

    def actor(
        name: str,
        chosen: Callable[[AcceleratorNode], Device] | None = None,
        **values: Callable[[AcceleratorNode], str],
    ) -> Callable[[], PodsPerNode]:
        return lambda: aicr_workspace.deploy(
            f"dra_support/{name}", nodes, chosen, must_start=True, **values
        )

    return Actors(
        {
            "each": lambda: aicr_workspace.deploy_each("dra_support/each", nodes, must_start=True),
            "selected": actor("selected", chosen_device, expression=choosing),
            "claimed": actor("claimed"),
            "several": actor("several", count=lambda node: str(min(2, max(1, node.total - 1)))),
            "unsatisfiable": actor("unsatisfiable", expression=nobodys_device),
            "oversized": actor("oversized", count=lambda node: str(node.total + 1)),
        },
        # One stays free beside them: what nothing satisfies shall not stay pending for want of any.
        room_for_all=all(node.free > AT_ONCE for node in nodes),
        alone={"each"},
        late={"claimed", "several"},
    )


@pytest.mark.aicr_check(basis="plan", creates="nothing", seconds=1)
def test_stable_dra_api_is_served(aicr_cluster: Cluster, aicr_evidence: CheckEvidence) -> None:
    """The API server serves resource.k8s.io/v1, before 1.34 its beta, with its four kinds."""
    version, served = dra_api(aicr_cluster)
    aicr_evidence.json("Kinds served", served, source=f"GET /apis/{version}")

    assert set(KINDS) <= set(served)


@pytest.mark.aicr_check(basis="plan", creates="one object of each kind, deleted at once", seconds=1)
@pytest.mark.parametrize("kind", KINDS)
def test_dra_object_can_be_created_read_updated_and_deleted(
    kind: str, aicr_platform: Platform
) -> None:
    """Create, read, update and delete work for each of these kinds in the version that is due."""
    honoured = exercise(f"dra_support/api_{kind}", aicr_platform)
    assert honoured == ["create", "get", "update", "delete"]


@pytest.mark.aicr_check(basis="hardening", creates="nothing", seconds=1)
def test_every_accelerator_node_publishes_a_complete_pool(
    aicr_accelerators: Accelerators, nodes: Nodes, aicr_evidence: CheckEvidence
) -> None:
    """Every Ready accelerator node publishes a complete pool, with the vendor's attributes."""
    assert aicr_accelerators.incomplete_publications(aicr_evidence) == []


@pytest.mark.aicr_check(
    basis="text", creates="a container and a claim for each free accelerator", accelerators=EVERY,
    seconds=6,
)  # fmt: skip
def test_each_free_device_is_seen_by_the_one_container_that_was_given_it(
    actors: Actors, aicr_exclusive: Exclusive
) -> None:
    """All free devices at once, each in a container of its own: published, allocated, and seen."""
    wrong = actors["each"].requiring_exclusive_devices().devices_not_held_one_by_one()
    actors.leave("each")
    aicr_exclusive.shrink(AT_ONCE)

    assert wrong == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod and a claim for 1 accelerator", accelerators=AT_ONCE, seconds=4
)
def test_container_sees_exactly_the_device_that_its_claim_was_given(actors: Actors) -> None:
    """What is published is what is allocated is what the container sees: one device, the same."""
    assert actors["claimed"].devices_not_as_granted() == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod and a claim for 1 accelerator", accelerators=AT_ONCE, seconds=1
)
def test_containers_that_share_a_claim_see_the_same_device(actors: Actors) -> None:
    """Two containers of a pod that name one claim see the one device of it."""
    claimed = actors["claimed"]

    assert claimed.devices_not_as_granted("second") == []
    assert claimed.devices_seen_by_one_alone("first", "second") == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod and a claim for 2 accelerators", accelerators=AT_ONCE, seconds=3
)
def test_claim_for_several_devices_is_given_that_many(actors: Actors) -> None:
    """A claim that counts two is given two, and the container sees those two."""
    assert actors["several"].requiring_two_accelerators().devices_not_as_granted() == []


@pytest.mark.aicr_check(
    basis="text", creates="2 pods with claims for 3 accelerators", accelerators=AT_ONCE, seconds=1
)
def test_two_claims_never_get_the_same_device(actors: Actors) -> None:
    """Pods with a claim each see different devices."""
    claimed, several = actors.together("claimed", "several")

    assert several.devices_shared_with(claimed) == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod and a claim for 1 accelerator", accelerators=AT_ONCE, seconds=2
)
def test_claim_can_choose_a_device_by_expression(actors: Actors) -> None:
    """A CEL expression on an attribute is honoured: the container sees the device that it names."""
    assert actors["selected"].devices_other_than(chosen_device) == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod and a claim for 1 accelerator", accelerators=AT_ONCE, seconds=8
)
def test_released_device_can_be_claimed_again(actors: Actors, aicr_evidence: CheckEvidence) -> None:
    """The device that a pod gave back is handed out again, twice."""
    assert actors.again("selected").devices_other_than(chosen_device) == []
    assert actors.again("selected").devices_other_than(chosen_device) == []
    aicr_evidence.fact("seconds until released", str(actors.release_times("selected")))


@pytest.mark.aicr_check(basis="text", creates="a pod that stays pending", seconds=6)
def test_claim_that_no_device_satisfies_stays_pending(actors: Actors) -> None:
    """A claim whose expression fits no device stays pending, with a reason, and gets nothing."""
    unsatisfiable = actors["unsatisfiable"]

    reasons = unsatisfiable.stay_pending(PENDING_WINDOW)
    assert all(reasons), f"a pod stays pending without a reason: {reasons}"
    assert unsatisfiable.devices_allocated() == []


@pytest.mark.aicr_check(basis="text", creates="a pod that stays pending", seconds=1)
def test_claim_larger_than_the_node_stays_pending_and_gets_no_part(actors: Actors) -> None:
    """A claim for one device more than the node has stays pending and holds none of them."""
    oversized = actors["oversized"].requiring_exclusive_devices()

    reasons = oversized.stay_pending(PENDING_WINDOW)
    assert all(reasons), f"a pod stays pending without a reason: {reasons}"
    assert oversized.devices_allocated() == []
