"""Where requests may come in: a Gateway's listener that takes routes of ours, and its address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.label_selectors import selects

_GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener that takes routes of our namespace."""

    namespace: str
    """Namespace of the Gateway."""
    gateway: str
    """Name of the Gateway."""
    gateway_class: str
    """Name of its GatewayClass."""
    listener: str
    """Name of the listener."""
    port: int
    """Port of the listener."""
    host: str
    """Host name that requests carry and the route names; nobody else's where the listener lets us
    choose."""
    tls: bool = False
    """Whether the listener speaks TLS; whose certificate it has is nobody's question here."""
    ours: bool = False
    """Whether the run made the Gateway."""

    def __str__(self) -> str:
        made = ", made by this run" if self.ours else ""
        tls = ", TLS, certificate not verified" if self.tls else ""
        return f"Gateway {self.namespace}/{self.gateway} (listener {self.listener}{tls}{made})"


def listeners(gateway: Object, namespace: Object) -> list[Listener]:
    """The listeners of a Gateway that take routes of our namespace, those without TLS first."""
    metadata, spec = gateway["metadata"], gateway["spec"]
    found = [
        Listener(
            namespace=metadata["namespace"],
            gateway=metadata["name"],
            gateway_class=spec["gatewayClassName"],
            listener=listener["name"],
            port=int(listener["port"]),
            host=_host(listener.get("hostname", ""), namespace["metadata"]["name"]),
            tls=listener["protocol"] == "HTTPS",
        )
        for listener in spec["listeners"]
        if not _refusal(listener, gateway, namespace)
    ]
    return sorted(found, key=lambda listener: listener.tls)


def denials(gateways: Sequence[Object], namespace: Object) -> list[str]:
    """Why listeners take no routes of ours, as sentences."""
    return [
        f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}, listener"
        f" {listener['name']}: {why}"
        for gateway in gateways
        for listener in gateway["spec"]["listeners"]
        if (why := _refusal(listener, gateway, namespace))
    ]


def address(gateway: Object) -> str:
    """The first address of a Gateway, an IP or a host name; empty while it has none."""
    for one in gateway.get("status", {}).get("addresses") or ():
        if one.get("value"):
            return str(one["value"])
    return ""


def conditions(status: Mapping[str, object] | None, generation: int) -> str:
    """Conditions in one line, each with what it is about where that is not the present object."""
    found: object = (status or {}).get("conditions")
    listed = found if isinstance(found, list) else []
    told = list(_told(sorted(listed, key=lambda one: str(one["type"])), generation))
    return ", ".join(told) or "no condition"


def route_line(route: Object, listener: Listener) -> str:
    """What the controller of a Gateway says of a route, in one line."""
    name = f"HTTPRoute {route['metadata']['namespace']}/{route['metadata']['name']}"
    return f"{name}: {conditions(parent(route, listener), route['metadata']['generation'])}"


def parent(route: Object, listener: Listener) -> dict[str, object] | None:
    """What the controller of a Gateway says of a route; None while it has said nothing."""
    for one in route.get("status", {}).get("parents") or ():
        reference = one["parentRef"]
        at = reference.get("namespace", route["metadata"]["namespace"])
        if (at, reference["name"]) == (listener.namespace, listener.gateway):
            found: dict[str, object] = one
            return found
    return None


def _told(found: Sequence[Object], generation: int) -> Iterator[str]:
    for one in found:
        seen = one.get("observedGeneration", generation)
        said = [str(one[key]) for key in ("reason", "message") if one.get(key)]
        about = f" for generation {seen} of {generation}" if seen != generation else ""
        why = f" ({': '.join(said)})" if one["status"] != "True" and said else ""
        yield f"{one['type']}={one['status']}{why}{about}"


def _host(pattern: str, ours: str) -> str:
    if not pattern:
        return f"{ours}.test"  # a name that no resolver knows, hence nobody's
    return f"{ours}{pattern[1:]}" if pattern.startswith("*.") else pattern


def _refusal(listener: Object, gateway: Object, namespace: Object) -> str:
    if listener["protocol"] not in ("HTTP", "HTTPS"):
        return f"its protocol is {listener['protocol']}"
    tls = listener.get("tls") or {}
    if "frontendValidation" in tls:
        return "it wants certificates of its clients"
    allowed = listener.get("allowedRoutes") or {}
    kinds = allowed.get("kinds")
    if kinds and not any(
        one["kind"] == "HTTPRoute" and one.get("group", _GROUP) == _GROUP for one in kinds
    ):
        return "it takes no HTTPRoute"
    namespaces = allowed.get("namespaces") or {}
    source = namespaces.get("from", "Same")
    if source == "All":
        return ""
    if source == "Selector":
        labels = namespace["metadata"].get("labels") or {}
        chosen = selects(namespaces.get("selector") or {}, labels)
        return "" if chosen else "its selector does not choose our namespace"
    if gateway["metadata"]["namespace"] == namespace["metadata"]["name"]:
        return ""
    return "it takes routes of its own namespace only"
