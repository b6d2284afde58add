"""A server on 127.0.0.1 that is no good: what it answers is written to the socket byte by byte.

``FakeApi`` keeps what the API promises; this one keeps nothing.
"""

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import json
import pathlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.messages import Limits, RetryPolicy
from tests.unit.cluster.conftest import RUN

KIB = 1024
SMALL = Limits(
    answer=64 * KIB,
    page=64 * KIB,
    listing=256 * KIB,
    pages=20,
    objects=500,
    line=32 * KIB,
    log=8 * KIB,
    channel=8 * KIB,
    frame=64 * KIB,
)
PATIENCE = RetryPolicy(
    seconds=0.3, first=0.05, longest=0.1, connect=1.0, read=0.3, listing=0.8, limits=SMALL
)
BUFFERS = 16 * 1024 * KIB
"""What the kernel may hold of an answer that nobody reads, generously."""
GZIP = gzip.compress(b"[" * 10_000_000)
DEEP = b"[" * 200_000 + b"]" * 200_000
VERSION = json.dumps({"gitVersion": "v1.37.2"}).encode()
SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclasses.dataclass
class Exchange:
    """One request, and the connection on which it is answered."""

    server: "FaultyApi"
    sock: socket.socket
    line: str
    """Method, target, protocol."""
    headers: dict[str, str]
    """Names in lower case."""
    number: int
    """How many requests for this path came before it."""

    @property
    def target(self) -> str:
        return self.line.split()[1]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.server.sent += len(data)

    def pause(self, seconds: float) -> None:
        """Wait; the end of the test ends it as well."""
        if self.server.stopping.wait(seconds):
            raise OSError("stopped")

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        socket.close(self.sock.detach())  # its reader would keep it open


Fault = Callable[[Exchange], None]


class FaultyApi:
    """The server; a context manager. Paths without a fault are unknown, but for ``/version``."""

    def __init__(self, **faults: Fault) -> None:
        self.faults: dict[str, Fault] = {"/version": well(VERSION), **faults}
        """By the beginning of the target; the longest that fits answers."""
        self.asked: list[Exchange] = []
        self.sent = 0
        """Bytes that went out; a few MiB of them may lie in the kernel's buffers."""
        self.stopping = threading.Event()
        self.context: ssl.SSLContext | None = None
        """Speaks TLS where it is set."""

    def __enter__(self) -> "FaultyApi":
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def kubeconfig(self, directory: pathlib.Path, token: str = "secret") -> str:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faulty",
            "clusters": [{"name": "faulty", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "me"}}],
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(content))
        return str(path)

    def count(self, path: str) -> int:
        """Requests whose target begins so."""
        return sum(one.target.startswith(path) for one in self.asked)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        # What cannot be read as a request ends the connection as well.
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            self._answer(sock)

    def _answer(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as reader:
            while line := reader.readline().decode().strip():
                headers: dict[str, str] = {}
                while header := reader.readline().decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                reader.read(int(headers.get("content-length", 0)))
                target = line.split()[1]
                fitting = [path for path in self.faults if target.startswith(path)]
                path = max(fitting, key=len, default="")
                exchange = Exchange(self, sock, line, headers, self.count(path))
                self.asked.append(exchange)
                self.faults.get(path, well(b"{}", status=404))(exchange)
                if "upgrade" in headers:
                    return  # what comes now is no request


def head(*headers: str, status: int = 200) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def well(body: bytes, *headers: str, status: int = 200) -> Fault:
    """A whole answer in good HTTP."""
    return lambda x: x.send(head(f"Content-Length: {len(body)}", *headers, status=status) + body)


def said(body: object, *headers: str, status: int = 200) -> Fault:
    """A whole answer in good HTTP and JSON."""
    return well(json.dumps(body).encode(), *headers, status=status)


def silent(x: Exchange) -> None:
    """Nothing at all."""
    x.pause(60)


def silent_in_the_body(x: Exchange) -> None:
    x.send(head("Content-Length: 100") + b'{"items"')
    x.pause(60)


def dripping(data: bytes) -> Fault:
    """Byte after byte, each within any timeout between two."""

    def drip(x: Exchange) -> None:
        for byte in data:
            x.send(bytes([byte]))
            x.pause(0.1)

    return drip


def flood(start: bytes, piece: bytes) -> Fault:
    """More and more of the same."""

    def pour(x: Exchange) -> None:
        x.send(start)
        while not x.server.stopping.is_set():
            x.send(piece)

    return pour


def closed(start: bytes = b"") -> Fault:
    """The connection is closed, after some bytes."""

    def close(x: Exchange) -> None:
        x.send(start)
        x.sock.shutdown(socket.SHUT_RDWR)

    return close


def then(*faults: Fault) -> Fault:
    """One after the other, as one answer."""

    def answer(x: Exchange) -> None:
        for fault in faults:
            fault(x)

    return answer


def sends(data: bytes) -> Fault:
    """So many bytes, and nothing of HTTP beside."""
    return lambda x: x.send(data)


def ended(fault: Fault) -> Fault:
    """An answer, and then the connection's end."""

    return then(fault, closed())


def reset(x: Exchange) -> None:
    x.reset()


def in_chunks(*lines: bytes) -> Fault:
    """A chunked answer that comes to its end."""

    def send(x: Exchange) -> None:
        x.send(head("Transfer-Encoding: chunked"))
        for line in lines:
            x.send(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        x.send(b"0\r\n\r\n")

    return send


def in_turn(*faults: Fault) -> Fault:
    """One answer after the other; the last one for ever."""
    return lambda x: faults[min(x.number, len(faults) - 1)](x)


def websocket(*pieces: bytes, for_ever: bytes = b"") -> Fault:
    """A good handshake, and then bytes."""

    def shake(x: Exchange) -> None:
        key = x.headers["sec-websocket-key"].encode() + SALT
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        protocol = x.headers["sec-websocket-protocol"].split(",")[0].strip()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            f"Sec-WebSocket-Protocol: {protocol}",
        ]
        x.send("\r\n".join([*lines, "", ""]).encode() + b"".join(pieces))
        while for_ever and not x.server.stopping.is_set():
            x.send(for_ever)

    return shake


def frame(data: bytes, *, opcode: int = 0x82, length: int | None = None) -> bytes:
    """A frame of a websocket, which may claim another length."""
    return bytes([opcode, 127]) + struct.pack(">Q", length or len(data)) + data


DONE = frame(b'\x03{"status": "Success"}')
"""A command's end."""


def item(name: str, **more: Any) -> dict[str, Any]:
    """A node of a list."""
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "5"}, **more}


def page(*items: object, more: object = "") -> dict[str, Any]:
    """A page of a list."""
    return {"metadata": {"resourceVersion": "5", "continue": more}, "items": list(items)}


def connected(api: FaultyApi, directory: pathlib.Path) -> Cluster:
    return Cluster.connect(kubeconfig=api.kubeconfig(directory), run_id=RUN, patience=PATIENCE)
