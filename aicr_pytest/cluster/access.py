"""Which rights a run needs, read off the requests that it made."""

import dataclasses
import urllib.parse
from collections.abc import Iterable, Mapping

from aicr_pytest.cluster.kinds import Object

_VERBS = {
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
    "GET": "get",
    "HEAD": "get",
}
# A websocket opens with GET; servers from 1.35 on ask for "create" as well, and SPDY clients such
# as kubectl need only that.
_STREAMS = frozenset({"exec", "attach", "portforward"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Rule:
    """One right: a verb on a resource, or on a path that is no resource."""

    group: str = ""
    resource: str = ""
    """Plural; empty for a path."""
    subresource: str = ""
    verb: str
    namespaced: bool = False
    """Whether it is needed in a namespace; otherwise in the whole cluster."""
    path: str = ""
    """A path that is no resource, e.g. ``/version``."""

    @property
    def full_resource(self) -> str:
        """As a role names it, e.g. ``pods/exec``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def needs_from_journal(requests: Iterable[tuple[str, str]]) -> set[Rule]:
    """The rights behind requests, each a method and a path with its query."""
    return {rule for method, path in requests for rule in rules_of(method, path)}


def rules_of(method: str, target: str) -> set[Rule]:
    """The rights that one request needs, as the API server derives them from it."""
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    parts = [part for part in url.path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, rest = "", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    else:
        return {Rule(verb=method.lower(), path=url.path)}
    namespaced = rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize")
    if namespaced:
        rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    return {
        Rule(
            verb=verb,
            group=group,
            resource=resource,
            subresource=subresource,
            namespaced=namespaced,
        )
        for verb in _verbs(method.upper(), name, subresource, query)
    }


def _verbs(method: str, name: str, subresource: str, query: Mapping[str, str]) -> set[str]:
    if subresource in _STREAMS:
        return {"create", "get"}
    if method == "GET" and not name:
        return {"watch" if query.get("watch") in ("true", "1") else "list"}
    if method == "DELETE" and not name:
        return {"deletecollection"}
    if method == "PATCH" and "force" in query:
        return {"patch", "create"}  # server-side apply of what may not exist yet
    return {_VERBS[method]}


def cluster_role(rules: Iterable[Rule], *, name: str = "aicr-pytest") -> Object:
    """A ClusterRole with exactly these rights."""
    return _role("ClusterRole", {"name": name}, rules)


def role(rules: Iterable[Rule], namespace: str, *, name: str = "aicr-pytest") -> Object:
    """A Role with exactly these rights, in one namespace."""
    return _role("Role", {"name": name, "namespace": namespace}, rules)


def _role(kind: str, metadata: Object, rules: Iterable[Rule]) -> Object:
    listed = set(rules)
    verbs: dict[tuple[str, str], set[str]] = {}
    for rule in listed:
        if rule.resource:
            verbs.setdefault((rule.group, rule.full_resource), set()).add(rule.verb)
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in sorted(verbs.items()):
        grouped.setdefault((group, tuple(sorted(allowed))), []).append(resource)
    out: list[Object] = [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in sorted(grouped.items())
    ]
    if paths := sorted({rule.path for rule in listed if rule.path}):
        out.append({"nonResourceURLs": paths, "verbs": ["get"]})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": out,
    }
