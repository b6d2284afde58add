"""A small inference service: OpenAI's chat completions, vLLM's metrics, and no model.

One worker, a queue before it. ``POST /gate {"open": false}`` lets requests wait, so that the queue
can be seen.
"""

import json
import os
import signal
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL, HOLD = os.environ["MODEL"], float(os.environ["HOLD_SECONDS"])
PORT = int(os.environ.get("PORT", "8000"))
BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Queue:
    """The requests that wait, run and were served."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self._lock, self._worker = threading.Lock(), threading.Lock()
        self._waiting = self._running = self._served = 0
        self._seconds = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)

    def complete(self) -> None:
        """Wait for the gate and for the worker, then be served."""
        began = time.monotonic()
        with self._lock:
            self._waiting += 1
        self.gate.wait(HOLD)
        with self._worker:
            with self._lock:
                self._waiting, self._running = self._waiting - 1, self._running + 1
            time.sleep(0.01)
            took = time.monotonic() - began
            with self._lock:
                self._running, self._served = self._running - 1, self._served + 1
                self._seconds += took
                self._buckets[sum(took > bound for bound in BOUNDS)] += 1

    def page(self) -> str:
        """Say it as vLLM does."""
        own = f'model_name="{MODEL}"'
        name, total = "vllm:e2e_request_latency_seconds", 0
        with self._lock:
            lines = [
                "# TYPE vllm:cache_config_info gauge",
                f"vllm:cache_config_info{{{own}}} 1",
                "# TYPE vllm:num_requests_waiting gauge",
                f"vllm:num_requests_waiting{{{own}}} {self._waiting}",
                "# TYPE vllm:num_requests_running gauge",
                f"vllm:num_requests_running{{{own}}} {self._running}",
                "# TYPE vllm:request_success_total counter",
                f'vllm:request_success_total{{{own},finished_reason="stop"}} {self._served}',
                f"# TYPE {name} histogram",
            ]
            for bound, number in zip((*BOUNDS, "+Inf"), self._buckets, strict=True):
                total += number
                lines.append(f'{name}_bucket{{{own},le="{bound}"}} {total}')
            lines += [
                f"{name}_sum{{{own}}} {self._seconds:f}",
                f"{name}_count{{{own}}} {self._served}",
            ]
        return "\n".join(lines) + "\n"


QUEUE = Queue()


def chat(kind: str, part: str, end: str | None = "stop") -> dict[str, Any]:
    """Make an answer, or a piece of one that is streamed."""
    words = {"role": "assistant", "content": "."} if part == "message" or not end else {}
    choice = {"index": 0, part: words, "finish_reason": end}
    now, name = int(time.time()), f"chatcmpl-{time.monotonic_ns()}"
    return {"id": name, "object": kind, "created": now, "model": MODEL, "choices": [choice]}


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    wbufsize = -1  # head and body in one packet: two cost 40 ms of delayed acknowledgement

    def do_GET(self) -> None:
        """Give metrics, models, or health."""
        if self.path == "/metrics":
            self.answer(QUEUE.page(), TEXT)
        elif self.path == "/v1/models":
            self.say({"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif self.path == "/health":
            self.answer("ok\n", "text/plain")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Complete a chat, or open and close the gate."""
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/gate":
            if said["open"]:
                QUEUE.gate.set()
            else:
                QUEUE.gate.clear()
            self.say({"open": said["open"]})
        elif self.path != "/v1/chat/completions":
            self.send_error(404)
        else:
            QUEUE.complete()
            if said.get("stream"):
                self.stream()
            else:
                self.say(chat("chat.completion", "message"))

    def stream(self) -> None:
        """Answer as events."""
        first, last = (chat("chat.completion.chunk", "delta", end) for end in (None, "stop"))
        last["id"] = first["id"]
        events = [json.dumps(first), json.dumps(last), "[DONE]"]
        self.answer("".join(f"data: {event}\n\n" for event in events), "text/event-stream")

    def say(self, obj: object) -> None:
        """Answer with JSON."""
        self.answer(json.dumps(obj), "application/json")

    def answer(self, text: str, kind: str) -> None:
        """Answer 200 with a text."""
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
