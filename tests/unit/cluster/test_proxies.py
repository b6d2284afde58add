"""The proxy to the API server is chosen as kubectl does."""

import pytest

from aicr_pytest.cluster.proxies import is_direct, proxy_for

PROXY = "http://proxy.example:3128"
ALL = {"http": PROXY, "https": PROXY}


@pytest.mark.parametrize(
    ("host", "port", "exceptions"),
    [
        ("localhost", 6443, ""),
        ("127.0.0.1", 6443, ""),
        ("127.8.9.1", 6443, ""),
        ("::1", 6443, ""),
        ("api.example", 443, "*"),
        ("api.example", 443, "other, API.example"),
        ("api.eu.example", 443, "eu.example"),
        ("api.eu.example", 443, ".eu.example"),
        ("api.eu.example", 443, "*.eu.example"),
        ("api.example", 6443, "api.example:6443"),
        ("10.1.2.3", 443, "10.0.0.0/8"),
        ("10.1.2.3", 443, "10.1.2.3"),
        ("10.1.2.3", 443, "10.1.2.3:443"),
        ("fd00::1", 443, "fd00::/8"),
        ("fd00::1", 443, "[fd00::1]:443"),
    ],
)
def test_host_that_is_asked_directly(host: str, port: int, exceptions: str) -> None:
    assert is_direct(host, port, exceptions)


@pytest.mark.parametrize(
    ("host", "port", "exceptions"),
    [
        ("api.example", 443, ""),
        ("localhost.example", 443, ""),
        ("128.0.0.1", 443, ""),
        ("eu.example", 443, ".eu.example"),
        ("notexample", 443, "example"),
        ("api.example", 443, "api.example:6443"),
        ("10.1.2.3", 443, "11.0.0.0/8, 10.1.2.3/x, 10.1.2"),
        ("10.1.2.3", 443, "10.1.2.3:6443"),
        ("api.example", 443, "10.0.0.0/8"),
        ("api.example", 443, ", ,"),
    ],
)
def test_host_that_is_asked_through_the_proxy(host: str, port: int, exceptions: str) -> None:
    assert not is_direct(host, port, exceptions)


def test_environment_names_the_proxy_of_a_server_elsewhere() -> None:
    assert proxy_for("https://api.example", PROXY, ALL) == PROXY
    assert proxy_for("https://api.example", PROXY, {"all": PROXY}) == PROXY


def test_environment_has_no_say_for_the_loopback_and_its_exceptions() -> None:
    assert proxy_for("http://127.0.0.1:8080", PROXY, ALL) is None
    assert proxy_for("https://api.example", PROXY, {**ALL, "no": "example"}) is None


def test_proxy_of_the_kubeconfig_is_used_without_exception() -> None:
    own = "http://own.example:1"

    assert proxy_for("https://127.0.0.1", own, {**ALL, "no": "*"}) == own
    assert proxy_for("https://api.example", None, {}) is None
