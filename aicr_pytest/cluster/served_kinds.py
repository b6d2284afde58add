"""Which kinds the API server serves: out of the table, else by its discovery, asked once."""

import threading
from collections.abc import Callable
from typing import Any

from aicr_pytest.cluster import answers, kinds
from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.cluster.messages import Response
from aicr_pytest.errors import ApiError


class ServedKinds:
    """The kinds of one API server; used from several threads.

    Args:
        get: the answer to a GET of a path.
    """

    def __init__(self, get: Callable[[str], Response]) -> None:
        self._get = get
        self._served: dict[str, list[dict[str, Any]]] = {}
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
