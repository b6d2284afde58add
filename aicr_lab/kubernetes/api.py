"""A small client of the lab's API server for what the lab itself needs: raw objects, admin rights.

Not the client of the suite: that one belongs to aicr_pytest and talks to any cluster.
"""

import json
import ssl
import threading
import urllib.parse
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from aicr_lab.errors import ApiRefused, LabError

Object = dict[str, Any]

_TIMEOUT = 20.0
_MANAGER = "aicr-lab"


class Api:
    """The API server as the lab's administrator."""

    def __init__(self, *, port: int, ca: Path, certificate: Path, key: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca))
        self._context.load_cert_chain(str(certificate), str(key))
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        timeout: float = _TIMEOUT,
    ) -> Any:
        """One request; the decoded answer, as text where it is not JSON."""
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        connection = HTTPSConnection(
            "127.0.0.1", self._port, context=self._context, timeout=timeout
        )
        headers = {"Accept": "application/json", "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        try:
            connection.request(method, target, body=data, headers=headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise LabError(f"{method} {path}: the API server does not answer: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiRefused(f"{method} {path}", response.status, _message(text))
        if "json" in (response.getheader("Content-Type") or ""):
            return json.loads(text)
        return text

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        """An object; :class:`ApiRefused` with status 404 where there is none."""
        found: Object = self.request("GET", self.path(api_version, kind, name, namespace))
        return found

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object, or ``None``."""
        try:
            return self.get(api_version, kind, name, namespace)
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = ""
    ) -> "Sequence[Object]":
        """All objects of a kind, in one namespace or in all."""
        query = {"labelSelector": labels} if labels else None
        answer = self.request("GET", self.path(api_version, kind, "", namespace), query=query)
        items: list[Object] = answer.get("items") or []
        return items

    def create(self, obj: Object, namespace: str = "") -> Object:
        """Create an object."""
        path = self.path(obj["apiVersion"], obj["kind"], "", _namespace(obj, namespace))
        created: Object = self.request("POST", path, body=obj)
        return created

    def apply(self, obj: Object, namespace: str = "", *, manager: str = _MANAGER) -> Object:
        """Apply an object on the server; conflicts are ours to win."""
        metadata = obj["metadata"]
        path = self.path(
            obj["apiVersion"], obj["kind"], metadata["name"], _namespace(obj, namespace)
        )
        applied: Object = self.request(
            "PATCH",
            path,
            query={"fieldManager": manager, "force": "true"},
            body=obj,
            content_type="application/apply-patch+yaml",
        )
        return applied

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: object,
        namespace: str = "",
        *,
        content_type: str = "application/merge-patch+json",
        subresource: str = "",
    ) -> Object:
        """Patches an object, or a subresource of it."""
        path = self.path(api_version, kind, name, namespace)
        if subresource:
            path = f"{path}/{subresource}"
        patched: Object = self.request("PATCH", path, body=patch, content_type=content_type)
        return patched

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, absent_ok: bool = True
    ) -> None:
        """Delete an object."""
        try:
            self.request("DELETE", self.path(api_version, kind, name, namespace))
        except ApiRefused as error:
            if error.status != 404 or not absent_ok:
                raise

    def path(self, api_version: str, kind: str, name: str = "", namespace: str = "") -> str:
        """The path of an object, or of a collection."""
        plural, namespaced = self._resource(api_version, kind)
        parts = [_group_path(api_version)]
        if namespaced and namespace:
            parts += ["namespaces", namespace]
        elif namespaced and name:
            parts += ["namespaces", "default"]
        parts.append(plural)
        if name:
            parts.append(name)
        return "/".join(parts)

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        with self._lock:
            known = self._resources.get(api_version)
            if known is None or kind not in known:
                answer = self.request("GET", _group_path(api_version))
                known = {
                    entry["kind"]: (entry["name"], entry["namespaced"])
                    for entry in answer["resources"]
                    if "/" not in entry["name"]
                }
                self._resources[api_version] = known
        if kind not in known:
            raise LabError(f"the API server serves no {kind} of {api_version}")
        return known[kind]


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _namespace(obj: Object, namespace: str) -> str:
    return obj["metadata"].get("namespace") or namespace or "default"


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message") or text)
    except (ValueError, AttributeError):
        return text.strip()[:500]
