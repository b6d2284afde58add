"""What answers look like: checked where they come in, so that nobody behind it meets a surprise.

Only what all objects have in common is looked at: ``metadata`` with a name, and mappings where
mappings are due. What a kind holds beyond it is judged by whoever looks at it.
"""

import datetime
import email.utils
import re
import reprlib
from dataclasses import dataclass
from typing import Any

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.messages import Response
from aicr_pytest.errors import ApiUnreachable

_MAPPINGS = ("metadata", "spec", "status")
_METADATA_MAPPINGS = ("labels", "annotations")
_LISTS = (("metadata", "ownerReferences"), ("status", "conditions"))
_METADATA_TEXTS = (
    *("namespace", "uid", "resourceVersion", "generateName"),
    *("creationTimestamp", "deletionTimestamp"),
)
_OWNER_TEXTS = ("apiVersion", "kind", "name", "uid")
_EVENTS = ("ADDED", "MODIFIED", "DELETED")
_FARTHEST_CLOCK = 10**9
"""Seconds by which no clock is wrong: 30 years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    items: list[Object]
    more: str
    """Token of the next page; empty at the end."""
    resource_version: str
    """Version of the list."""


def object_of(response: Response, *, stored: bool = True) -> Object:
    """The one object that an answer holds.

    Args:
        stored: whether it is one that the API server keeps, hence has a uid.

    Raises:
        ApiUnreachable: it holds none.
    """
    found = response.object()
    try:
        return _as_object(found, stored=stored)
    except ValueError as error:
        raise ApiUnreachable(f"{response.request}: the answer is no object: {error}") from error


def page_of(response: Response, *, stored: bool = True) -> Page:
    """The page of a list that an answer holds.

    Args:
        stored: whether the API server keeps its items, hence they have uids.

    Raises:
        ApiUnreachable: it holds none.
    """
    found = response.object()
    try:
        metadata = _mapping(found.get("metadata"), "metadata")
        if "items" not in found:
            raise ValueError(f"no items in {_told(found)}")  # which is not: none
        items = found["items"]
        if not isinstance(items, list | None):
            raise ValueError(f"items are {_told(items)}")
        return Page(
            items=[_as_object(item, stored=stored) for item in items or ()],
            more=_text(metadata.get("continue"), "metadata.continue"),
            resource_version=_text(metadata.get("resourceVersion"), "metadata.resourceVersion"),
        )
    except ValueError as error:
        raise ApiUnreachable(f"{response.request}: the answer is no list: {error}") from error


def is_stored(kind: Kind) -> bool:
    """Whether the API server keeps objects of this kind, and does not compute them when asked."""
    return not kind.group.endswith("metrics.k8s.io")


def seconds_ahead(response: Response) -> int:
    """How far its ``Date`` is ahead of our clock; 0 where there is none that can be meant."""
    try:
        theirs = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
        ahead = round(theirs.timestamp() - datetime.datetime.now(datetime.UTC).timestamp())
    except (ValueError, OverflowError, TypeError):
        return 0
    return ahead if abs(ahead) < _FARTHEST_CLOCK else 0


def version_of(response: Response) -> str:
    """The server's version, from its answer to ``/version``.

    Raises:
        ApiUnreachable: it holds none.
    """
    version = response.object().get("gitVersion")
    if not isinstance(version, str) or not re.match(r"v?[0-9]+\.[0-9]+", version):
        raise ApiUnreachable(f"{response.request}: no version in the answer: {response.head}")
    return version


def resources_of(response: Response) -> list[dict[str, Any]]:
    """What a discovery document lists, each with name, kind and whether it is namespaced.

    Raises:
        ApiUnreachable: it lists nothing.
    """
    found = response.object().get("resources")
    if not isinstance(found, list) or not all(map(_is_resource, found)):
        raise ApiUnreachable(f"{response.request}: the answer lists no resources: {response.head}")
    return found


def groups_of(response: Response) -> list[str]:
    """Names of the API groups that a server says it has; none where it says nothing.

    Raises:
        ApiUnreachable: the answer lists something else.
    """
    found = response.object().get("groups") or []
    if not isinstance(found, list) or not all(map(_is_group, found)):
        raise ApiUnreachable(f"{response.request}: the answer lists no groups: {response.head}")
    return [group["name"] for group in found]


def versions_of(response: Response) -> list[str]:
    """The versions in which a server has one API group.

    Raises:
        ApiUnreachable: the answer lists something else.
    """
    found = response.object().get("versions")
    if not isinstance(found, list) or not all(map(_is_version, found)):
        raise ApiUnreachable(f"{response.request}: the answer lists no versions: {response.head}")
    return [one["version"] for one in found]


def is_allowed(response: Response) -> bool:
    """Whether an access review allows what was asked.

    Raises:
        ApiUnreachable: it is none.
    """
    status = response.object().get("status")
    if not isinstance(status, dict):
        raise ApiUnreachable(f"{response.request}: the answer is no review: {response.head}")
    return status.get("allowed") is True


def _is_group(said: object) -> bool:
    return isinstance(said, dict) and isinstance(said.get("name"), str)


def _is_version(said: object) -> bool:
    return isinstance(said, dict) and isinstance(said.get("version"), str)


def _is_resource(said: object) -> bool:
    return (
        isinstance(said, dict)
        and isinstance(said.get("kind"), str)
        and isinstance(said.get("name"), str)
        and isinstance(said.get("namespaced"), bool)
    )


def event_of(said: Any) -> tuple[str, dict[str, Any]]:
    """Type and object of a watch's event.

    Raises:
        ValueError: it is none.
    """
    event = _mapping(said, "the event")
    kind, found = event.get("type"), _mapping(event.get("object"), "its object")
    if kind in _EVENTS:
        return kind, _as_object(found, stored=True, versioned=True)
    if kind == "BOOKMARK":
        metadata = _mapping(found.get("metadata"), "metadata")
        return kind, {"metadata": {"resourceVersion": _version(metadata)}}
    if kind == "ERROR":
        return kind, found
    raise ValueError(f"the event's type is {_told(kind)}")


def _as_object(said: Any, *, stored: bool, versioned: bool = False) -> Object:
    found = {
        key: value
        for key, value in _mapping(said, "the object").items()
        if value is not None or key not in _MAPPINGS  # to the API, null is as good as nothing
    }
    for key in _MAPPINGS:
        _mapping(found.get(key), key)
    for key in ("apiVersion", "kind"):
        _text(found.get(key), key)
    for whole, part in _LISTS:
        _mappings((found.get(whole) or {}).get(part), f"{whole}.{part}")
    metadata = found.get("metadata")
    if not metadata:
        raise ValueError(f"no metadata in {_told(found)}")
    if not (isinstance(metadata.get("name"), str) and metadata["name"]):
        raise ValueError(f"no name in metadata {_told(metadata)}")
    for key in _METADATA_MAPPINGS:
        for name, value in _mapping(metadata.get(key), f"metadata.{key}").items():
            _text(value, f"metadata.{key}[{name}]")
    for key in _METADATA_TEXTS:
        _text(metadata.get(key), f"metadata.{key}")
    for owner in metadata.get("ownerReferences") or ():
        for key in _OWNER_TEXTS:
            _text(owner.get(key), f"{key} of one of metadata.ownerReferences")
    _texts(metadata.get("finalizers"), "metadata.finalizers")
    if stored and not metadata.get("uid"):
        raise ValueError(f"no uid in metadata {_told(metadata)}")
    if versioned:
        _version(metadata)
    return found


def _version(metadata: dict[str, Any]) -> str:
    if not (found := _text(metadata.get("resourceVersion"), "metadata.resourceVersion")):
        raise ValueError(f"no resourceVersion in metadata {_told(metadata)}")
    return found


def _mapping(said: Any, what: str) -> dict[str, Any]:
    if not isinstance(said, dict | None):
        raise ValueError(f"{what} is {_told(said)}")
    return said or {}


def _mappings(said: Any, what: str) -> None:
    if not isinstance(said, list | None):
        raise ValueError(f"{what} is {_told(said)}")
    for one in said or ():
        _mapping(one, f"one of {what}")


def _text(said: Any, what: str) -> str:
    if not isinstance(said, str | None):
        raise ValueError(f"{what} is {_told(said)}")
    return said or ""


def _texts(said: Any, what: str) -> None:
    if not isinstance(said, list | None):
        raise ValueError(f"{what} is {_told(said)}")
    for one in said or ():
        if not isinstance(one, str):
            raise ValueError(f"one of {what} is {_told(one)}")


def _told(said: Any) -> str:
    # Not json.dumps: what came may be long, and deep.
    return reprlib.repr(said)
