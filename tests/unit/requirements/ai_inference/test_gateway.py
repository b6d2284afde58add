"""A Gateway's address is asked from this machine only where that can do no harm."""

import socket
from typing import Any

import pytest

from aicr_pytest.errors import ProbeFailed, WaitTimeout
from aicr_pytest.requirements.ai_inference.client import Target
from aicr_pytest.requirements.ai_inference.gateway import GatewayAccess, from_here
from aicr_pytest.requirements.ai_inference.traffic_split import Answer

IMDS = "169.254.169.254"


def target(address: str, port: int = 80, **more: Any) -> Target:
    return Target(address=address, port=port, host="chat.example", path="/aicr-x/model", **more)


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whom this machine has connected to; nobody answers."""
    found: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        found.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    return found


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (IMDS, "169.254.169.254, which is a metadata service of clouds"),
        ("fd00:ec2::254", "a metadata service"),
        ("::ffff:169.254.169.254", "a metadata service"),
        ("fe80::1", "link-local"),
        ("127.0.0.1", "this machine's loopback"),
        ("localhost", "this machine's loopback"),
        ("2130706433", "this machine's loopback"),
        ("224.0.0.1", "multicast"),
        ("0.0.0.0", "no address of a machine"),
        ("a..b", "it is no name"),
    ],
)
def test_address_that_trusts_this_machine_is_not_asked(
    dialled: list[Any], address: str, why: str
) -> None:
    said = from_here(target(address))

    assert said.startswith("not asked: ")
    assert why in said
    assert dialled == []


def test_name_that_leads_there_is_not_asked(
    dialled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (IMDS, 80))]
    monkeypatch.setattr(
        "aicr_pytest.cluster.addresses.resolve.__defaults__", (lambda *_, **__: found,)
    )

    assert "metadata.example is 169.254.169.254" in from_here(target("metadata.example"))
    assert dialled == []


def test_any_other_address_is_asked_once(dialled: list[Any]) -> None:
    assert from_here(target("192.0.2.7", 8080)) == "not reachable: refused"
    assert dialled == [("192.0.2.7", 8080)]


class FakeSite:
    """The client in the cluster reaches a backend directly."""

    platform = None

    class client:
        @staticmethod
        def count(where: Target, number: int) -> tuple[list[Answer], None]:
            return [Answer(status=200, backend="first")], None

    @staticmethod
    def direct() -> Target:
        return target("10.0.0.9")


def test_gateway_that_cannot_be_looked_at_from_here_is_not_accused(dialled: list[Any]) -> None:
    opening = GatewayAccess(None, FakeSite)  # type: ignore[arg-type]
    error = WaitTimeout("a request reaches our backend: not within 600 s.")

    with pytest.raises(ProbeFailed, match=r"not asked from here \(169\.254\.169\.254, which is a"):
        opening._see_that_we_can_look(target(IMDS), error)
    assert dialled == []


def test_gateway_that_can_be_looked_at_is_accused_still(dialled: list[Any]) -> None:
    opening = GatewayAccess(None, FakeSite)  # type: ignore[arg-type]

    opening._see_that_we_can_look(target("192.0.2.7"), WaitTimeout("not within 600 s."))

    assert dialled == [("192.0.2.7", 80)]
