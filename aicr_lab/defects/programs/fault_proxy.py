"""An API server that misbehaves: a proxy in front of the real one, with faults on the way.

Run by the lab in its namespaces with a listening socket of the host (``python -m
aicr_lab.defects.programs.fault_proxy``). It ends TLS with a certificate of the lab, speaks to the
API server as the lab's admin, and forwards bytes, so that watches and streams pass. A connection
carries one request: faults are decided per request, and clients reconnect as after any closed
connection.
"""

import argparse
import datetime
import email.utils
import json
import os
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_HEAD_MAX = 1 << 20
_CHUNK = 1 << 16

DROP_WATCH_AFTER = 2.0
"""Seconds after which ``watch-drops`` cuts a watch."""
SLOW_BY = 0.1
"""Seconds that ``slow`` adds to each request."""
GONE_AFTER = 60
"""Requests that ``gone-midway`` still lets through."""
AHEAD = datetime.timedelta(seconds=120)
"""How far the clock of ``clock-skew`` goes before ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of an HTTP/1.1 request, as it came, plus what follows it already."""

    line: str
    headers: tuple[tuple[str, str], ...]
    rest: bytes

    @property
    def target(self) -> str:
        """Path and query."""
        return self.line.split(" ")[1]

    @property
    def is_upgrade(self) -> bool:
        """Whether it becomes a stream of its own (exec, port-forward)."""
        return any(name.lower() == "upgrade" for name, _ in self.headers)

    @property
    def is_watch(self) -> bool:
        """Whether it stays open and tells of changes."""
        return "watch=true" in self.target.lower() or "watch=1" in self.target

    def forwarded(self, *, upgrade: bool = True) -> bytes:
        """The request as the real server gets it: without who asked; one per connection.

        Args:
            upgrade: whether it may become a stream.
        """
        # Uncompressed, so that the answer can be changed on the way.
        dropped = {"authorization", "accept-encoding"}
        streams = self.is_upgrade and upgrade
        if not streams:
            dropped |= {"connection", "upgrade"}
        kept = [f"{n}: {v}" for n, v in self.headers if n.lower() not in dropped]
        if not streams:
            kept.append("Connection: close")
        return "\r\n".join([self.line, *kept, "", ""]).encode("latin-1") + self.rest


Rewrite = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request; the default is nothing."""

    status: int = 0
    """Answered instead of the real server; 0: forwarded."""
    retry_after: int = 0
    """Seconds, sent as ``Retry-After``; 0: not sent."""
    delay: float = 0.0
    """Seconds before anything else happens."""
    cut_after: float | None = None
    """Seconds after which the connection is closed; ``None``: never."""
    hang_up: bool = False
    """Closed without an answer."""
    no_upgrade: bool = False
    """The header ``Upgrade`` is taken away, as by proxies that pass no streams."""
    rewrite: Callable[[], Rewrite] = lambda: bytes
    """Makes what changes the answer piece by piece, and never its length."""


Faults = Callable[[int, Request], Fault]
"""Number of the request, from 0 on, and the request, to what happens to it."""

_NOTHING = Fault()
_DRA = "/apis/resource.k8s.io"


def _as_1_33(path: str) -> Fault:
    """As a server that is so old, and has DRA in its first beta alone."""
    if re.match(rf"{re.escape(_DRA)}/v1(beta2)?(/|$)", path):
        return Fault(status=404)
    others = {
        "/version": (rb"\bv1\.\d\d\.", b"v1.33."),
        _DRA: (rb'\bv1(?=(beta2)?")', b"v0"),
    }
    if found := others.get(path):
        return Fault(rewrite=lambda: lambda data: re.sub(*found, data))
    return _NOTHING


_BLIPS = (500, 502, 503, 504)

MODES: Mapping[str, Faults] = {
    "429-storm": lambda n, _: Fault(status=429, retry_after=1) if n % 9 == 0 else _NOTHING,
    "500-blips": lambda n, _: _NOTHING if n % 4 else Fault(status=_BLIPS[n // 4 % len(_BLIPS)]),
    "watch-drops": lambda _, r: Fault(cut_after=DROP_WATCH_AFTER) if r.is_watch else _NOTHING,
    "slow": lambda _n, _r: Fault(delay=SLOW_BY),
    "errors-only": lambda _n, _r: Fault(status=500),
    "clock-skew": lambda _, r: _NOTHING if r.is_upgrade else Fault(rewrite=lambda: Skew()),
    "kubernetes-1.33": lambda _, r: _as_1_33(r.target.partition("?")[0]),
    "no-streams": lambda _n, _r: Fault(no_upgrade=True),
    "gone-midway": lambda n, _: Fault(hang_up=n >= GONE_AFTER),
}
"""What a fault is called, and which requests it meets."""


def read_request(connection: socket.socket) -> Request | None:
    """Read a request's head; ``None`` when the client has nothing to say."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(_CHUNK)
        if not chunk or len(data) > _HEAD_MAX:
            return None
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (header.partition(":") for header in lines)
    return Request(line=line, headers=tuple((n, v.strip()) for n, _, v in pairs), rest=rest)


def answer(fault: Fault) -> bytes:
    """A Status as the API server would send it."""
    reasons = {404: "NotFound", 429: "TooManyRequests", 503: "ServiceUnavailable"}
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the lab's fault proxy says so",
        "reason": reasons.get(fault.status, "InternalError"),
        "code": fault.status,
    }
    if fault.retry_after:
        status["details"] = {"retryAfterSeconds": fault.retry_after}
    body = json.dumps(status).encode()
    head = [
        f"HTTP/1.1 {fault.status} {status['reason']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if fault.retry_after:
        head.append(f"Retry-After: {fault.retry_after}")
    return "\r\n".join([*head, "", ""]).encode() + body


class Proxy:
    """Serves connections, a thread each."""

    def __init__(
        self,
        faults: Faults,
        upstream: tuple[str, int],
        ours: ssl.SSLContext,
        theirs: ssl.SSLContext,
    ) -> None:
        self._faults = faults
        self._upstream = upstream
        self._ours = ours
        self._theirs = theirs
        self._lock = threading.Lock()
        self._count = 0

    def serve(self, listener: socket.socket) -> None:
        """Serve for ever."""
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, plain: socket.socket) -> None:
        try:
            with plain, self._ours.wrap_socket(plain, server_side=True) as connection:
                request = read_request(connection)
                if request is not None:
                    self._handle(connection, request)
        except OSError:
            return  # the client went away: nobody is left to be told

    def _handle(self, connection: ssl.SSLSocket, request: Request) -> None:
        with self._lock:
            number, self._count = self._count, self._count + 1
        fault = self._faults(number, request)
        time.sleep(fault.delay)
        if fault.hang_up:
            return
        if fault.status:
            connection.sendall(answer(fault))
            return
        with (
            socket.create_connection(self._upstream, timeout=10) as plain,
            self._theirs.wrap_socket(plain, server_hostname=self._upstream[0]) as server,
        ):
            server.settimeout(None)
            server.sendall(request.forwarded(upgrade=not fault.no_upgrade))
            _pump(connection, server, fault)


_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?=(?:\.\d+)?Z")')
_DATE = re.compile(rb"(?<=\r\nDate: )[^\r\n]+ GMT")
_CUT_TIME = re.compile(rb'"[\dT:.Z-]{0,32}"?$')


class Skew:
    """Sets the times in answers of JSON forward; no answer changes its length by it."""

    def __init__(self) -> None:
        self._held = b""

    def __call__(self, data: bytes) -> bytes:
        """The part of the stream that can go on; a time that is cut in two waits for its rest."""
        data = self._held + data
        cut = _CUT_TIME.search(data)
        self._held = cut[0] if cut else b""
        return _DATE.sub(_later_date, _TIME.sub(_later, data[: len(data) - len(self._held)]))


def _later(found: re.Match[bytes]) -> bytes:
    moment = datetime.datetime.fromisoformat(found[1].decode()) + AHEAD
    return f'"{moment.isoformat()}'.encode()


def _later_date(found: re.Match[bytes]) -> bytes:
    moment = email.utils.parsedate_to_datetime(found[0].decode()) + AHEAD
    return email.utils.format_datetime(moment, usegmt=True).encode()


def _pump(client: ssl.SSLSocket, server: ssl.SSLSocket, fault: Fault) -> None:
    """Carries bytes both ways until one side ends or the time is over."""
    deadline = None if fault.cut_after is None else time.monotonic() + fault.cut_after
    changed = fault.rewrite()
    other = {client: server, server: client}
    while True:
        # Bytes that TLS holds already do not make the socket readable.
        ready = [side for side in other if side.pending()]
        if not ready:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select(list(other), [], [], left)
        if not ready:
            return
        for side in ready:
            data = _receive(side)
            if data is None:
                continue
            if not data:
                return
            other[side].sendall(changed(data) if side is server else data)


def _receive(side: ssl.SSLSocket) -> bytes | None:
    """What has come; ``None`` when it was TLS's own business, as the tickets of a new session."""
    side.setblocking(False)
    try:
        return side.recv(_CHUNK)
    except ssl.SSLWantReadError:
        return None
    finally:
        side.setblocking(True)


def _contexts(options: argparse.Namespace) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(options.cert, options.key)
    theirs = ssl.create_default_context(cafile=str(options.ca))
    theirs.load_cert_chain(options.client_cert, options.client_key)
    return ours, theirs


def main() -> None:
    """Serve on the listening socket that was handed down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=sorted(MODES), required=True)
    parser.add_argument("--listener", type=int, required=True, help="file descriptor")
    parser.add_argument("--upstream", required=True, metavar="HOST:PORT")
    for name in ("cert", "key", "client-cert", "client-key", "ca"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    host, _, port = options.upstream.rpartition(":")
    os.set_inheritable(options.listener, False)
    listener = socket.socket(fileno=options.listener)
    Proxy(MODES[options.mode], (host, int(port)), *_contexts(options)).serve(listener)


if __name__ == "__main__":
    main()
