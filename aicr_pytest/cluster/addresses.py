"""Addresses that objects of a cluster name, and that are not to be asked from this machine.

Whoever may write a status could else send our requests to services that trust this machine: the
metadata service of its cloud, which hands out credentials, or what listens on its loopback.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google
        ),
    )
)
"""Metadata services of clouds beside 169.254.0.0/16, where most have theirs."""
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotAsked(Exception):
    """An address is not asked; the text says why."""


def refusal(address: Address) -> str:
    """Why an address is not to be asked; empty for one that may be."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return refusal(address.ipv4_mapped)
        for inner in _embedded(address):
            if why := refusal(inner):
                return why
        if address in _NAT64:
            return ""
    if address in _METADATA or str(address) == "169.254.169.254":
        return "a metadata service of clouds"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "no address of a machine"
    kinds = {
        "this machine's loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "reserved": address.is_reserved,
    }
    return next((kind for kind, is_so in kinds.items() if is_so), "")


def resolve(host: str, port: int, look_up: Callable[..., Any] = socket.getaddrinfo) -> str:
    """The address to ask for a host; asking that one, a second look-up cannot lead elsewhere.

    Raises:
        NotAsked: the host has none, or one that is not to be asked.
    """
    try:
        found = look_up(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    except (OSError, ValueError) as error:  # names that DNS cannot have are ValueErrors
        why = getattr(error, "strerror", None) or "it is no name"
        raise NotAsked(f"{host[:253]!r} has no address here: {why}") from None
    for address in addresses:
        if why := refusal(address):
            named = "" if str(address) == host else f"{host[:253]} is "
            raise NotAsked(f"{named}{address}, which is {why}")
    if not addresses:
        raise NotAsked(f"{host[:253]!r} has no address here")
    return str(addresses[0])


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """IPv4 addresses to which an IPv6 address leads."""
    found = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if int(address) >> 32 == 0 and int(address) > 0xFFFF:
        found.append(ipaddress.IPv4Address(int(address)))  # "compatible", long out of use
    return [one for one in found if one is not None]
