"""Faults on the way to the API server."""

import itertools
import json
import socket

import pytest

from aicr_lab.defects.programs.fault_proxy import (
    GONE_AFTER,
    MODES,
    Fault,
    Request,
    Skew,
    answer,
    read_request,
)


def request(line: str = "GET /api HTTP/1.1", **headers: str) -> Request:
    return Request(line=line, headers=tuple(headers.items()), rest=b"")


def statuses(mode: str, count: int) -> list[int]:
    return [MODES[mode](number, request()).status for number in range(count)]


def test_storm_refuses_every_ninth_request_and_says_when_to_come_again() -> None:
    assert statuses("429-storm", 10) == [429, *[0] * 8, 429]
    assert b"Retry-After: 1" in answer(MODES["429-storm"](0, request()))


def test_blips_are_server_errors_of_every_kind_and_never_two_in_a_row() -> None:
    seen = statuses("500-blips", 16)

    assert [status for status in seen if status] == [500, 502, 503, 504]
    assert all(not (a and b) for a, b in itertools.pairwise(seen))


def test_only_watches_are_dropped() -> None:
    watch = request("GET /api/v1/pods?watch=true HTTP/1.1")

    assert MODES["watch-drops"](0, watch).cut_after is not None
    assert MODES["watch-drops"](0, request()) == Fault()


def test_server_goes_midway_and_stays_away() -> None:
    gone = MODES["gone-midway"]

    assert not gone(GONE_AFTER - 1, request()).hang_up
    assert all(gone(number, request()).hang_up for number in range(GONE_AFTER, GONE_AFTER + 50))


def test_stream_becomes_a_plain_request_where_none_is_passed() -> None:
    asked = request("GET /exec HTTP/1.1", Connection="Upgrade", Upgrade="websocket", Host="api")

    assert MODES["no-streams"](0, asked).no_upgrade
    assert b"Upgrade: websocket" in asked.forwarded()
    plain = asked.forwarded(upgrade=False)
    assert plain == b"GET /exec HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"


def test_answer_is_a_status_object() -> None:
    head, _, body = answer(Fault(status=503)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body)["kind"] == "Status"


def test_credentials_of_the_client_are_not_forwarded() -> None:
    sent = request(Authorization="Bearer secret", Accept="application/json").forwarded()

    assert b"secret" not in sent
    assert b"Accept: application/json" in sent
    assert b"Connection: close" in sent


def test_upgrade_keeps_its_connection_header() -> None:
    sent = request(Upgrade="websocket", Connection="Upgrade").forwarded()

    assert b"Connection: Upgrade" in sent
    assert b"close" not in sent


@pytest.mark.parametrize(
    "pieces",
    [[b"GET / HTTP/1.1\r\nA: b\r\n\r\nbody"], [b"GET / HTTP/1.1\r\nA:", b" b\r\n\r\nbody"]],
)
def test_request_is_read_whole_however_it_arrives(pieces: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in pieces:
            theirs.sendall(piece)

        read = read_request(ours)

    assert read is not None
    assert (read.target, read.headers) == ("/", (("A", "b"),))
    assert read.rest in (b"body", b"")


def test_client_that_says_nothing_is_no_request() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()

        assert read_request(ours) is None


HEAD = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 23:59:30 GMT\r\n\r\n"
OBJECT = b'{"a":"2026-12-31T23:59:00Z","b":"2026-11-23T10:00:00.123456Z","c":"2026"}\n'
LATER = b'{"a":"2027-01-01T00:01:00Z","b":"2026-11-23T10:02:00.123456Z","c":"2026"}\n'


def test_skew_sets_all_times_forward_and_changes_no_length() -> None:
    told = Skew()(HEAD + OBJECT)

    assert told == HEAD.replace(b"Mon, 23 Nov 2026 23:59:30", b"Tue, 24 Nov 2026 00:01:30") + LATER
    assert len(told) == len(HEAD + OBJECT)


@pytest.mark.parametrize("cut", range(len(OBJECT)))
def test_skew_finds_a_time_that_comes_in_two_pieces(cut: int) -> None:
    skew = Skew()

    assert skew(OBJECT[:cut]) + skew(OBJECT[cut:]) == LATER


@pytest.mark.parametrize(
    ("target", "status", "said", "told"),
    [
        ("/version", 0, b'"gitVersion": "v1.37.2"', b'"gitVersion": "v1.33.2"'),
        ("/apis/resource.k8s.io/v1/resourceslices?limit=500", 404, b"", b""),
        ("/apis/resource.k8s.io/v1", 404, b"", b""),
        ("/apis/resource.k8s.io/v1beta1/resourceslices", 0, b'"io/v1beta1"', b'"io/v1beta1"'),
        ("/apis/resource.k8s.io/v1beta2/deviceclasses", 404, b"", b""),
        (
            "/apis/resource.k8s.io",
            0,
            b'"io/v1","v1beta2","v1beta1"',
            b'"io/v0","v0beta2","v1beta1"',
        ),
        ("/apis/apps/v1/deployments", 0, b'"apps/v1"', b'"apps/v1"'),
    ],
)
def test_older_kubernetes_has_only_betas_of_dra(
    target: str, status: int, said: bytes, told: bytes
) -> None:
    line = Request(line=f"GET {target} HTTP/1.1", headers=(), rest=b"")

    fault = MODES["kubernetes-1.33"](0, line)

    assert (fault.status, fault.rewrite()(said)) == (status, told)
