"""Logs and commands, whatever a server sends: in time, within limits, and it is said."""

import json
import pathlib
import tracemalloc

import pytest

from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    ApiUnreachable,
    ProbeFailed,
)
from tests.unit.cluster.faulty_api import (
    BUFFERS,
    DONE,
    GZIP,
    KIB,
    SMALL,
    Fault,
    FaultyApi,
    closed,
    connected,
    dripping,
    ended,
    flood,
    frame,
    head,
    reset,
    said,
    sends,
    silent,
    silent_in_the_body,
    then,
    websocket,
    well,
)

EXEC = "/api/v1/namespaces/ns/pods/gpu/exec"
NODES = "/api/v1/nodes"
LOG = "/api/v1/namespaces/ns/pods/gpu/log"


def test_log_is_asked_for_and_taken_within_its_limit(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[LOG] = flood(head(), b"\x00" * 65536)

        log = cluster.logs("gpu", "ns", tail=10)

        assert log.startswith("\x00")
        assert log.endswith(f"\n[cut off by aicr-pytest after {SMALL.log} bytes]")
        assert len(log) < SMALL.log + 100
        assert f"tailLines=10&limitBytes={SMALL.log + 1}" in api.asked[-1].target
        assert api.sent < BUFFERS


def test_log_that_fits_is_whole(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[LOG] = well(b"x" * SMALL.log)

        assert cluster.logs("gpu", "ns") == "x" * SMALL.log


LOGS: dict[str, tuple[Fault, type[AicrError], int]] = {
    # name: what is answered, the error that it is, how many requests at most
    "silence in the body": (silent_in_the_body, ApiUnreachable, 2),
    "a dripping body": (
        then(sends(head("Content-Length: 900")), dripping(b" " * 900)),
        ApiUnreachable,
        2,
    ),
    "a gzip bomb": (well(GZIP, "Content-Encoding: gzip"), ApiUnreachable, 1),
    "404": (said({}, status=404), ApiError, 1),
}


@pytest.mark.parametrize(("fault", "error", "requests"), LOGS.values(), ids=LOGS.keys())
def test_log_that_does_not_come_is_an_error_of_ours(
    tmp_path: pathlib.Path, fault: Fault, error: type[AicrError], requests: int
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[LOG] = fault

        with pytest.raises(error, match=f"GET {LOG}"):
            cluster.logs("gpu", "ns")
        assert api.count(LOG) <= requests


ODD_CODE = {"details": {"causes": [{"reason": "ExitCode", "message": "1" * 5000}]}}
EXECS: dict[str, tuple[Fault, type[AicrError], int]] = {
    # name: what is answered, the error that it is, how many handshakes at most
    "output without end": (websocket(for_ever=frame(b"\x01" + b"x" * 32768)), ProbeFailed, 1),
    "pings without end": (websocket(for_ever=frame(b"x", opcode=0x89)), ProbeFailed, 1),
    "empty frames without end": (websocket(for_ever=frame(b"")), ProbeFailed, 1),
    "a frame without end": (
        websocket(frame(b"\x01", length=2**40), for_ever=b"x" * 65536),
        ApiUnreachable,
        1,
    ),
    "pieces of a message without end": (
        websocket(frame(b"\x01x", opcode=0x02), for_ever=frame(b"x" * 10_000, opcode=0x00)),
        ApiUnreachable,
        1,
    ),
    "a status without end": (websocket(for_ever=frame(b"\x03" + b" " * 5000)), ApiUnreachable, 1),
    "a status that is a list": (websocket(frame(b"\x03[{}]")), ApiUnreachable, 1),
    "a status that is a text": (
        ended(websocket(frame(b"\x03no such thing"))),
        ApiUnreachable,
        1,
    ),
    "a status of another shape": (
        websocket(frame(b'\x03{"details": {"causes": [5]}, "message": []}')),
        ProbeFailed,
        1,
    ),
    "a status with causes that are none": (
        websocket(frame(b'\x03{"details": {"causes": "x"}}')),
        ProbeFailed,
        1,
    ),
    "an exit code of 5000 digits": (
        websocket(frame(b"\x03" + json.dumps(ODD_CODE).encode())),
        ProbeFailed,
        1,
    ),
    "garbage": (ended(websocket(b"\xff\xff\xff\xff")), ApiUnreachable, 1),
    "a dripping frame": (
        then(websocket(), dripping(frame(b"\x01" + b"x" * 900))),
        ProbeFailed,
        1,
    ),
    "silence": (then(websocket(), silent), ProbeFailed, 1),
    "no websocket": (said({}), ApiUnreachable, 8),
    "garbage for a handshake": (closed(b"\x00\xff\n\n" * 9), ApiUnreachable, 8),
    "a handshake without end": (flood(b"HTTP/1.1 101 x\r\nX: ", b"x" * 65536), ApiUnreachable, 8),
    "a refusal without end": (
        flood(head("Content-Length: 99999999999", status=403), b"x" * 65536),
        ApiUnreachable,
        8,
    ),
    "a refusal of odd length": (closed(head("Content-Length: x", status=403)), ApiUnreachable, 8),
    "302 to another host": (
        well(b"", "Location: ws://192.0.2.1/", status=302),
        ApiUnreachable,
        8,
    ),
    "401": (said({}, status=401), AccessDenied, 1),
}


@pytest.mark.parametrize(("fault", "error", "requests"), EXECS.values(), ids=EXECS.keys())
def test_command_ends_in_an_error_of_ours(
    tmp_path: pathlib.Path, fault: Fault, error: type[AicrError], requests: int
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[EXEC] = fault

        with pytest.raises(error) as caught:
            cluster.exec("gpu", "ns", ["true"], timeout=0.5)

        assert len(str(caught.value)) < 1500
        assert 1 <= api.count(EXEC) <= requests


UNREAD: dict[str, tuple[Fault, type[AicrError]]] = {
    "closed": (ended(websocket()), ApiUnreachable),
    "reset": (then(websocket(), reset), ApiUnreachable),
    "never read": (then(websocket(), silent), ProbeFailed),
}


@pytest.mark.parametrize(("fault", "error"), UNREAD.values(), ids=UNREAD.keys())
def test_standard_input_that_nobody_takes_is_an_error_of_ours(
    tmp_path: pathlib.Path, fault: Fault, error: type[AicrError]
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[EXEC] = fault

        with pytest.raises(error):
            cluster.exec("gpu", "ns", ["cat"], stdin="x" * 20_000_000, timeout=0.5)


def test_long_output_keeps_its_beginning_and_its_end_and_says_so(tmp_path: pathlib.Path) -> None:
    middle = frame(b"\x01" + b"m" * 10_000) * 50
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[EXEC] = websocket(frame(b"\x01first"), middle, frame(b"\x01last"), DONE)

        result = cluster.exec("gpu", "ns", ["yes"], timeout=5.0)

    assert result.exit_code == 0
    assert result.stdout.startswith("firstmmm")
    assert result.stdout.endswith("mmmlast")
    left_out = 500_009 - SMALL.channel
    assert f"\n[{left_out} bytes left out by aicr-pytest]\n" in result.stdout
    assert len(result.stdout) < SMALL.channel + 100


def test_output_without_end_takes_no_more_memory_than_is_kept(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[EXEC] = websocket(for_ever=frame(b"\x01" + b"x" * 32768))
        tracemalloc.start()
        try:
            with pytest.raises(ProbeFailed, match="did not end within"):
                cluster.exec("gpu", "ns", ["yes"], timeout=0.5)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert api.sent > 4 * 1024 * KIB
    assert peak < 4 * 1024 * KIB


def test_credentials_go_to_no_other_host_by_a_redirection(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as other, FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[EXEC] = well(b"", f"Location: ws://127.0.0.1:{other.port}/x", status=302)
        api.faults[NODES] = well(b"", f"Location: {other.url}/x", status=307)

        with pytest.raises(ApiUnreachable):
            cluster.exec("gpu", "ns", ["true"])
        with pytest.raises(ApiUnreachable, match="not an API server answers"):
            cluster.list(NODE)

        assert other.asked == []
