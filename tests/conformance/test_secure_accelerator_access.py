"""Access to accelerators from containers is isolated and mediated by Kubernetes and runtime."""

from collections.abc import Callable

import pytest

from aicr_pytest.checks import (
    AcceleratorNode,
    Accelerators,
    Actors,
    Exclusive,
    Platform,
    PodsPerNode,
    Workspaces,
    offer_claim,
)

pytestmark = pytest.mark.requirement("secure_accelerator_access")

AT_ONCE = 2
"""Accelerators held at the same time where there is room: holder 1, neighbour 1."""
EVERY = 8
"""Accelerators that ordinary nodes have; with ``rest`` all that are free are held."""

Nodes = list[AcceleratorNode]


@pytest.fixture(scope="module")
def nodes(aicr_accelerators: Accelerators, aicr_exclusive: Exclusive) -> Nodes:
    """The looked-at nodes, whatever mechanism hands out their accelerators, once it is our turn."""
    return aicr_accelerators.now(aicr_exclusive.whole(aicr_accelerators.samples()))


@pytest.fixture(scope="module")
def actors(aicr_workspace: Workspaces, aicr_accelerators: Accelerators, nodes: Nodes) -> Actors:
    """Every actor on every looked-at node; a neighbour holds a device only where there is room.

    ``rest`` holds what these two leave: every free device is held by a container of its own.
    """

    def actor(name: str, **values: Callable[[AcceleratorNode], str]) -> Callable[[], PodsPerNode]:
        return lambda: aicr_workspace.deploy(
            f"secure_accelerator_access/{name}", nodes, must_start=False, **values
        )

    def neighbour() -> PodsPerNode:
        rivals, outsiders = (
            aicr_workspace.deploy(
                f"secure_accelerator_access/{name}", those, None, called, must_start=False
            )
            for name, those, called in (("rival", roomy, ""), ("outsider", full, "neighbour"))
        )
        return rivals.joined_by(outsiders)

    roomy = [node for node in nodes if node.free >= AT_ONCE]
    full = [node for node in nodes if node not in roomy]
    return Actors(
        {
            "holder": actor("holder"),
            "neighbour": neighbour,
            "rest": lambda: aicr_workspace.deploy_each(
                "secure_accelerator_access/rest",
                nodes,
                must_start=False,
                beside=lambda node: min(node.free, AT_ONCE),
            ),
            "bystander": actor("bystander"),
            "outsider": actor("outsider"),
            "by-environment": actor("by-environment", **aicr_accelerators.environment_values()),
            "by-runtime-class": actor(
                "by-runtime-class", runtime_class=lambda node: node.profile.runtime_class
            ),
            "by-volume-mount": actor(
                "by-volume-mount", directory=aicr_accelerators.directory_of_mounts
            ),
        },
        room_for_all=not full,
    )


@pytest.mark.aicr_check(
    basis="text", creates="a pod with 1 accelerator", accelerators=AT_ONCE, seconds=4
)
def test_container_sees_exactly_the_devices_it_was_granted(actors: Actors) -> None:
    """Device nodes and the vendor's tool show what the container was granted, and no more."""
    assert actors["holder"].devices_not_as_granted() == []


@pytest.mark.aicr_check(
    basis="text", creates="a container for each free accelerator", accelerators=EVERY, seconds=3
)
def test_each_free_device_is_seen_by_the_one_container_that_was_granted_it(actors: Actors) -> None:
    """All free devices are held at once, and no container sees that of another."""
    holder, neighbour, rest = actors.together("holder", "neighbour", "rest")
    everybody = holder.joined_by(neighbour).joined_by(rest)

    assert everybody.requiring_exclusive_devices().devices_not_held_one_by_one() == []


@pytest.mark.aicr_check(
    basis="plan", creates="a pod without a request", accelerators=AT_ONCE, seconds=1
)
def test_pod_without_a_request_sees_no_device(actors: Actors) -> None:
    """A pod that asked for nothing sees none, on the node and image where another sees its own."""
    holder, bystander, outsider = actors.together("holder", "bystander", "outsider")

    with holder.positive_control() as control:
        assert bystander.visible_devices(control) == []
        assert outsider.visible_devices(control) == []


@pytest.mark.aicr_check(
    basis="plan", creates="a pod without a request, as root", accelerators=EVERY, seconds=1
)
def test_pod_without_a_request_opens_no_device_by_a_node_of_its_own_making(actors: Actors) -> None:
    """As root with mknod, a pod that asked for nothing opens none that another one holds."""
    holder, neighbour, rest, outsider = actors.together("holder", "neighbour", "rest", "outsider")
    everybody = holder.joined_by(neighbour).joined_by(rest)

    with holder.positive_control() as control:
        assert outsider.devices_opened(everybody, control) == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod with 1 accelerator", accelerators=AT_ONCE, seconds=1
)
def test_sibling_container_without_a_request_sees_no_device(actors: Actors) -> None:
    """A container that asked for nothing sees and opens none beside one of its pod that has one."""
    holder = actors["holder"]

    with holder.positive_control() as control:
        assert holder.visible_devices(control, container="sibling") == []
        assert holder.own_devices_opened_from("sibling") == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod with 1 accelerator", accelerators=AT_ONCE, seconds=1
)
def test_init_container_without_a_request_sees_no_device(actors: Actors) -> None:
    """An init container that goes on, and asked for nothing, sees and opens none either."""
    holder = actors["holder"]

    with holder.positive_control() as control:
        assert holder.visible_devices(control, container="before") == []
        assert holder.own_devices_opened_from("before") == []


@pytest.mark.aicr_check(
    basis="plan", creates="2 pods with 1 accelerator each", accelerators=AT_ONCE, seconds=1
)
def test_two_pods_hold_different_devices(actors: Actors) -> None:
    """Two pods that were granted one exclusive device each do not see the same one."""
    holder, neighbour = actors.together("holder", "neighbour")

    assert neighbour.requiring_two_accelerators().devices_shared_with(holder) == []


@pytest.mark.aicr_check(
    basis="plan", creates="2 pods with 1 accelerator each", accelerators=AT_ONCE, seconds=1
)
def test_pod_cannot_open_the_device_of_another_pod(actors: Actors) -> None:
    """A device node made on purpose opens one's own device and not that of another pod."""
    holder, neighbour = actors.together("holder", "neighbour")

    assert neighbour.foreign_devices_opened(holder) == []


@pytest.mark.aicr_check(
    basis="text", creates="a pod with 1 accelerator", accelerators=AT_ONCE, seconds=1
)
def test_granted_device_came_through_kubernetes(actors: Actors) -> None:
    """The granted device is on the books: allocated to this pod by a claim or the device plugin."""
    assert actors["holder"].access_without_allocation() == []


@pytest.mark.aicr_check(basis="hardening", creates="nothing (dry run)", seconds=1)
def test_admin_access_is_refused_in_an_ordinary_namespace(
    aicr_platform: Platform, nodes: Nodes
) -> None:
    """A claim with admin access is refused in a namespace without the label for it."""
    ordinary = offer_claim(nodes[0], aicr_platform, admin=False)
    assert ordinary.admitted, f"a claim without admin access is refused: {ordinary.refusal}"

    admin = offer_claim(nodes[0], aicr_platform, admin=True)
    told = "a claim with admin access is admitted in a namespace without the label"
    assert not admin.admitted, told


@pytest.mark.aicr_check(
    basis="hardening",
    creates="a container in a running pod, by its subresource ephemeralcontainers",
    accelerators=AT_ONCE,
    seconds=2,
)
def test_ephemeral_container_sees_no_device(actors: Actors, aicr_workspace: Workspaces) -> None:
    """A container that is added to a running pod, as for debugging, sees and opens none."""
    holder = actors["holder"]
    aicr_workspace.attach("secure_accelerator_access/debugger", holder)

    with holder.positive_control() as control:
        assert holder.visible_devices(control, container="debugger") == []
        assert holder.own_devices_opened_from("debugger") == []


@pytest.mark.aicr_check(
    basis="hardening", creates="a pod without a request", accelerators=AT_ONCE, seconds=1
)
def test_environment_variable_gives_no_device(actors: Actors) -> None:
    """The vendor's visibility variable, set in the pod, gives no device that was not granted."""
    holder, asker = actors.together("holder", "by-environment")

    with holder.positive_control() as control:
        assert asker.visible_devices(control) == []


@pytest.mark.aicr_check(
    basis="hardening", creates="a pod without a request", accelerators=AT_ONCE, seconds=1
)
def test_runtime_class_gives_no_device(actors: Actors, aicr_accelerators: Accelerators) -> None:
    """The vendor's RuntimeClass, without a request, gives no device."""
    aicr_accelerators.needs_runtime_class()
    holder, asker = actors.together("holder", "by-runtime-class")

    with holder.positive_control() as control:
        assert asker.visible_devices(control) == []


@pytest.mark.aicr_check(
    basis="hardening", creates="a pod without a request", accelerators=AT_ONCE, seconds=1
)
def test_volume_mount_gives_no_device(actors: Actors) -> None:
    """A mount that the vendor's toolkit may read as a device list gives no device."""
    holder, asker = actors.together("holder", "by-volume-mount")

    with holder.positive_control() as control:
        assert asker.visible_devices(control) == []
