"""Gives Services of type LoadBalancer an address: a process in the lab's network.

The address is one of the lab's own network and goes into the Service's status, from where
kube-proxy serves it on every node. What comes from outside of the nodes is routed to a node that
runs a pod of the Service. A status that has an address already is left alone.
"""

import argparse
import ipaddress
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aicr_lab.errors import AicrLabError
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Api, Object

_EVERY = 0.5
"""Seconds between two looks."""

_FIRST, _COUNT = ipaddress.IPv4Address("10.200.0.100"), 100
POOL = tuple(str(_FIRST + offset) for offset in range(_COUNT))
"""Addresses to give away; the nodes have lower ones of the same network."""

Key = tuple[str, str]
"""Namespace and name of a Service."""


def key(obj: Object) -> Key:
    """Namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def wants_address(service: Object) -> bool:
    """Whether a Service waits for a load balancer without asking for a certain one."""
    spec = service["spec"]
    deleted = "deletionTimestamp" in service["metadata"]
    ours = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    return ours and not deleted and not addresses(service)


def addresses(service: Object) -> list[str]:
    """What the status says, host names included."""
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [each.get("ip") or each.get("hostname", "") for each in ingress]


def assignments(services: Iterable[Object]) -> dict[Key, str]:
    """An address for every Service that waits for one; what it asks for where that is free."""
    listed = list(services)
    taken = {address for service in listed for address in addresses(service)}
    given: dict[Key, str] = {}
    for service in sorted(filter(wants_address, listed), key=key):
        wish = service["spec"].get("loadBalancerIP")
        free = [address for address in POOL if address not in taken]
        if not free:
            break  # it goes on waiting, as with any load balancer that has run out
        given[key(service)] = wish if wish in free else free[0]
        taken.add(given[key(service)])
    return given


def routes(
    services: Iterable[Object], slices: Iterable[Object], node_ips: Mapping[str, str]
) -> dict[str, str]:
    """Address → IP of a node that runs a ready pod of the Service."""
    serving: dict[Key, list[str]] = {}
    for each in slices:
        namespace = each["metadata"]["namespace"]
        name = each["metadata"].get("labels", {}).get("kubernetes.io/service-name", "")
        for endpoint in each.get("endpoints") or []:
            node = endpoint.get("nodeName")
            if node in node_ips and endpoint.get("conditions", {}).get("ready", True):
                serving.setdefault((namespace, name), []).append(node_ips[node])
    return {
        address: min(serving[key(service)])
        for service in services
        if service["spec"].get("type") == "LoadBalancer" and key(service) in serving
        for address in addresses(service)
        if address in POOL
    }


class Balancer:
    """Keeps statuses and routes as they should be."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._routed: dict[str, str] = {}

    def look_once(self) -> None:
        """Give addresses and set routes."""
        services = self._api.list("v1", "Service")
        for (namespace, name), address in assignments(services).items():
            status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
            self._api.patch("v1", "Service", name, status, namespace, subresource="status")
            sys.stderr.write(f"{namespace}/{name} has {address}\n")
        self._route(services)

    def _route(self, services: Sequence[Object]) -> None:
        if not any(addresses(service) for service in services) and not self._routed:
            return
        slices = self._api.list("discovery.k8s.io/v1", "EndpointSlice")
        wanted = routes(services, slices, self._node_ips())
        for address in self._routed.keys() - wanted.keys():
            _ip("route", "del", f"{address}/32")
        for address, node in wanted.items():
            if self._routed.get(address) != node:
                _ip("route", "replace", f"{address}/32", "via", node)
        self._routed = wanted

    def _node_ips(self) -> dict[str, str]:
        return {
            node["metadata"]["name"]: each["address"]
            for node in self._api.list("v1", "Node")
            for each in node.get("status", {}).get("addresses", [])
            # Nodes without a kubelet of the lab run no pod that could be reached.
            if each["type"] == "InternalIP" and each["address"].startswith(network.NODE_PREFIX)
        }


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=False)


def main() -> None:
    """Look twice a second, for ever."""
    parser = argparse.ArgumentParser()
    for name in ("ca", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    api = Api(
        port=network.API_PORT, ca=options.ca, certificate=options.certificate, key=options.key
    )
    balancer = Balancer(api)
    while True:
        try:
            balancer.look_once()
        except (AicrLabError, json.JSONDecodeError) as error:
            sys.stderr.write(f"{error}\n")  # the API server is away: it may come back
        time.sleep(_EVERY)


if __name__ == "__main__":
    main()
