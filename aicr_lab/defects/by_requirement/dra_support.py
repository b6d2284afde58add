"""Defects that the checks of ``dra_support`` must notice."""

from aicr_lab.accelerators.node import device_class
from aicr_lab.accelerators.state_file import Sections
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.admission import (
    CRUD_REFUSED,
    NEVER_RELEASED,
    SELECTORS_IGNORED,
    UPDATES_LOST,
)
from aicr_lab.defects.injections.api_access import RestrictedUser, everything_but
from aicr_lab.defects.injections.device_path import (
    AllocatorDown,
    ApiNotServed,
    BrokenRuntime,
    IncompletePools,
    LyingDriver,
    careless_books,
)
from aicr_lab.defects.injections.injection import Replaced

SERVED = "test_stable_dra_api_is_served"
CRUD = "test_dra_object_can_be_created_read_updated_and_deleted"
POOL = "test_every_accelerator_node_publishes_a_complete_pool"
EACH = "test_each_free_device_is_seen_by_the_one_container_that_was_given_it"
EXACTLY = "test_container_sees_exactly_the_device_that_its_claim_was_given"
SHARED = "test_containers_that_share_a_claim_see_the_same_device"
SEVERAL = "test_claim_for_several_devices_is_given_that_many"
APART = "test_two_claims_never_get_the_same_device"
CHOSEN = "test_claim_can_choose_a_device_by_expression"
AGAIN = "test_released_device_can_be_claimed_again"
UNSATISFIABLE = "test_claim_that_no_device_satisfies_stays_pending"
OVERSIZED = "test_claim_larger_than_the_node_stays_pending_and_gets_no_part"

_WITH_PODS = frozenset({EACH, EXACTLY, SHARED, SEVERAL, APART, CHOSEN, AGAIN})
"""Checks that look into a container that was granted something."""
_DRA_CHECKS = _WITH_PODS | {SERVED, CRUD, POOL, UNSATISFIABLE, OVERSIZED}

_UUID = "GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ANOTHER_DEVICE = rf"was given 1 \(({_UUID})\), but \S+nvidia-smi lists: (?!\1){_UUID}"


_CLASS = device_class("gpu.nvidia.com", "gpu", extended_resource="nvidia.com/gpu")
_EMPTY_CLASS = {
    **_CLASS,
    "spec": {**_CLASS["spec"], "selectors": [{"cel": {"expression": "false"}}]},
}


def _other_uuids(truth: Sections) -> dict[str, dict[str, str | None]]:
    """Every GPU with another last group of its UUID: well formed, and not that of the device."""
    return {
        name: {"uuid": f"{values['uuid'][:-12]}{int(name[4:]):012x}"}
        for name, values in _gpus(truth).items()
    }


def _two_swapped(truth: Sections) -> dict[str, dict[str, str | None]]:
    """Two GPUs that change their UUIDs, and all others as they are."""
    (first, one), (second, other) = list(_gpus(truth).items())[4:6]
    return {first: {"uuid": other["uuid"]}, second: {"uuid": one["uuid"]}}


def _gpus(truth: Sections) -> Sections:
    return {name: values for name, values in truth.items() if name.startswith("gpu ")}


_NO_DRA = RestrictedUser(name="no-dra", rules=everything_but("resource.k8s.io/*"))

DEFECTS = (
    Defect(
        id="dra-driver-down",
        requirement="dra_support",
        sentence="The DRA driver of every node is stopped; pods with claims never start.",
        injection=AllocatorDown(),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS | {POOL},
        expected_message=r"DRA driver gpu\.nvidia\.com is not registered",
        # The kubelet withdraws a dead driver's ResourceSlices after 30 s.
        or_inconclusive_because=r"no ResourceSlice of gpu\.nvidia\.com",
    ),
    Defect(
        id="dra-driver-injects-all",
        requirement="dra_support",
        sentence="A container with a claim gets every device of its node.",
        injection=BrokenRuntime(mode="inject-all"),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS,
        expected_message=rf"was given 1 \({_UUID}\), but its device nodes are: /dev/nvidia0, "
        rf".*/dev/nvidia7",
    ),
    Defect(
        id="dra-driver-injects-none",
        requirement="dra_support",
        sentence="A container with a claim gets no device.",
        injection=BrokenRuntime(mode="inject-none"),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS,
        expected_message=rf"was given 1 \({_UUID}\), but its device nodes are: none",
    ),
    Defect(
        id="dra-driver-injects-wrong-device",
        requirement="dra_support",
        sentence="A container with a claim gets the device beside the one it was allocated.",
        injection=BrokenRuntime(mode="wrong-device"),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS,
        expected_message=_ANOTHER_DEVICE,
    ),
    Defect(
        id="dra-slices-incomplete-pool",
        requirement="dra_support",
        sentence="Every pool announces two ResourceSlices and has one.",
        injection=IncompletePools(),
        detected_by=POOL,
        also_fails=_WITH_PODS,
        expected_message=r"pool node-0 of generation \d+ has 1 of 2 ResourceSlices",
        basis="hardening",
    ),
    Defect(
        id="dra-class-matches-nothing",
        requirement="dra_support",
        sentence="The DeviceClass selects no device.",
        injection=Replaced(healthy=_CLASS, broken=_EMPTY_CLASS),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS,
        expected_message=r"8 devices are published; DeviceClass gpu\.nvidia\.com selects by "
        r"\['false'\]",
    ),
    Defect(
        id="dra-class-ignores-selector",
        requirement="dra_support",
        sentence="The selectors of claims are dropped on admission.",
        injection=SELECTORS_IGNORED,
        detected_by=UNSATISFIABLE,
        also_fails=frozenset({CHOSEN, AGAIN}),
        expected_message="unsatisfiable: .* was bound to node node-0",
    ),
    Defect(
        id="dra-claim-given-in-part",
        requirement="dra_support",
        sentence="A claim for more devices than its node has is given one of them.",
        injection=careless_books("give-part"),
        detected_by=OVERSIZED,
        expected_message="oversized:? .*(was bound to node node-|claim oversized holds node-)",
    ),
    Defect(
        id="dra-claim-never-released",
        requirement="dra_support",
        sentence="The device of a claim stays allocated when its pod is gone.",
        injection=NEVER_RELEASED,
        detected_by=EACH,
        # Nothing is free any more.
        also_fails=_WITH_PODS | {UNSATISFIABLE, OVERSIZED},
        expected_message="ResourceClaim .*/each-.* to be released: not within .*\n.*allocated",
        leaves_behind=True,
    ),
    Defect(
        id="dra-same-device-twice",
        requirement="dra_support",
        sentence="Every container with a claim gets the node's first device.",
        injection=BrokenRuntime(mode="same-device"),
        detected_by=APART,
        also_fails=_WITH_PODS,
        expected_message=rf"several and .*claimed both see {_UUID}",
    ),
    Defect(
        id="dra-uuid-attribute-lies",
        requirement="dra_support",
        sentence="The published UUIDs are not those of the devices.",
        injection=LyingDriver(lie=_other_uuids),
        detected_by=EXACTLY,
        also_fails=_WITH_PODS,
        expected_message=rf"was given 1 \(GPU-[0-9a-f-]+-0{{11}}\d\), but \S+nvidia-smi lists: "
        rf"{_UUID}",
    ),
    Defect(
        id="dra-two-uuids-swapped",
        requirement="dra_support",
        sentence="Two devices of a node are published with each other's UUID.",
        injection=LyingDriver(lie=_two_swapped),
        detected_by=EACH,
        # Where chance gives a pod one of the two.
        also_fails=_WITH_PODS,
        expected_message=_ANOTHER_DEVICE,
    ),
    Defect(
        id="dra-one-device-wrong",
        requirement="dra_support",
        sentence="Whoever is allocated one device of a node, the sixth, gets the fifth.",
        injection=BrokenRuntime(mode="one-wrong-device"),
        detected_by=EACH,
        # Where chance gives a pod that device.
        also_fails=_WITH_PODS,
        expected_message=rf"{_ANOTHER_DEVICE}[\s\S]* both see GPU-",
    ),
    Defect(
        id="dra-api-not-served",
        requirement="dra_support",
        sentence="The API server does not serve resource.k8s.io/v1.",
        injection=ApiNotServed(group="resource.k8s.io", version="v1"),
        detected_by=SERVED,
        also_fails=_DRA_CHECKS,
        expected_message="missing: DeviceClass, ResourceClaim, ResourceClaimTemplate, "
        "ResourceSlice",
        basis="plan",
    ),
    Defect(
        id="dra-crud-refused",
        requirement="dra_support",
        sentence="An admission policy refuses ResourceClaimTemplates, which is no answer of DRA.",
        injection=CRUD_REFUSED,
        expects="Inconclusive",
        detected_by=f"{CRUD}[ResourceClaimTemplate]",
        also_fails=frozenset({EACH}),  # its claims are made of templates
        basis="plan",
        expected_message="claim templates are not allowed here",
    ),
    Defect(
        id="dra-updates-lost",
        requirement="dra_support",
        sentence="An update of a ResourceClaimTemplate is accepted, and is not what is read.",
        injection=UPDATES_LOST,
        detected_by=f"{CRUD}[ResourceClaimTemplate]",
        basis="plan",
        expected_message="(?s)create.*get.*delete",
    ),
    Defect(
        id="dra-api-forbidden",
        requirement="dra_support",
        sentence="The suite's user may not use resource.k8s.io.",
        injection=_NO_DRA,
        kubeconfig=_NO_DRA.kubeconfig,
        expects="Inconclusive",
        detected_by=EXACTLY,
        expected_message=r"no-dra may not list (resourceslices|deviceclasses)",
        also_fails=_DRA_CHECKS - {SERVED},
    ),
)
