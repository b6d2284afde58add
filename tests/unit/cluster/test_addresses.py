"""Addresses that a status names are asked only where nobody who trusts this machine listens."""

import ipaddress
import socket

import pytest

from aicr_pytest.cluster.addresses import NotAsked, refusal, resolve


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "fe80::1",
        "fe80::a9fe:a9fe%eth0",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "239.255.255.250",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2002:7f00:1::",
    ],
)
def test_address_that_is_not_asked(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "10.96.0.1",
        "192.168.1.2",
        "172.18.0.2",
        "100.64.0.1",
        "203.0.113.9",
        "8.8.8.8",
        "fd12::1",
        "2001:4860::8888",
        "64:ff9b::8.8.8.8",
        "::ffff:10.0.0.1",
    ],
)
def test_address_of_a_gateway_may_be_asked(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) == ""


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "[::1]", "", "a..b", "x" * 300]
)
def test_odd_spelling_leads_nowhere(host: str) -> None:
    with pytest.raises(NotAsked):
        resolve(host, 80)


def leads_to(*addresses: str) -> object:
    family = socket.AF_INET
    return lambda *_, **__: [(family, 1, 6, "", (address, 80)) for address in addresses]


def test_name_is_asked_at_the_address_that_was_judged() -> None:
    assert resolve("edge.example", 80, leads_to("10.0.0.7", "10.0.0.8")) == "10.0.0.7"  # type: ignore[arg-type]


def test_name_that_leads_to_a_metadata_service_is_not_asked() -> None:
    with pytest.raises(NotAsked, match=r"edge\.example is 169\.254\.169\.254, which is a metadata"):
        resolve("edge.example", 80, leads_to("10.0.0.7", "169.254.169.254"))  # type: ignore[arg-type]


def test_name_without_an_address_is_not_asked() -> None:
    with pytest.raises(NotAsked, match="has no address here"):
        resolve("edge.example", 80, leads_to())  # type: ignore[arg-type]
