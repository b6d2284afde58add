"""An API server in this process: a thread, HTTP on 127.0.0.1, objects in memory.

It stands for what the lab cannot do on demand: a 429, an expired version in the middle of a watch,
a connection that is cut in the middle of a line, words of refusals by other clusters. It keeps what
the API promises about versions, lists, watches, finalizers and preconditions, and nothing more: no
schema, no admission, no controller but the few behaviours that a test switches on.
"""

import base64
import contextlib
import dataclasses
import hashlib
import json
import pathlib
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aicr_pytest.cluster.kinds import Object
from tests.unit.cluster.fake_websocket import WebSocket
from tests.unit.cluster.managed_fields import merged, note


@dataclasses.dataclass
class Refusal:
    """An answer that is given instead of the right one."""

    method: str
    pattern: str
    status: int = 0
    """HTTP status; 0 cuts the connection without an answer."""
    message: str = ""
    reason: str = ""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    times: int = 1
    done_first: bool = False
    """Whether the request is carried out before the answer is lost."""

    def fits(self, method: str, target: str) -> bool:
        fits = self.method in ("*", method) and re.search(self.pattern, target) is not None
        return fits and self.times > 0


class FakeApi:
    """The server; a context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        """Makes it an HTTPS server."""
        self.accepts: set[str] | None = None
        """The values of ``Authorization`` that are let in; None: any."""
        self.authorizations: list[str] = []
        """Those that were sent."""
        self.objects: dict[str, Object] = {}
        """By path of the object."""
        self.history: list[tuple[int, str, str, Object]] = []
        """Version, event, path, object: what watches read."""
        self.compacted = 0
        """Watches from versions below this are told 410."""
        self.refusals: list[Refusal] = []
        self.requests: list[tuple[str, str, str]] = []
        """Method, path with query, content type."""
        self.gone_after: dict[str, float | None] = {}
        """Seconds between a deletion and its end, by resource; None for never. Default: 0."""
        self.streams: dict[str, Callable[[WebSocket, dict[str, list[str]]], None]] = {}
        """What answers a websocket, by path."""
        self.texts: dict[str, str] = {}
        """Plain answers, by path."""
        self.resources: dict[str, list[Object]] = {}
        """Discovery documents, by path."""
        self.allowed: Callable[[Object], bool] = lambda attributes: True
        self.objection: Callable[[str, str], str] = lambda method, target: ""
        """Why an authorizer refuses a method and target; empty where it does not."""
        self.when_watched: list[tuple[str, Callable[[], object]]] = []
        """Deeds that are done once such a path is watched."""
        self.cut_watches_after: int | None = None
        """Cut each watch in the middle of the line after so many events."""
        self.notes_managers = True
        """Whether objects get managedFields; false for servers behind what strips them."""
        self.version = 100
        self.changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "FakeApi":
        api = self

        class Bound(_Handler):
            fake = api

        self._server = _Server(("127.0.0.1", 0), Bound)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        with self.changed:
            self._server = None
            self.changed.notify_all()

    @property
    def running(self) -> bool:
        return self._server is not None

    @property
    def url(self) -> str:
        assert self._server
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def kubeconfig(self, directory: pathlib.Path) -> str:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": {"token": "secret"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(content))
        return str(path)

    # -- what tests do to the cluster ------------------------------------------------------------

    def put(self, collection: str, obj: Object) -> Object:
        """Create or change an object, as a controller would."""
        path = f"{collection}/{obj['metadata']['name']}"
        with self.changed:
            event = "MODIFIED" if path in self.objects else "ADDED"
            old = self.objects.get(path, {"metadata": {}})["metadata"]
            metadata = obj["metadata"]
            if match := re.search(r"/namespaces/([^/]+)/", collection):
                metadata.setdefault("namespace", match[1])
            metadata.setdefault("uid", old.get("uid") or str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", "2026-01-02T03:04:05Z")
            self._store(event, path, obj)
        return obj

    def change(self, path: str, change: Callable[[Object], None]) -> None:
        with self.changed:
            obj = json.loads(json.dumps(self.objects[path]))
            change(obj)
            self._store("MODIFIED", path, obj)

    def remove(self, path: str) -> None:
        with self.changed:
            if obj := self.objects.pop(path, None):
                self.version += 1
                gone = json.loads(json.dumps(obj))
                gone["metadata"]["resourceVersion"] = str(self.version)
                self.history.append((self.version, "DELETED", path, gone))
                self.changed.notify_all()

    def compact(self) -> None:
        """Forget the past: whoever watches from an old version has to list again."""
        with self.changed:
            self.version += 10
            self.compacted = self.version
            self.history.clear()
            self.changed.notify_all()

    def refuse(self, method: str, pattern: str, status: int = 0, **more: Any) -> None:
        self.refusals.append(Refusal(method, pattern, status, **more))

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()

    def asked(self, method: str, pattern: str) -> list[str]:
        return [t for m, t, _ in self.requests if m == method and re.search(pattern, t)]

    def _store(self, event: str, path: str, obj: Object) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[path] = obj
        self.history.append((self.version, event, path, json.loads(json.dumps(obj))))
        self.changed.notify_all()

    def delete(self, path: str, options: Object) -> tuple[int, Object]:
        with self.changed:
            obj = self.objects.get(path)
            if obj is None:
                return 404, status(404, "NotFound", f'"{path}" not found')
            uid = (options.get("preconditions") or {}).get("uid")
            if uid and uid != obj["metadata"]["uid"]:
                message = f"the UID in the precondition ({uid}) does not match the UID in record"
                return 409, status(409, "Conflict", message)
            resource = path.split("/")[-2]
            after = self.gone_after.get(resource, 0.0)
            if not obj["metadata"].get("finalizers") and after == 0.0:
                self.remove(path)
                return 200, status(200, "", "")
            obj = json.loads(json.dumps(obj))
            obj["metadata"]["deletionTimestamp"] = "2026-01-02T03:05:00Z"
            self._store("MODIFIED", path, obj)
            if after and not obj["metadata"].get("finalizers"):
                self.later(after, lambda: self.remove(path))
            return 200, obj


def status(code: int, reason: str, message: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Success" if code < 300 else "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # by default 5, and many threads that connect at once are dropped

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is no news; anything else is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    fake: FakeApi
    protocol_version = "HTTP/1.1"
    # Headers and body would go out in two segments, and wait for one another.
    wbufsize = 65536

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class' name
        pass

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = self.headers.get("Content-Type", "")
        self.fake.requests.append((self.command, self.path, content))
        self.fake.authorizations.append(self.headers.get("Authorization", ""))
        if self.fake.accepts is not None and self.fake.authorizations[-1] not in self.fake.accepts:
            said = status(401, "Unauthorized", "Unauthorized")
            self._send(401, json.dumps(said).encode(), {})
            return
        if objection := self.fake.objection(self.command, self.path):
            self._send(403, json.dumps(status(403, "Forbidden", objection)).encode(), {})
            return
        refusal = next((r for r in self.fake.refusals if r.fits(self.command, self.path)), None)
        if refusal:
            refusal.times -= 1
            if refusal.done_first:
                self._answer(body, content)
            if not refusal.status:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            said = status(refusal.status, refusal.reason, refusal.message)
            payload = refusal.body if refusal.body is not None else json.dumps(said).encode()
            self._send(refusal.status, payload, refusal.headers)
            return
        code, answer = self._answer(body, content)
        if code:
            payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self._send(code, payload, {})

    def _send(self, code: int, payload: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    def _answer(self, body: bytes, content: str) -> tuple[int, object]:
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        path = url.path
        fake = self.fake
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self._websocket(path, query)
        if path == "/version":
            return 200, {"gitVersion": "v1.37.2"}
        if path in fake.texts:
            return 200, fake.texts[path].encode()
        if path in fake.resources:
            return 200, {"kind": "APIResourceList", "resources": fake.resources[path]}
        if path.endswith("/selfsubjectaccessreviews"):
            asked = json.loads(body)["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": fake.allowed(asked)}}
        if self.command == "GET":
            return self._read(path, {key: values[0] for key, values in query.items()})
        return self._write(path, json.loads(body) if body else {}, query)

    def _write(self, path: str, sent: Object, query: dict[str, list[str]]) -> tuple[int, object]:
        fake = self.fake
        dry = "dryRun" in query
        if self.command == "DELETE":
            return fake.delete(path, sent)
        # Without a name no managedFields, as behind something that strips them.
        manager = query.get("fieldManager", [""])[0] if fake.notes_managers else ""
        if self.command == "POST":
            metadata = sent["metadata"]
            if "name" not in metadata:
                metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
            there = f"{path}/{metadata['name']}"
            if there in fake.objects:
                return 409, status(409, "AlreadyExists", f'"{metadata["name"]}" already exists')
            note(sent, sent, manager, "Update")
            return 201, sent if dry else fake.put(path, sent)
        collection = path.rpartition("/")[0]
        old = fake.objects.get(path)
        if self.command == "PATCH":
            if "force" in query:
                new = merged(old or {"metadata": {}}, sent)
                note(new, sent, manager, "Apply")
                return (200 if old else 201), new if dry else fake.put(collection, new)
            if old is None:
                return 404, status(404, "NotFound", f'"{path}" not found')
            new = merged(old, sent)
            note(new, sent, manager, "Update")
            return 200, fake.put(collection, new)
        if old is None:
            return 404, status(404, "NotFound", f'"{path}" not found')
        if sent["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
            return 409, status(409, "Conflict", "the object has been modified")
        return 200, fake.put(collection, sent)

    def _read(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        fake = self.fake
        if path in fake.objects:
            return 200, fake.objects[path]
        if not _is_collection(path):
            return 404, status(404, "NotFound", f'"{path}" not found')
        if query.get("watch") == "true":
            return self._watch(path, query)
        with fake.changed:
            found = [
                _as_item(obj)
                for key, obj in sorted(fake.objects.items())
                if _within(path, key) and _selected(obj, query)
            ]
            version = str(fake.version)
        start = int(query.get("continue", "0"))
        end = start + (int(query.get("limit", "0")) or len(found))
        metadata = {"resourceVersion": version}
        if end < len(found):
            metadata["continue"] = str(end)
        return 200, {"kind": "List", "metadata": metadata, "items": found[start:end]}

    def _watch(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        fake = self.fake
        since = int(query["resourceVersion"])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for due in [one for one in fake.when_watched if re.search(one[0], path)]:
            fake.when_watched.remove(due)
            fake.later(0.0, due[1])
        deadline = time.monotonic() + float(query.get("timeoutSeconds", "300"))
        with contextlib.suppress(OSError):
            for sent, event in enumerate(self._events(path, query, since, deadline)):
                line = json.dumps(event).encode() + b"\n"
                if fake.cut_watches_after is not None and sent >= fake.cut_watches_after:
                    self._chunk(line[: len(line) // 2])
                    self.connection.shutdown(socket.SHUT_RDWR)
                    break
                self._chunk(line)
            else:
                self._chunk(b"")
        self.close_connection = True
        return 0, None

    def _events(
        self, path: str, query: dict[str, str], since: int, deadline: float
    ) -> Iterator[Object]:
        fake = self.fake
        while True:
            with fake.changed:
                if since < fake.compacted:
                    expired = status(410, "Expired", f"too old resource version: {since}")
                    yield {"type": "ERROR", "object": expired}
                    return
                new = [e for e in fake.history if e[0] > since]
                if not new:
                    left = deadline - time.monotonic()
                    if left <= 0 or not fake.running:
                        return
                    fake.changed.wait(left)
                    continue
            for version, event, key, obj in new:
                since = version
                if _within(path, key) and _selected(obj, query):
                    yield {"type": event, "object": obj}

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _websocket(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        if path not in self.fake.streams:
            return 404, status(404, "NotFound", 'pods "absent" not found')
        salt = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + salt).digest()
        offered = self.headers.get("Sec-WebSocket-Protocol", "")
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.send_header("Sec-WebSocket-Protocol", offered.split(",")[0].strip())
        self.end_headers()
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.fake.streams[path](WebSocket(self.connection, self.rfile), query)
        self.close_connection = True
        return 0, None


def _as_item(obj: Object) -> Object:
    # Items of a list carry neither, as those of the API server.
    return {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}


def _is_collection(path: str) -> bool:
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return len(rest) == 1


def _within(collection: str, key: str) -> bool:
    prefix, _, resource = collection.rpartition("/")
    in_namespaces = rf"{re.escape(prefix)}/namespaces/[^/]+/{resource}/[^/]+"
    return key.rpartition("/")[0] == collection or re.fullmatch(in_namespaces, key) is not None


def _selected(obj: Object, query: dict[str, str]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        name, equals, value = term.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        name, _, value = term.partition("=")
        found: Any = obj
        for part in name.split("."):
            found = (found or {}).get(part)
        if (found or "") != value:
            return False
    return True
