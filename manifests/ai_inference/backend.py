"""A backend that answers by its name, streams, and takes and gives bodies of any size.

Asked by path, after what the route prepends: ``…/stream``, ``…/blob/BYTES``, anything else.
"""

import hashlib
import json
import os
import signal
import socket
import socketserver
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ["BACKEND"]
PORT = int(os.environ.get("PORT", "8080"))
EVENTS, PAUSE = 8, 0.25


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two cost 40 ms of delayed acknowledgement

    def do_GET(self) -> None:
        """Stream, give a body, or say who answers."""
        words = self.path.rstrip("/").split("/")
        if words[-1] == "stream":
            self.stream()
        elif "blob" in words[:-1]:
            self.answer(bytes(range(256)) * (int(words[-1]) // 256), "application/octet-stream")
        else:
            self.say()

    def do_POST(self) -> None:
        """Say what came in the body."""
        size, digest = 0, hashlib.sha256()
        for piece in self.body():
            size += len(piece)
            digest.update(piece)
        self.say(bytes=size, sha256=digest.hexdigest())

    def say(self, **more: object) -> None:
        """Answer by our name."""
        self.answer(json.dumps({"backend": NAME, **more}).encode(), "application/json")

    def answer(self, body: bytes, kind: str) -> None:
        """Answer 200 with a body."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        """Send events one by one, with a pause after each."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(EVENTS):
            event = b"data: %d of %s\n\n" % (number, NAME.encode())
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            time.sleep(PAUSE)
        self.wfile.write(b"0\r\n\r\n")

    def body(self) -> Iterator[bytes]:
        """Give the request's body in pieces."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
            yield piece

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """Serves many requests at once, by IPv4 and by IPv6: pods may have either alone."""

    daemon_threads = True
    request_queue_size = 128
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Bind to all addresses, and look up no name of theirs, as HTTPServer does."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server(("", PORT), Handler).serve_forever()
