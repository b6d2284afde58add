"""Defects that the checks of ``secure_accelerator_access`` must notice."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.admission import ADMIN_LABEL, ROOT_DENIED, every_namespace_gets
from aicr_lab.defects.injections.api_access import RestrictedUser, everything_but
from aicr_lab.defects.injections.device_path import (
    HOLDERS_FORGOTTEN,
    BrokenRuntime,
    LyingTool,
)

GRANTED = "test_container_sees_exactly_the_devices_it_was_granted"
EACH = "test_each_free_device_is_seen_by_the_one_container_that_was_granted_it"
OUTSIDER = "test_pod_without_a_request_sees_no_device"
SIBLING = "test_sibling_container_without_a_request_sees_no_device"
INIT = "test_init_container_without_a_request_sees_no_device"
EPHEMERAL = "test_ephemeral_container_sees_no_device"
OPENS = "test_pod_without_a_request_opens_no_device_by_a_node_of_its_own_making"
DIFFERENT = "test_two_pods_hold_different_devices"
CANNOT_OPEN = "test_pod_cannot_open_the_device_of_another_pod"
MEDIATED = "test_granted_device_came_through_kubernetes"
ADMIN = "test_admin_access_is_refused_in_an_ordinary_namespace"
BY_ENVIRONMENT = "test_environment_variable_gives_no_device"
BY_RUNTIME_CLASS = "test_runtime_class_gives_no_device"
BY_VOLUME_MOUNT = "test_volume_mount_gives_no_device"

_UNASKED = frozenset(
    {OUTSIDER, OPENS, SIBLING, INIT, EPHEMERAL, BY_ENVIRONMENT, BY_RUNTIME_CLASS, BY_VOLUME_MOUNT}
)
"""Checks that look into a container that was granted nothing."""
_IN_CONTAINERS = _UNASKED | {GRANTED, EACH, DIFFERENT, CANNOT_OPEN, MEDIATED}


def _sees(container: str, devices: str) -> str:
    return f"container {container} asked for nothing and sees {devices}(?:$|\n)"


_ALL = ", ".join(f"/dev/nvidia{number}" for number in range(8))
_NO_EXEC = RestrictedUser(name="no-exec", rules=everything_but("pods/exec"))

_SECURE = "secure_accelerator_access"

DEFECTS = (
    Defect(
        id="env-bypass",
        requirement=_SECURE,
        sentence="The default runtime gives what NVIDIA_VISIBLE_DEVICES says, baked or set.",
        injection=BrokenRuntime(mode="env-bypass"),
        detected_by=SIBLING,
        also_fails=_UNASKED,
        expected_message=_sees("sibling", _ALL),
    ),
    Defect(
        id="env-bypass-explicit",
        requirement=_SECURE,
        sentence="The default runtime gives what a pod's own NVIDIA_ variables say.",
        injection=BrokenRuntime(mode="env-bypass-explicit"),
        basis="hardening",
        expects="Implemented",
        detected_by=BY_ENVIRONMENT,
        expected_message=_sees("asker", _ALL),
    ),
    Defect(
        id="runtimeclass-bypass",
        requirement=_SECURE,
        sentence="The vendor's RuntimeClass gives devices without a request.",
        injection=BrokenRuntime(mode="runtimeclass-bypass"),
        basis="hardening",
        expects="Implemented",
        detected_by=BY_RUNTIME_CLASS,
        expected_message=_sees("asker", _ALL),
    ),
    Defect(
        id="volume-mount-bypass",
        requirement=_SECURE,
        sentence="The runtime takes mounts below /var/run/nvidia-container-devices for requests.",
        injection=BrokenRuntime(mode="volume-mount-bypass"),
        basis="hardening",
        expects="Implemented",
        detected_by=BY_VOLUME_MOUNT,
        expected_message=_sees("asker", _ALL),
    ),
    Defect(
        id="sibling-gets-device",
        requirement=_SECURE,
        sentence="All containers of a pod get the devices that one of them asked for.",
        injection=BrokenRuntime(mode="sibling"),
        detected_by=SIBLING,
        also_fails=frozenset({INIT, EPHEMERAL}),
        expected_message=_sees("sibling", r"/dev/nvidia\d"),
    ),
    Defect(
        id="ephemeral-container-gets-device",
        requirement=_SECURE,
        sentence="A container that is added to a running pod gets the devices of that pod.",
        injection=BrokenRuntime(mode="added-later"),
        basis="hardening",
        expects="Implemented",
        detected_by=EPHEMERAL,
        expected_message=_sees("debugger", r"/dev/nvidia\d"),
    ),
    Defect(
        id="device-cgroup-open",
        requirement=_SECURE,
        sentence="The devices cgroup of every container allows all accelerators.",
        injection=BrokenRuntime(mode="cgroup-open"),
        basis="plan",
        detected_by=CANNOT_OPEN,
        also_fails=frozenset({SIBLING, INIT, EPHEMERAL, OPENS}),
        expected_message=r"can open /dev/nvidia\d of .* by mknod \d+:\d \(open: ",
    ),
    Defect(
        id="plugin-injects-all",
        requirement=_SECURE,
        sentence="A container that was granted one device gets all of its node.",
        injection=BrokenRuntime(mode="inject-all"),
        detected_by=GRANTED,
        also_fails=frozenset({EACH, DIFFERENT, CANNOT_OPEN, MEDIATED}),
        expected_message=f"was given 1.*, but its device nodes are: {_ALL}",
    ),
    Defect(
        id="every-pod-gets-a-device",
        requirement=_SECURE,
        sentence="Every container gets the node's first device.",
        injection=BrokenRuntime(mode="every-pod"),
        basis="plan",
        detected_by=OUTSIDER,
        also_fails=_UNASKED,
        expected_message=_sees("bystander", "/dev/nvidia0"),
    ),
    Defect(
        id="every-pod-gets-a-device-of-its-group",
        requirement=_SECURE,
        sentence="Who asked for none gets a device; only root may open it.",
        injection=BrokenRuntime(mode="every-pod-0660"),
        basis="plan",
        detected_by=OUTSIDER,
        also_fails=_UNASKED,
        expected_message=_sees("bystander", "/dev/nvidia0"),
    ),
    Defect(
        id="one-device-for-everybody",
        requirement=_SECURE,
        sentence="One device of a node is in every container, whatever it asked for.",
        injection=BrokenRuntime(mode="one-for-everybody"),
        basis="plan",
        detected_by=OUTSIDER,
        also_fails=_IN_CONTAINERS,
        expected_message=_sees("bystander", "/dev/nvidia5"),
    ),
    Defect(
        id="one-device-wrong",
        requirement=_SECURE,
        sentence="Whoever is granted one device of a node, the sixth, gets the fifth.",
        injection=BrokenRuntime(mode="one-wrong-device"),
        detected_by=EACH,
        # Where chance gives one of two pods that device.
        also_fails=frozenset({GRANTED, DIFFERENT, CANNOT_OPEN}),
        expected_message=r"both see GPU-",
    ),
    Defect(
        id="device-cgroup-open-for-who-has-none",
        requirement=_SECURE,
        sentence="The devices cgroup of a container that was granted none allows all.",
        injection=BrokenRuntime(mode="cgroup-open-unasked"),
        basis="plan",
        detected_by=OPENS,
        also_fails=frozenset({SIBLING, INIT, EPHEMERAL}),
        expected_message=r"asked for nothing and can open /dev/nvidia\d of .* by mknod",
    ),
    Defect(
        id="admin-access-open",
        requirement=_SECURE,
        sentence="Every namespace is labelled for admin access.",
        injection=every_namespace_gets("admin-access", ADMIN_LABEL, "true"),
        basis="hardening",
        expects="Implemented",
        detected_by=ADMIN,
        expected_message="a claim with admin access is admitted in a namespace without the label",
    ),
    Defect(
        id="tool-lies",
        requirement=_SECURE,
        sentence="nvidia-smi lists one device less than the container can open.",
        injection=LyingTool(changes={"driver": {"hide last": "yes"}}),
        detected_by=GRANTED,
        also_fails=frozenset({EACH, DIFFERENT, MEDIATED}),
        expected_message=r"was given 1.*, but \S+nvidia-smi lists",
    ),
    Defect(
        id="claim-not-on-the-books",
        requirement=_SECURE,
        sentence="Nobody notes who holds a claim: the device of a running pod may be given away.",
        injection=HOLDERS_FORGOTTEN,
        detected_by=MEDIATED,
        expected_message="claim holder-.* is not reserved for it",
    ),
    Defect(
        id="exec-forbidden",
        requirement=_SECURE,
        sentence="The suite's user may not exec into pods.",
        injection=_NO_EXEC,
        kubeconfig=_NO_EXEC.kubeconfig,
        expects="Inconclusive",
        detected_by=GRANTED,
        expected_message="no-exec may not (get|create) pods/exec",
        also_fails=_IN_CONTAINERS,
    ),
    Defect(
        id="mknod-refused",
        requirement=_SECURE,
        sentence="No container has CAP_MKNOD, as with CRI-O: healthy.",
        injection=BrokenRuntime(mode="mknod-refused"),
        expects="Implemented",
        expected_message=r"refused: Operation not permitted; what is visible decides",
    ),
    Defect(
        id="root-forbidden",
        requirement=_SECURE,
        sentence="A policy lets nobody run as root, as hardened platforms have: healthy.",
        injection=ROOT_DENIED,
        expects="Implemented",
        expected_message=r"as root, in pod .*nobody runs as root here",
    ),
    Defect(
        id="positive-twin-fails",
        requirement=_SECURE,
        sentence="Containers that were granted a device cannot start.",
        injection=BrokenRuntime(mode="granted-fails"),
        expects="Inconclusive",
        detected_by=GRANTED,
        expected_message="nvidia-container-cli: initialization error: driver error",
        also_fails=_IN_CONTAINERS,
    ),
)
