"""Exec and port-forward over websockets, against a fake kubelet."""

import json
import socket
import ssl
import struct
import threading
import time
import types

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.websockets import dial
from aicr_pytest.errors import (
    AccessDenied,
    ApiError,
    ApiUnreachable,
    Inconclusive,
    ProbeFailed,
    StreamNotPassed,
)
from tests.unit.cluster.conftest import Recorder
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.fake_websocket import WebSocket
from tests.unit.cluster.faulty_api import FaultyApi

EXEC = "/api/v1/namespaces/ns/pods/gpu/exec"
FORWARD = "/api/v1/namespaces/ns/pods/gpu/portforward"
Query = dict[str, list[str]]


def exit_status(code: int) -> bytes:
    if code == 0:
        return b'\x03{"metadata":{},"status":"Success"}'
    causes = [{"reason": "ExitCode", "message": str(code)}]
    said = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    return b"\x03" + json.dumps(said).encode()


def test_output_streams_and_exit_code_are_kept_apart(
    cluster: Cluster, fake: FakeApi, recorder: Recorder
) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        assert query["command"] == ["sh", "-c", "echo 'a b'"]
        assert query["container"] == ["probe"]
        assert "stdin" not in query
        ws.send(b"\x01")  # kubelet opens each stream with an empty frame
        ws.send(b"\x01out ")
        ws.send(b"\x02err")
        ws.send("\x01ü".encode()[:2])  # a character cut between two frames
        ws.send(b"\x01" + "ü".encode()[1:])
        ws.send(exit_status(3))

    fake.streams[EXEC] = kubelet

    result = cluster.exec("gpu", "ns", ["sh", "-c", "echo 'a b'"], container="probe")

    assert (result.stdout, result.stderr, result.exit_code) == ("out ü", "err", 3)
    command = "sh -c 'echo '\"'\"'a b'\"'\"''"
    assert result.source == f"GET {EXEC}, container probe: `{command}`"
    assert result.by_hand == f"kubectl exec -n ns gpu -c probe -- {command}"
    assert recorder.executions == [result]
    assert recorder.requests[-1][0::2] == ("GET", 101)
    assert "command=echo" in recorder.requests[-1][1]


def test_success_is_exit_code_zero(cluster: Cluster, fake: FakeApi) -> None:
    fake.streams[EXEC] = lambda ws, query: ws.send(exit_status(0))

    assert cluster.exec("gpu", "ns", ["true"]).exit_code == 0


def test_standard_input_is_sent_and_closed(cluster: Cluster, fake: FakeApi) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        assert query["stdin"] == ["true"]
        got = b""
        while (frame := ws.receive()) and frame[0] == 0:
            got += frame[1:]
        assert frame == b"\xff\x00"  # closed
        ws.send(b"\x01" + got)
        ws.send(exit_status(0))

    fake.streams[EXEC] = kubelet
    text = "x" * 70_000

    assert cluster.exec("gpu", "ns", ["cat"], stdin=text).stdout == text


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [('exec: "nvidia-smi": executable file not found in $PATH', 127), ("permission denied", 126)],
)
def test_command_that_the_runtime_cannot_start_has_the_shells_exit_code(
    cluster: Cluster, fake: FakeApi, words: str, exit_code: int
) -> None:
    said = {"status": "Failure", "reason": "InternalError", "message": f"OCI: {words}"}
    fake.streams[EXEC] = lambda ws, query: ws.send(b"\x03" + json.dumps(said).encode())

    result = cluster.exec("gpu", "ns", ["nvidia-smi"])

    assert (result.exit_code, result.stderr) == (exit_code, f"OCI: {words}")


def test_any_other_failure_of_the_runtime_could_not_look(cluster: Cluster, fake: FakeApi) -> None:
    said = {"status": "Failure", "reason": "InternalError", "message": "task is paused"}
    fake.streams[EXEC] = lambda ws, query: ws.send(b"\x03" + json.dumps(said).encode())

    with pytest.raises(ProbeFailed, match="Pod ns/gpu: `true`: could not be run: task is paused"):
        cluster.exec("gpu", "ns", ["true"])


def test_command_that_does_not_end_could_not_look(cluster: Cluster, fake: FakeApi) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        ws.send(b"\x01half a line")
        ws.receive()

    fake.streams[EXEC] = kubelet

    started = time.monotonic()
    with pytest.raises(ProbeFailed, match=r"not end within 0\.3 s; it wrote: half a line"):
        cluster.exec("gpu", "ns", ["hang"], timeout=0.3)
    assert time.monotonic() - started < 1


def test_chatter_without_end_does_not_stretch_the_deadline(cluster: Cluster, fake: FakeApi) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        while True:
            ws.send(b"\x01.")
            threading.Event().wait(0.05)

    fake.streams[EXEC] = kubelet

    with pytest.raises(ProbeFailed, match="did not end within"):
        cluster.exec("gpu", "ns", ["yes"], timeout=0.3)


def test_connection_that_ends_without_a_status_is_no_success(
    cluster: Cluster, fake: FakeApi
) -> None:
    def cleanly(ws: WebSocket, query: Query) -> None:
        ws.send(b"\x01out")
        ws.close()

    fake.streams[EXEC] = cleanly
    with pytest.raises(ApiUnreachable, match="ended without an exit status"):
        cluster.exec("gpu", "ns", ["true"])

    fake.streams[EXEC] = lambda ws, query: ws.send(b"\x01out")
    with pytest.raises(ApiUnreachable, match="the connection broke"):
        cluster.exec("gpu", "ns", ["true"])


def test_refused_handshakes_are_told_as_for_any_request(cluster: Cluster, fake: FakeApi) -> None:
    message = 'pods "gpu" is forbidden: User "me" cannot create resource "pods/exec" in API group'
    where = ' "" in the namespace "ns"'
    fake.refuse("GET", "/exec", 403, reason="Forbidden", message=message + where)
    with pytest.raises(AccessDenied) as caught:
        cluster.exec("gpu", "ns", ["true"])
    assert "kubectl auth can-i create pods --subresource=exec -n ns" in caught.value.hint

    # A server that wants the right to create for a websocket refuses without naming it.
    fake.refuse("GET", "/exec", 403, reason="Forbidden", message='pods "gpu" is forbidden: ')
    with pytest.raises(AccessDenied, match="rights to get and to create pods/exec"):
        cluster.exec("gpu", "ns", ["true"])

    with pytest.raises(ApiError, match="404 NotFound"):
        cluster.exec("absent", "ns", ["true"])

    fake.refuse("GET", "/exec", 500, body=b'unable to upgrade: container not found ("probe")')
    with pytest.raises(ApiError, match="container not found"):
        cluster.exec("gpu", "ns", ["true"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"Upgrade request required"),
        (400, b"<html>400 Bad Request</html>"),
        (404, b"<html>nginx</html>"),
        (405, b"<html>nginx</html>"),
        (426, b"Upgrade Required"),
        (501, b""),
    ],
)
def test_a_proxy_that_passes_no_stream_is_told_and_accuses_nobody(
    cluster: Cluster, fake: FakeApi, status: int, body: bytes
) -> None:
    fake.refuse("GET", "/exec", status, body=body, times=9)

    with pytest.raises(StreamNotPassed, match=f"no stream is opened: {status}") as caught:
        cluster.exec("gpu", "ns", ["true"])
    assert "proxy" in caught.value.hint


def test_kubelets_own_words_are_no_proxys(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/exec", 404, body=b"pod does not exist")

    with pytest.raises(ApiError, match="pod does not exist"):
        cluster.exec("gpu", "ns", ["true"])


def test_tunnel_to_an_ipv6_address_is_asked_for_in_brackets() -> None:
    with FaultyApi() as proxy:
        with pytest.raises(ApiUnreachable, match="Tunnel connection failed"):
            dial_by(proxy.url)
        assert proxy.asked[0].line.startswith("CONNECT [fd00::1]:6443 ")


def test_proxy_that_is_spoken_to_by_tls_passes_no_stream() -> None:
    with pytest.raises(StreamNotPassed, match=r"spoken to by TLS \(https://proxy.example:3128\)"):
        dial_by("https://proxy.example:3128")


def dial_by(proxy: str) -> None:
    server = types.SimpleNamespace(
        host="https://[fd00::1]:6443", proxy=proxy, proxy_headers=None, tls_server_name=None
    )
    dial(server, ssl.create_default_context(), Recorder(), {}, "/exec", [], ["v5.channel.k8s.io"])


@pytest.mark.parametrize("status", [400, 403])
def test_a_policy_that_refuses_commands_accuses_nobody(
    cluster: Cluster, waiter: Waiter, fake: FakeApi, status: int
) -> None:
    said = 'admission webhook "no-exec.example.com" denied the request: no shells here'
    fake.refuse("GET", "/exec", status, message=said, times=9)
    obj = {"metadata": {"name": "gpu", "namespace": "ns", "uid": "u"}, "spec": {}}

    with pytest.raises(Inconclusive, match="no shells here"):
        Pod(cluster, waiter, obj).run("true")


def test_busy_kubelet_is_dialled_again(cluster: Cluster, fake: FakeApi) -> None:
    fake.refuse("GET", "/exec", 500, message="error dialing backend", times=2)
    fake.streams[EXEC] = lambda ws, query: ws.send(exit_status(0))

    assert cluster.exec("gpu", "ns", ["true"]).exit_code == 0


def test_executions_and_requests_side_by_side_do_not_disturb_each_other(
    cluster: Cluster, fake: FakeApi
) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        threading.Event().wait(0.02)
        ws.send(b"\x01" + query["command"][1].encode())
        ws.send(exit_status(0))

    fake.streams[EXEC] = kubelet
    problems: list[object] = []

    def work(name: str) -> None:
        try:
            for _ in range(5):
                problems.extend(cluster.list(NODE))
                if (said := cluster.exec("gpu", "ns", ["echo", name]).stdout) != name:
                    problems.append(said)
        except Exception as error:  # noqa: BLE001  a thread's exception would be lost
            problems.append(error)

    threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []


def echo(ws: WebSocket, query: Query) -> None:
    """A pod whose port answers in capitals."""
    port = struct.pack("<H", int(query["ports"][0]))
    ws.send(b"\x00" + port)
    ws.send(b"\x01" + port)
    while frame := ws.receive():
        ws.send(b"\x00" + frame[1:].upper())


def test_forwarded_port_carries_connections_side_by_side(cluster: Cluster, fake: FakeApi) -> None:
    fake.streams[FORWARD] = echo

    with cluster.port_forward("gpu", "ns", 9400) as port:
        clients = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(5)]
        for i, client in enumerate(clients):
            client.sendall(f"hello {i}".encode())
        answers = [client.recv(100) for client in clients]
        for client in clients:
            client.close()

    assert answers == [f"HELLO {i}".encode() for i in range(5)]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_port_that_nobody_listens_on_is_a_closed_connection(
    cluster: Cluster, fake: FakeApi
) -> None:
    def kubelet(ws: WebSocket, query: Query) -> None:
        ws.send(b"\x00" + struct.pack("<H", 9400))
        ws.send(b"\x01" + struct.pack("<H", 9400))
        ws.send(b"\x01connection refused")
        ws.receive()

    fake.streams[FORWARD] = kubelet

    with (
        cluster.port_forward("gpu", "ns", 9400) as port,
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
    ):
        assert client.recv(100) == b""


def test_forward_that_is_refused_fails_at_once(cluster: Cluster) -> None:
    with (
        pytest.raises(ApiError, match="404 NotFound"),
        cluster.port_forward("absent", "ns", 9400),
    ):
        pytest.fail("there is nothing to forward to")
