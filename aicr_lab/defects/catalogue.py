"""Every defect of the lab, by requirement; the ids are those of the list of checks."""

from aicr_lab.accelerators.node import device_class
from aicr_lab.accelerators.state_file import Sections
from aicr_lab.defects.admission import (
    ADMIN_LABEL,
    CRUD_REFUSED,
    IMAGES_UNPULLABLE,
    NEVER_RELEASED,
    PSA_LABEL,
    SELECTORS_IGNORED,
    every_namespace_gets,
)
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.device_path import (
    AllocatorDown,
    ApiNotServed,
    BrokenRuntime,
    IncompletePools,
    LyingDriver,
    LyingTool,
)
from aicr_lab.defects.identities import FaultyDoor, RestrictedUser
from aicr_lab.defects.occupation import FilledNodes, QuotaEverywhere, SilentKubelet
from aicr_lab.defects.ways import Cordoned, Replaced, Tainted
from aicr_lab.errors import LabError

# --- checks by short names ----------------------------------------------------------------------

SERVED = "test_stable_dra_api_is_served"
CRUD = "test_dra_object_can_be_created_read_updated_and_deleted"
POOL = "test_every_accelerator_node_publishes_a_complete_pool"
EXACTLY = "test_container_sees_exactly_the_device_that_its_claim_was_given"
SHARED = "test_containers_that_share_a_claim_see_the_same_device"
SEVERAL = "test_claim_for_several_devices_is_given_that_many"
APART = "test_two_claims_never_get_the_same_device"
CHOSEN = "test_claim_can_choose_a_device_by_expression"
AGAIN = "test_released_device_can_be_claimed_again"
UNSATISFIABLE = "test_claim_that_no_device_satisfies_stays_pending"
OVERSIZED = "test_claim_larger_than_the_node_stays_pending_and_gets_no_part"

GRANTED = "test_container_sees_exactly_the_devices_it_was_granted"
OUTSIDER = "test_pod_without_a_request_sees_no_device"
SIBLING = "test_sibling_container_without_a_request_sees_no_device"
DIFFERENT = "test_two_pods_hold_different_devices"
CANNOT_OPEN = "test_pod_cannot_open_the_device_of_another_pod"
MEDIATED = "test_granted_device_came_through_kubernetes"
ADMIN = "test_admin_access_is_refused_in_an_ordinary_namespace"
BY_ENVIRONMENT = "test_environment_variable_gives_no_device"
BY_RUNTIME_CLASS = "test_runtime_class_gives_no_device"
BY_VOLUME_MOUNT = "test_volume_mount_gives_no_device"

_UNASKED = frozenset({OUTSIDER, SIBLING, BY_ENVIRONMENT, BY_RUNTIME_CLASS, BY_VOLUME_MOUNT})
"""Checks that look into a container that was granted nothing."""


_WITH_PODS = frozenset({EXACTLY, SHARED, SEVERAL, APART, CHOSEN, AGAIN})
"""Checks that look into a container that was granted something."""
_DRA_CHECKS = _WITH_PODS | {SERVED, CRUD, POOL, UNSATISFIABLE, OVERSIZED}
_IN_CONTAINERS = _UNASKED | {GRANTED, DIFFERENT, CANNOT_OPEN, MEDIATED}

# --- what checks say -----------------------------------------------------------------------------

_UUID = "GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ANOTHER_DEVICE = rf"was given 1 \(({_UUID})\), but \S+nvidia-smi lists: (?!\1){_UUID}"


def _sees(container: str, devices: str) -> str:
    return f"container {container} asked for nothing and sees {devices}(?:$|\n)"


_ALL = ", ".join(f"/dev/nvidia{number}" for number in range(8))

# --- what is broken, where it takes more than a line ---------------------------------------------

_CLASS = device_class("gpu.nvidia.com", "gpu", extended_resource="nvidia.com/gpu")
_EMPTY_CLASS = {
    **_CLASS,
    "spec": {**_CLASS["spec"], "selectors": [{"cel": {"expression": "false"}}]},
}


def _other_uuids(truth: Sections) -> dict[str, dict[str, str | None]]:
    """Every GPU with another last group of its UUID: well formed, and not that of the device."""
    return {
        name: {"uuid": f"{values['uuid'][:-12]}{int(name[4:]):012x}"}
        for name, values in truth.items()
        if name.startswith("gpu ")
    }


_NO_EXEC = RestrictedUser(name="no-exec", without=("pods/exec",))
_NO_DRA = RestrictedUser(name="no-dra", without=("resource.k8s.io/*",))


# --- the defects --------------------------------------------------------------------------------

_DRA_SUPPORT = (
    Defect(
        id="dra-driver-down",
        requirement="dra_support",
        sentence="The DRA driver of every node is stopped; pods with claims never start.",
        way=AllocatorDown(),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS | {POOL},
        because=r"DRA driver gpu\.nvidia\.com is not registered",
        # The kubelet withdraws a dead driver's ResourceSlices after 30 s.
        or_blind=r"no ResourceSlice of gpu\.nvidia\.com",
    ),
    Defect(
        id="dra-driver-injects-all",
        requirement="dra_support",
        sentence="A container with a claim gets every device of its node.",
        way=BrokenRuntime(mode="inject-all"),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS,
        because=rf"was given 1 \({_UUID}\), but its device nodes are: /dev/nvidia0, .*/dev/nvidia7",
    ),
    Defect(
        id="dra-driver-injects-none",
        requirement="dra_support",
        sentence="A container with a claim gets no device.",
        way=BrokenRuntime(mode="inject-none"),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS,
        because=rf"was given 1 \({_UUID}\), but its device nodes are: none",
    ),
    Defect(
        id="dra-driver-injects-wrong-device",
        requirement="dra_support",
        sentence="A container with a claim gets the device beside the one it was allocated.",
        way=BrokenRuntime(mode="wrong-device"),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS,
        because=_ANOTHER_DEVICE,
    ),
    Defect(
        id="dra-slices-incomplete-pool",
        requirement="dra_support",
        sentence="Every pool announces two ResourceSlices and has one.",
        way=IncompletePools(),
        aimed_at=POOL,
        turns_red=_WITH_PODS,
        because=r"pool node-0 of generation \d+ has 1 of 2 ResourceSlices",
        basis="hardening",
    ),
    Defect(
        id="dra-class-matches-nothing",
        requirement="dra_support",
        sentence="The DeviceClass selects no device.",
        way=Replaced(healthy=_CLASS, broken=_EMPTY_CLASS),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS,
        because=r"8 devices are published; DeviceClass gpu\.nvidia\.com selects by \['false'\]",
    ),
    Defect(
        id="dra-class-ignores-selector",
        requirement="dra_support",
        sentence="The selectors of claims are dropped on admission.",
        way=SELECTORS_IGNORED,
        aimed_at=UNSATISFIABLE,
        turns_red=frozenset({CHOSEN, AGAIN}),
        because="unsatisfiable: .* was bound to node node-0",
    ),
    Defect(
        id="dra-claim-never-released",
        requirement="dra_support",
        sentence="The device of a claim stays allocated when its pod is gone.",
        way=NEVER_RELEASED,
        aimed_at=AGAIN,
        because="ResourceClaim .*/selected to be released: not within .*\n.*allocated",
        leaves_behind=True,
    ),
    Defect(
        id="dra-same-device-twice",
        requirement="dra_support",
        sentence="Every container with a claim gets the node's first device.",
        way=BrokenRuntime(mode="same-device"),
        aimed_at=APART,
        turns_red=_WITH_PODS,
        because=rf"several and .*claimed both see {_UUID}",
    ),
    Defect(
        id="dra-uuid-attribute-lies",
        requirement="dra_support",
        sentence="The published UUIDs are not those of the devices.",
        way=LyingDriver(lie=_other_uuids),
        aimed_at=EXACTLY,
        turns_red=_WITH_PODS,
        because=rf"was given 1 \(GPU-[0-9a-f-]+-0{{11}}\d\), but \S+nvidia-smi lists: {_UUID}",
    ),
    Defect(
        id="dra-api-not-served",
        requirement="dra_support",
        sentence="The API server does not serve resource.k8s.io/v1.",
        way=ApiNotServed(group="resource.k8s.io", version="v1"),
        aimed_at=SERVED,
        turns_red=_DRA_CHECKS,
        because="missing: DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice",
        basis="plan",
    ),
    Defect(
        id="dra-crud-refused",
        requirement="dra_support",
        sentence="An admission policy refuses ResourceClaimTemplates.",
        way=CRUD_REFUSED,
        aimed_at=f"{CRUD}[ResourceClaimTemplate]",
        basis="plan",
        because="claim templates are not allowed here",
    ),
    Defect(
        id="dra-api-forbidden",
        requirement="dra_support",
        sentence="The suite's user may not use resource.k8s.io.",
        way=_NO_DRA,
        kubeconfig=_NO_DRA.kubeconfig,
        expects="Inconclusive",
        aimed_at=EXACTLY,
        because="AccessDenied: .*no-dra may not list resourceslices",
        turns_red=_DRA_CHECKS - {SERVED},
    ),
)

_SECURE = "secure_accelerator_access"

_SECURE_ACCESS = (
    Defect(
        id="env-bypass",
        requirement=_SECURE,
        sentence="The default runtime gives what NVIDIA_VISIBLE_DEVICES says, baked or set.",
        way=BrokenRuntime(mode="env-bypass"),
        aimed_at=SIBLING,
        turns_red=_UNASKED,
        because=_sees("sibling", _ALL),
    ),
    Defect(
        id="env-bypass-explicit",
        requirement=_SECURE,
        sentence="The default runtime gives what a pod's own NVIDIA_ variables say.",
        way=BrokenRuntime(mode="env-bypass-explicit"),
        basis="hardening",
        expects="Implemented",
        aimed_at=BY_ENVIRONMENT,
        because=_sees("asker", _ALL),
    ),
    Defect(
        id="runtimeclass-bypass",
        requirement=_SECURE,
        sentence="The vendor's RuntimeClass gives devices without a request.",
        way=BrokenRuntime(mode="runtimeclass-bypass"),
        basis="hardening",
        expects="Implemented",
        aimed_at=BY_RUNTIME_CLASS,
        because=_sees("asker", _ALL),
    ),
    Defect(
        id="volume-mount-bypass",
        requirement=_SECURE,
        sentence="The runtime takes mounts below /var/run/nvidia-container-devices for requests.",
        way=BrokenRuntime(mode="volume-mount-bypass"),
        basis="hardening",
        expects="Implemented",
        aimed_at=BY_VOLUME_MOUNT,
        because=_sees("asker", _ALL),
    ),
    Defect(
        id="sibling-gets-device",
        requirement=_SECURE,
        sentence="All containers of a pod get the devices that one of them asked for.",
        way=BrokenRuntime(mode="sibling"),
        aimed_at=SIBLING,
        because=_sees("sibling", r"/dev/nvidia\d"),
    ),
    Defect(
        id="device-cgroup-open",
        requirement=_SECURE,
        sentence="The devices cgroup of every container allows all accelerators.",
        way=BrokenRuntime(mode="cgroup-open"),
        basis="plan",
        aimed_at=CANNOT_OPEN,
        because=r"can open /dev/nvidia\d of .* by mknod \d+:\d \(open: ",
    ),
    Defect(
        id="plugin-injects-all",
        requirement=_SECURE,
        sentence="A container that was granted one device gets all of its node.",
        way=BrokenRuntime(mode="inject-all"),
        aimed_at=GRANTED,
        turns_red=frozenset({DIFFERENT, CANNOT_OPEN, MEDIATED}),
        because=f"was given 1.*, but its device nodes are: {_ALL}",
    ),
    Defect(
        id="every-pod-gets-a-device",
        requirement=_SECURE,
        sentence="Every container gets the node's first device.",
        way=BrokenRuntime(mode="every-pod"),
        basis="plan",
        aimed_at=OUTSIDER,
        turns_red=_UNASKED,
        because=_sees("bystander", "/dev/nvidia0"),
    ),
    Defect(
        id="admin-access-open",
        requirement=_SECURE,
        sentence="Every namespace is labelled for admin access.",
        way=every_namespace_gets("admin-access", ADMIN_LABEL, "true"),
        basis="hardening",
        expects="Implemented",
        aimed_at=ADMIN,
        because="a claim with admin access is admitted in a namespace without the label",
    ),
    Defect(
        id="tool-lies",
        requirement=_SECURE,
        sentence="nvidia-smi lists one device less than the container can open.",
        way=LyingTool(changes={"driver": {"hide last": "yes"}}),
        aimed_at=GRANTED,
        turns_red=frozenset({DIFFERENT, MEDIATED}),
        because=r"was given 1.*, but \S+nvidia-smi lists",
    ),
    Defect(
        id="exec-forbidden",
        requirement=_SECURE,
        sentence="The suite's user may not exec into pods.",
        way=_NO_EXEC,
        kubeconfig=_NO_EXEC.kubeconfig,
        expects="Inconclusive",
        aimed_at=GRANTED,
        because="AccessDenied: .*no-exec may not (get|create) pods/exec",
        turns_red=_IN_CONTAINERS,
    ),
    Defect(
        id="mknod-refused",
        requirement=_SECURE,
        sentence="No container has CAP_MKNOD, as with CRI-O: healthy.",
        way=BrokenRuntime(mode="mknod-refused"),
        expects="Implemented",
        because=r"refused: Operation not permitted; what is visible decides",
    ),
    Defect(
        id="positive-twin-fails",
        requirement=_SECURE,
        sentence="Containers that were granted a device cannot start.",
        way=BrokenRuntime(mode="granted-fails"),
        expects="Inconclusive",
        aimed_at=GRANTED,
        because="nvidia-container-cli: initialization error: driver error",
        turns_red=_IN_CONTAINERS,
    ),
)


def _door(
    mode: str,
    sentence: str,
    *,
    defect: str,
    because: str,
    healthy: bool = True,
    leaves_behind: bool = False,
) -> Defect:
    door = FaultyDoor(mode=mode)
    return Defect(
        id=defect,
        requirement="",
        sentence=sentence,
        way=door,
        because=because,
        leaves_behind=leaves_behind,
        kubeconfig=door.kubeconfig,
        expects="Implemented" if healthy else "Inconclusive",
    )


_ACROSS = (
    _door("429-storm", "The API server refuses every ninth request for a second.",
          defect="api-429-storm", because='"status": 429'),
    _door("500-blips", "The API server answers every fourth request with a 5xx.",
          defect="api-500-blips", because='"status": 50[0234]'),
    _door("watch-drops", "The API server cuts every watch after 2 s.", defect="watch-drops",
          # The same namespace is watched once more before it is gone.
          because=r"(/api/v1/namespaces\?fieldSelector=metadata\.name%3D[\w-]+&watch=true)"
                  r"(?s:.*)\1"),
    _door("slow", "The API server is 100 ms away.", defect="api-slow",
          because=r'"/version", "status": 200, "ms": \d{3}'),
    _door("errors-only", "The API server answers nothing but errors.",
          defect="api-errors-only", because="500 InternalError", healthy=False),
    _door("gone-midway", "The API server goes away in the middle of the run.",
          defect="api-gone-midway", because="ApiUnreachable: .* gives no answer", healthy=False,
          leaves_behind=True),
    Defect(
        id="image-pull-fails",
        requirement="",
        sentence="The images of new pods cannot be pulled.",
        way=IMAGES_UNPULLABLE,
        expects="Inconclusive",
        because="ImageNotPullable: ",
    ),
    Defect(
        id="no-capacity",
        requirement="",
        sentence="Somebody else holds every accelerator.",
        way=FilledNodes(),
        expects="Inconclusive",
        because="NoCapacity: .* needs 1 accelerators of node-0, 0 of 8 are free",
    ),
    Defect(
        id="psa-restricted-default",
        requirement="",
        sentence="Namespaces without a label enforce Pod Security restricted: healthy.",
        way=every_namespace_gets("psa", PSA_LABEL, "restricted"),
        expects="Implemented",
        because="",  # the suite's namespaces say themselves what they enforce
    ),
    Defect(
        id="limitrange-and-quota",
        requirement="",
        sentence="Every new namespace gets a LimitRange and a ResourceQuota: healthy.",
        way=QuotaEverywhere(),
        expects="Implemented",
        because="aicr-.*: a LimitRange and a ResourceQuota",
    ),
    Defect(
        id="node-cordoned",
        requirement="",
        sentence="The last node is cordoned: healthy.",
        way=Cordoned(),
        expects="Implemented",
        because="cordoned",
    ),
    Defect(
        id="tainted-accelerators",
        requirement="",
        sentence="Accelerator nodes carry the taint nvidia.com/gpu: healthy.",
        way=Tainted(key="nvidia.com/gpu", value="present"),
        expects="Implemented",
        because="key: nvidia.com/gpu",
    ),
    Defect(
        id="node-not-ready",
        requirement="",
        sentence="The last node's kubelet is silent: healthy, there is another.",
        way=SilentKubelet(),
        expects="Implemented",
        because="not Ready",
    ),
)  # fmt: skip

DEFECTS: tuple[Defect, ...] = (*_DRA_SUPPORT, *_SECURE_ACCESS, *_ACROSS)
"""All of them, in the order in which they are listed."""


def defect_named(name: str) -> Defect:
    """The defect of that id, with or without ``d:``; an error that names close ones."""
    wanted = name.removeprefix("d:")
    for defect in DEFECTS:
        if defect.id == wanted:
            return defect
    raise LabError(f"no defect {wanted!r}", hint="python -m aicr_lab defect list")
