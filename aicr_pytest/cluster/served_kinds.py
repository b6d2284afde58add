"""Which kinds the API server serves: out of the table, else by its discovery, asked once."""

import threading
from collections.abc import Callable
from typing import Any

from aicr_pytest.cluster import answers, dra_versions, kinds
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.messages import Response
from aicr_pytest.errors import AccessDenied, ApiError


class ServedKinds:
    """The kinds of one API server; used from several threads.

    Args:
        get: the answer to a GET of a path.
    """

    def __init__(self, get: Callable[[str], Response]) -> None:
        self._get = get
        self._served: dict[str, list[dict[str, Any]]] = {}
        self._dra_version = ""
        self._lock = threading.Lock()

    def kind(self, api_version: str, name: str) -> Kind:
        """A kind by ``apiVersion`` and name.

        Raises:
            ApiError: 404, the server does not serve it.
        """
        if kind := kinds.known(api_version, name):
            return kind
        group, version = kinds.split_api_version(api_version)
        for resource in self._resources(group, version):
            if resource["kind"] == name and "/" not in resource["name"]:
                return Kind(group, version, name, resource["name"], resource["namespaced"])
        path = _group_path(group, version)
        message = f"the server serves no kind {name} in {api_version}"
        raise ApiError(404, "NotFound", message, request=f"GET {path}")

    def spoken(self, kind: Kind) -> Kind:
        """A kind in the version by which the server is asked: v1 of DRA, or the beta that it has.

        Unlike a CRD, what a server has of DRA does not change while it runs.
        """
        if not dra_versions.is_spoken_for(kind):
            return kind
        if not self._dra_version:
            self._dra_version = dra_versions.best(self._versions(kind.group))
        return kind.at(self._dra_version)

    def written(self, obj: Object) -> Object:
        """An object of ours as the server takes it."""
        kind = kinds.known(obj["apiVersion"], obj["kind"])
        return dra_versions.written(obj, self.spoken(kind).version) if kind else obj

    def _versions(self, group: str) -> list[str]:
        try:
            return answers.versions_of(self._get(f"/apis/{group}"))
        except AccessDenied:
            return []  # who may not ask speaks v1
        except ApiError as error:
            if error.status != 404:
                raise
            return []

    def names(self, group: str, version: str) -> list[str]:
        """Kinds in this version of a group; none when it is not served."""
        return sorted({r["kind"] for r in self._resources(group, version) if "/" not in r["name"]})

    def _resources(self, group: str, version: str) -> list[dict[str, Any]]:
        path = _group_path(group, version)
        with self._lock:
            if path in self._served:
                return self._served[path]
        try:
            found = answers.resources_of(self._get(path))
        except ApiError as error:
            if error.status != 404:
                raise
            return []  # not remembered: a CRD may be installed later in the run
        with self._lock:
            self._served[path] = found
        return found


def _group_path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"
