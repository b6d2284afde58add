"""A data plane that lies: takes the place of a Gateway's own, and serves routes in its own way.

Run by the lab in its network (``python -m aicr_lab.defects.programs.lying_gateway``). It reads
HTTPRoutes and Services from the API server as a gateway's controller does, while the real
controller goes on to report that all is well. Without a lie it splits by counting: a healthy
gateway of another kind.
"""

import argparse
import http.client
import itertools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aicr_lab.errors import AicrLabError
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Api, Object

MODES = (
    "counting",
    "weights-ignored",
    "header-ignored",
    "one-backend-dead",
    "stale",
    "missing-backend-200",
    "buffering",
    "body-limit",
)
"""How it serves; ``counting`` is no lie."""
BODY_LIMIT = 2**20
"""Bytes that ``body-limit`` lets through, as proxies do by default."""
PORT = 18080
_EVERY = 0.2
_ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"
_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a route: what it matches, and who answers."""

    namespace: str
    hosts: tuple[str, ...]
    prefix: str
    headers: tuple[tuple[str, str], ...]
    backends: tuple[tuple[str, int], ...]
    """Name and weight of each Service."""

    def matches(self, host: str, path: str, headers: dict[str, str], *, blind: bool) -> bool:
        """Whether a request is for this rule; ``blind`` rules look at no header."""
        return (
            host in self.hosts
            and (path == self.prefix or path.startswith(f"{self.prefix}/"))
            and (blind or all(headers.get(name) == value for name, value in self.headers))
        )


def rules_of(route: Object) -> list[Rule]:
    """The rules of an HTTPRoute, one for each of their matches."""
    return [
        Rule(
            namespace=route["metadata"]["namespace"],
            hosts=tuple(route["spec"].get("hostnames") or ()),
            prefix=match.get("path", {}).get("value", "/").rstrip("/"),
            headers=tuple(
                (header["name"].lower(), header["value"]) for header in match.get("headers") or ()
            ),
            backends=tuple(
                (one["name"], one.get("weight", 1)) for one in rule.get("backendRefs") or ()
            ),
        )
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    ]


def best(rules: Iterable[Rule]) -> Rule | None:
    """The most specific of the rules that match."""
    return max(rules, key=lambda rule: (len(rule.prefix), len(rule.headers)), default=None)


def turns(backends: Sequence[tuple[str, int]], *, even: bool) -> list[str]:
    """The backends in the order in which they take turns, each as often as it weighs."""
    weights = [(name, 1 if even and weight else weight) for name, weight in backends]
    total, credit, order = sum(weight for _, weight in weights), defaultdict[str, int](int), []
    for _ in range(total):
        for name, weight in weights:
            credit[name] += weight
        chosen = max(credit, key=lambda name: credit[name])
        credit[chosen] -= total
        order.append(chosen)
    return order


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """What the gateway knows of the cluster."""

    mode: str
    rules: list[Rule] = field(default_factory=list)
    addresses: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """Namespace and name of a Service, to IP and port of a pod."""
    _first: dict[str, list[Rule]] = field(default_factory=dict)
    _turns: dict[Rule, "itertools.cycle[str]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, routes: Sequence[Object], slices: Sequence[Object]) -> None:
        """Take note of routes and endpoints; the stale one of the first sight of each route."""
        found: list[Rule] = []
        for route in routes:
            rules = rules_of(route)
            if self.mode == "stale":
                rules = self._first.setdefault(route["metadata"]["uid"], rules)
            found += rules
        self.rules = found
        self.addresses = {
            (each["metadata"]["namespace"], name): (endpoint["addresses"][0], port["port"])
            for each in slices
            if (name := each["metadata"].get("labels", {}).get("kubernetes.io/service-name"))
            for endpoint in each.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready", True)
            for port in each.get("ports") or ()
        }

    def rule(self, host: str, path: str, headers: dict[str, str]) -> Rule | None:
        """The rule for a request."""
        blind = self.mode == "header-ignored"
        found = [rule for rule in self.rules if rule.matches(host, path, headers, blind=blind)]
        if blind:
            found = [rule for rule in found if not rule.headers]
        return best(found)

    def backend(self, rule: Rule) -> str:
        """Whose turn it is."""
        with self._lock:
            if rule not in self._turns:
                even = self.mode == "weights-ignored"
                self._turns[rule] = itertools.cycle(turns(rule.backends, even=even))
            return next(self._turns[rule])


def handler(knowledge: Knowledge) -> type[BaseHTTPRequestHandler]:
    """The class that serves requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            """Serve a request."""
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            host = (self.headers.get("Host") or "").partition(":")[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            rule = knowledge.rule(host, self.path.partition("?")[0], headers)
            if rule is None:
                self._say(404)
            elif knowledge.mode == "body-limit" and size > BODY_LIMIT:
                self._say(413)
            else:
                self._forward(rule, body)

        do_POST = do_GET

        def _forward(self, rule: Rule, body: bytes) -> None:
            name = knowledge.backend(rule)
            at = knowledge.addresses.get((rule.namespace, name))
            if at is None:
                self._say(200 if knowledge.mode == "missing-backend-200" else 500)
            elif knowledge.mode == "one-backend-dead" and name == "second":
                self._say(503)
            else:
                self._pass_on(at, body)

        def _pass_on(self, at: tuple[str, int], body: bytes) -> None:
            upstream = http.client.HTTPConnection(*at, timeout=30)
            try:
                upstream.request(self.command, self.path, body=body, headers=dict(self.headers))
                self._answer(upstream.getresponse())
            except (OSError, http.client.HTTPException):
                self._say(502)
            finally:
                upstream.close()

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            length = answer.getheader("Content-Length")
            whole = answer.read() if length or knowledge.mode == "buffering" else None
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type") or "text/plain")
            if whole is not None:
                self.send_header("Content-Length", str(len(whole)))
                self.end_headers()
                self.wfile.write(whole)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def _say(self, status: int) -> None:
            body = json.dumps({"gateway": "says so itself"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the parent's name)
            """Says nothing: thousands of requests come."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=MODES, required=True)
    for name in ("ca", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    api = Api(
        port=network.API_PORT, ca=options.ca, certificate=options.certificate, key=options.key
    )
    knowledge = Knowledge(mode=options.mode)
    server = _Server((network.BRIDGE_IP, PORT), handler(knowledge))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            routes = api.request("GET", _ROUTES)["items"]
            knowledge.learn(routes, api.request("GET", _SLICES)["items"])
        except AicrLabError as error:
            sys.stderr.write(f"{error}\n")  # the API server is away: it may come back
        time.sleep(_EVERY)


if __name__ == "__main__":
    main()
