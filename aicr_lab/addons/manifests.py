"""Manifests of products: read, changed a little, applied in an order that works."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from aicr_lab.errors import ApiRefused, LabError
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

_CRD = "CustomResourceDefinition"
_PATIENCE = 120.0
"""Seconds for what a new server, CRD or webhook may refuse at first."""
_REFUSED_AT_FIRST = (403, 404, 409, 429, 500, 502, 503, 504)
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")


class _Loader(yaml.CSafeLoader):
    """Takes a bare ``=`` for a string; YAML 1.1 knows it as a type that nobody means."""


def _as_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:value", _as_text)


def documents(path: Path) -> list[Object]:
    """The objects of a manifest; lists are taken apart, empty documents left out."""
    found: list[Object] = []
    for document in yaml.load_all(path.read_text(), Loader=_Loader):
        if document and document.get("kind") == "List":
            found += document["items"]
        elif document:
            found.append(document)
    return found


def patched(obj: Object, change: Mapping[str, Any]) -> Object:
    """A copy with a merge patch applied: maps are merged, ``None`` removes, the rest replaces."""
    result = copy.deepcopy(obj)
    _merge(result, change)
    return result


def _merge(target: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def containers(workload: Object) -> list[Object]:
    """The containers of a Deployment, DaemonSet, StatefulSet or Pod, initial ones included."""
    spec = workload["spec"]
    pod = spec.get("template", {}).get("spec", spec)
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def with_image(workload: Object, image: str, *, container: str = "") -> Object:
    """A copy whose containers, or the named one, run another image and never pull it."""
    result = copy.deepcopy(workload)
    for each in containers(result):
        if container in ("", each["name"]):
            each["image"] = image
            each["imagePullPolicy"] = "IfNotPresent"
    return result


def with_args(workload: Object, container: str, *args: str) -> Object:
    """A copy with arguments added to one container; one of the same flag is replaced."""
    result = copy.deepcopy(workload)
    flags = {arg.split("=", 1)[0] for arg in args}
    for each in containers(result):
        if each["name"] == container:
            kept = [arg for arg in each.get("args", []) if arg.split("=", 1)[0] not in flags]
            each["args"] = [*kept, *args]
    return result


def apply_all(lab: Lab, objects: Iterable[Object]) -> None:
    """Apply objects: CRDs first, until they are served, then namespaces, then the rest.

    What a server refuses only because something it needs is not there yet is tried again.
    """
    everything = list(objects)
    crds = [obj for obj in everything if obj["kind"] == _CRD]
    for crd in crds:
        apply(lab, without_descriptions(crd))
    for crd in crds:
        until(lambda crd=crd: _not_served(lab, crd), f"CRD {crd['metadata']['name']}")  # type: ignore[misc]
    for obj in sorted(everything, key=lambda obj: bool(obj["kind"] != "Namespace")):
        if obj["kind"] != _CRD:
            apply(lab, obj)


def without_descriptions(crd: Object) -> Object:
    """A CRD without prose, which is most of its size; the API server works long on it."""
    return {**crd, "spec": _without_prose(crd["spec"])}


def _without_prose(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    # A property may be called "description" too; that one is a map.
    return {
        key: _without_prose(each)
        for key, each in value.items()
        if key != "description" or not isinstance(each, str)
    }


def apply(lab: Lab, obj: Object) -> None:
    """Apply one object, again where it is refused only at first."""
    until(lambda: _refused(lab, obj), f"{obj['kind']} {obj['metadata']['name']}")


def until(missing: Callable[[], str], what: str, timeout: float = _PATIENCE) -> None:
    """Wait until nothing is missing."""
    deadline = time.monotonic() + timeout
    while seen := missing():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not there after {timeout:.0f} s; last seen: {seen}")
        time.sleep(0.2)


def _refused(lab: Lab, obj: Object) -> str:
    try:
        lab.api.apply(obj)
    except LabError as error:
        if isinstance(error, ApiRefused) and error.status not in _REFUSED_AT_FIRST:
            raise
        return str(error)  # no such kind, too: its CRD may be another add-on's
    return ""


def _not_served(lab: Lab, crd: Object) -> str:
    found = lab.api.get("apiextensions.k8s.io/v1", _CRD, crd["metadata"]["name"])
    conditions = {c["type"]: c["status"] for c in (found.get("status", {}).get("conditions") or [])}
    return "" if conditions.get("Established") == "True" else "not established"


def unavailable(lab: Lab, kind: str, name: str, namespace: str) -> str:
    """What a Deployment, DaemonSet or StatefulSet still lacks; a ``missing`` of add-ons."""
    found = lab.api.find("apps/v1", kind, name, namespace)
    if found is None:
        return f"{kind} {namespace}/{name} is not there"
    status = found.get("status", {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return f"{kind} {namespace}/{name} is not looked at yet"
    if kind == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
        # Before its controller has seen the nodes it wants none.
        wanted = wanted or len(lab.nodes)
    else:
        wanted = found["spec"].get("replicas", 1)
        ready = status.get("availableReplicas", 0)
    return "" if ready >= wanted else f"{kind} {namespace}/{name}: {ready} of {wanted} available"


def workloads(objects: Iterable[Object]) -> Iterator[Object]:
    """The Deployments, DaemonSets and StatefulSets among objects."""
    return (obj for obj in objects if obj["kind"] in _WORKLOADS)
