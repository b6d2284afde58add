"""Which proxy leads to the API server: as kubectl chooses, hence Go.

The kubernetes client knows other rules: it sends requests for 127.0.0.1 to ``HTTP_PROXY``, with the
token in them. A kubeconfig's ``proxy-url`` is used without exception, there as here.
"""

import ipaddress
import urllib.parse
import urllib.request
from collections.abc import Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS = {"http": 80, "https": 443}


def proxy_for(server: str, configured: str | None, environment: Mapping[str, str]) -> str | None:
    """URL of the proxy for a server; None for none.

    Args:
        server: URL of the API server.
        configured: what the kubernetes client would use, from the kubeconfig or the environment.
        environment: proxies by scheme, ``no`` for exceptions, as
            ``urllib.request.getproxies_environment`` gives them.
    """
    url = urllib.parse.urlsplit(server)
    theirs = {environment.get(scheme) for scheme in ("http", "https", "all")} - {None}
    if configured not in theirs:
        return configured or None
    host, port = (url.hostname or "").rstrip("."), url.port or _PORTS.get(url.scheme, 0)
    if is_direct(host, port, environment.get("no", "")):
        return None
    return environment.get(url.scheme) or environment.get("all") or None


def environment() -> Mapping[str, str]:
    """Proxies by scheme, as the environment names them."""
    found = urllib.request.getproxies_environment()
    return {scheme: url.strip() for scheme, url in found.items() if url.strip()}


def is_direct(host: str, port: int, exceptions: str) -> bool:
    """Whether no proxy is asked for a host: the loopback, and what ``NO_PROXY`` names.

    Args:
        exceptions: hosts, domains, addresses and networks, divided by commas; ``*`` for all.
    """
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = [entry.strip().lower() for entry in exceptions.split(",")]
    return any(_excepts(entry, host.lower(), port, address) for entry in entries if entry)


def _excepts(entry: str, host: str, port: int, address: Address | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if (named := _address(entry)) is not None:
        return named == address
    name, colon, number = entry.rpartition(":")
    if colon and number.isdecimal():
        if int(number) != port:
            return False
        entry = name
    if (named := _address(entry.strip("[]"))) is not None:
        return named == address
    entry = entry.removeprefix("*")
    return (
        host.endswith(entry)
        if entry.startswith(".")
        else (host == entry or host.endswith(f".{entry}"))
    )


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
