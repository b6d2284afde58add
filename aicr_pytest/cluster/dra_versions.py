"""The kinds of Dynamic Resource Allocation in the versions before v1. Pure.

The suite reads and writes the shapes of ``resource.k8s.io/v1`` alone. Where a server has nothing
but a beta (Kubernetes 1.32 and 1.33), objects are translated on their way in and out: v1beta2 has
v1's shapes; v1beta1 has requests without ``exactly``, and wraps what a device is in ``basic``.

Source: the types of k8s.io/api, resource/v1, v1beta2 and v1beta1.
"""

import copy
from collections.abc import Callable, Collection

from aicr_pytest.cluster.kinds import RESOURCE_CLAIM, Kind, Object, split_api_version

GROUP = RESOURCE_CLAIM.group
STABLE = RESOURCE_CLAIM.version
VERSIONS = (STABLE, "v1beta2", "v1beta1")
"""In which the kinds are known here, the best first."""
_FLAT = "v1beta1"
"""The one version of other shapes."""
_KINDS = frozenset({"DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"})


def best(served: Collection[str]) -> str:
    """The version to speak, of those that a server has; v1 where it has none that is known."""
    return next((version for version in VERSIONS if version in served), STABLE)


def is_spoken_for(kind: Kind) -> bool:
    """Whether a kind is one of v1 that the versions before it have, too."""
    return kind.group == GROUP and kind.version == STABLE and kind.name in _KINDS


def written(obj: Object, version: str) -> Object:
    """An object of v1 as a server of that version takes it."""
    return _translated(obj, version, _with_flat_request, _with_wrapped_device)


def read(obj: Object) -> Object:
    """What a server of any version sent, as v1 has it."""
    return _translated(obj, STABLE, _with_exact_request, _with_plain_device)


_Change = Callable[[Object], Object]


def _translated(obj: Object, version: str, request: _Change, device: _Change) -> Object:
    """A copy in another version; the changes are made where one of both has other shapes."""
    group, its = split_api_version(obj.get("apiVersion", ""))
    if group != GROUP or its == version or obj.get("kind") not in _KINDS:
        return obj
    changed = {**obj, "apiVersion": f"{GROUP}/{version}"}
    if _FLAT not in (its, version):
        return changed
    changed = copy.deepcopy(changed)
    spec = changed.get("spec") or {}
    if obj["kind"] == "ResourceSlice" and spec.get("devices"):
        spec["devices"] = [device(one) for one in spec["devices"]]
    if obj["kind"] == "ResourceClaimTemplate":
        spec = spec.get("spec") or {}
    if obj["kind"].startswith("ResourceClaim") and (spec.get("devices") or {}).get("requests"):
        spec["devices"]["requests"] = [request(one) for one in spec["devices"]["requests"]]
    return changed


def _with_flat_request(request: Object) -> Object:
    rest = {key: value for key, value in request.items() if key != "exactly"}
    return {**rest, **(request.get("exactly") or {})}


def _with_exact_request(request: Object) -> Object:
    if "firstAvailable" in request:
        return request
    rest = {key: value for key, value in request.items() if key != "name"}
    return {"name": request.get("name", ""), "exactly": rest}


def _with_wrapped_device(device: Object) -> Object:
    rest = {key: value for key, value in device.items() if key != "name"}
    return {"name": device.get("name", ""), "basic": rest}


def _with_plain_device(device: Object) -> Object:
    rest = {key: value for key, value in device.items() if key != "basic"}
    return {**rest, **(device.get("basic") or {})}
