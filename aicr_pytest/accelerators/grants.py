"""What a container was given of accelerators, and in what it sees others. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from aicr_pytest.accelerators.devices import Device
from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.accelerators.probe import View
from aicr_pytest.accelerators.units import Identity, Sharing, Unit, comparable, read_id
from aicr_pytest.cluster import quantities
from aicr_pytest.cluster.kinds import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What Kubernetes says that a container was given."""

    count: int
    """Of units."""
    identities: tuple[str, ...] | None
    """Sorted, of whole devices or parts; ``None`` where nothing that is told can be compared."""
    by: str
    """The object that says so, e.g. ``ResourceClaim aicr-1/claimed``."""
    devices: tuple[Device, ...] = ()
    """Where claims tell them: the published devices that were allocated."""
    told: tuple[str, ...] = ()
    """Ids as the device plugin gave them to kubelet, sorted; empty where they are not told."""
    unit: Unit = "device"
    """What was given: only whole devices and parts are exclusive."""
    admitted: int | None = None
    """Units that kubelet says it has given, of what a device plugin counts; None: it does not."""
    is_told: bool = True
    """Whether anything tells the unit: what nothing calls shared may be so nevertheless."""

    def __str__(self) -> str:
        named = self.identities or self.told
        return f"{self.count} ({', '.join(named)})" if named else f"{self.count}"


def claim_requests(pod: Object, container: Object) -> list[tuple[str, str]]:
    """(claim, request or "") of each claim that a container uses."""
    status = pod.get("status", {})
    made = {
        item["name"]: item.get("resourceClaimName")
        for item in status.get("resourceClaimStatuses", ())
    }
    named = {
        item["name"]: item.get("resourceClaimName") or made.get(item["name"])
        for item in pod["spec"].get("resourceClaims", ())
    }
    pairs = [
        (named[use["name"]], use.get("request", ""))
        for use in container.get("resources", {}).get("claims", ())
    ]
    extended = status.get("extendedResourceClaimStatus") or {}
    pairs += [
        (extended["resourceClaimName"], mapping["requestName"])
        for mapping in extended.get("requestMappings", ())
        if mapping["containerName"] == container["name"]
    ]
    return [(claim, request) for claim, request in pairs if claim]


def counted(node: AcceleratorNode, pod: Object, container: Object, where: str) -> Grant:
    """What a device plugin gave to a container, by its limits and by kubelet's words.

    Args:
        where: namespace and name of the pod.
    """
    resource = node.extended_resource
    statuses = [
        status
        for status in pod["status"].get("containerStatuses") or ()
        if status["name"] == container["name"]
    ]
    told = [
        str(unit["resourceID"])
        for status in statuses
        for item in status.get("allocatedResourcesStatus") or ()
        if item["name"] == resource
        for unit in item.get("resources") or ()
    ]
    read = [read_id(node.profile.sharing, one) for one in told]
    return Grant(
        count=int(container.get("resources", {}).get("limits", {}).get(resource, 0)),
        identities=_identities(read),
        by=f"limits {resource} of pod {where}"
        + (" and its allocatedResourcesStatus" if told else ""),
        told=tuple(sorted(told)),
        unit=_unit(node, read),
        admitted=_admitted(statuses, resource, len(told)),
        is_told=bool(node.told_by) or (bool(read) and all(read)),
    )


def _admitted(statuses: Sequence[Object], resource: str, told: int) -> int | None:
    """How many units kubelet says that it gave: by their ids, else by what it has allocated."""
    if told:
        return told
    for status in statuses:
        if limits := (status.get("resources") or {}).get("limits"):
            return int(quantities.number(limits.get(resource)) or 0)
    return None


def off_the_books(grant: Grant, seen: int, who: str, resource: str) -> list[str]:
    """Why a device plugin's devices are not on kubelet's books, as sentences.

    What the pod asked for is no witness of what it was given: kubelet is.

    Args:
        grant: what kubelet says.
        seen: device nodes that the container reaches.
        who: the pod.
        resource: what the device plugin counts.
    """
    if not grant.count:
        return [f"{who} holds a device that neither a claim nor {resource} gave it"]
    if grant.told and len(grant.told) != grant.count:
        listed = ", ".join(grant.told)
        return [f"{who}: {grant.count} {resource}, but allocatedResourcesStatus has {listed}"]
    if grant.admitted is None:
        return []
    if grant.admitted != grant.count:
        return [f"{who}: {grant.count} {resource} asked for, and kubelet gave {grant.admitted}"]
    if seen > grant.admitted:
        return [f"{who} reaches {seen} devices, and kubelet gave {grant.admitted} {resource}"]
    return []


def _identities(read: Sequence[Identity | None]) -> tuple[str, ...] | None:
    named = {one.identity for one in read if one and one.identity}
    whole = bool(read) and all(one and one.identity for one in read)
    if not whole:
        return None
    exclusive = all(one and one.unit != "share" for one in read)
    listed = [one.identity for one in read if one]
    return tuple(sorted(listed if exclusive else named))


def _unit(node: AcceleratorNode, read: Sequence[Identity | None]) -> Unit:
    """What an id says goes beyond what the node's labels do."""
    units = {one.unit for one in read if one}
    return next((unit for unit in ("share", "partition") if unit in units), node.unit)


def of_devices(
    node: AcceleratorNode, identities: Sequence[str], devices: Sequence[Device], by: str
) -> Grant:
    """What claims gave to a container."""
    shared = any(device.shared for device in devices)
    return Grant(
        count=len(identities),
        identities=tuple(sorted(identities)) if all(identities) else None,
        by=by,
        devices=tuple(devices),
        unit="share" if shared else "partition" if node.device_type else "device",
    )


def differences(grant: Grant, view: View, sharing: Sharing) -> list[str]:
    """In what a container sees other than it was given, e.g. ``but … lists 2``.

    Several shares or parts may be of one device: then there are as many device nodes, and lines of
    a tool that lists devices, as there are units, or fewer.
    """
    found = []
    if not _agree(grant, len(view.units)):
        paths = ", ".join(node.path for node in view.reachable) or "none"
        found.append(f"but its device nodes are: {paths}")
    if not view.told:
        return found
    if view.lists_parts and grant.unit == "partition":
        read = [(one, read_id(sharing, one)) for one in view.listed]
        if wholes := [one for one, unit in read if unit and unit.unit == "device"]:
            return [*found, f"but {view.tool} lists: {', '.join(wholes)}, as a whole"]
    if grant.identities is not None and is_compared(grant, view.listed, sharing):
        if tuple(sorted(view.listed)) != grant.identities:
            found.append(f"but {view.tool} lists: {', '.join(view.listed) or 'none'}")
    elif not _agree(grant, len(view.listed)):
        found.append(f"but {view.tool} lists {len(view.listed)}")
    return found


def _agree(grant: Grant, seen: int) -> bool:
    if grant.unit == "device" or not grant.count:
        return seen == grant.count
    return 1 <= seen <= grant.count


def is_compared(grant: Grant, listed: Sequence[str], sharing: Sharing) -> bool:
    """Whether what was given and what is listed name devices in one form; else counts decide.

    What claims tell are the profile's own identities, and so is what its tool lists: only of parts
    a tool may list the devices that they are of.
    """
    if grant.identities is None:
        return False
    if grant.told or grant.unit == "partition":
        return not listed or comparable(sharing, *grant.identities, *listed)
    return True


def why_shared(grant: Grant, identity: str, node: AcceleratorNode) -> str:
    """Why another pod may rightly have the same device; empty where none may.

    Args:
        identity: of the device, as the vendor's tool lists it; empty: not known.
    """
    if grant.unit == "share":
        told = ", ".join(grant.told) or node.told_by or grant.by
        return f"{node.name} hands out shares of devices, and no device for one pod alone: {told}"
    read = read_id(node.profile.sharing, identity)
    if grant.unit == "partition" and not (read and read.unit == "partition"):
        return (
            f"{node.name} hands out parts of devices, which are told apart by identities of their "
            f"own, and here only the devices are seen that they are of: {node.told_by or grant.by}"
        )
    return ""
