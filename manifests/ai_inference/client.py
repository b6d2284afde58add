"""Sends requests from inside of the cluster and reports each answer as it came, one JSON a line.

What it is to send comes as its argument, a plan in JSON: ``do`` (``count``, ``stream``,
``bodies``), ``address``, ``port``, ``host``, ``path``, ``tls``, ``timeout``; and by what it does
``requests``, ``threads``, ``seconds``, ``give_up``, ``bytes``, ``headers``.
"""

import hashlib
import http.client
import json
import os
import ssl
import sys
import threading
import time

PLAN = json.loads(sys.argv[1])
HEADERS = {"Host": PLAN["host"], **PLAN.get("headers", {})}


class Tls(http.client.HTTPConnection):
    """Speaks TLS with anybody: what is judged is where a request goes, not who signed for it."""

    def connect(self) -> None:
        """Connect, and name the host to the other side."""
        super().connect()
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        self.sock = anybody.wrap_socket(self.sock, server_hostname=PLAN["host"])


def connect() -> http.client.HTTPConnection:
    """Make a connection of the plan's kind."""
    kind = Tls if PLAN["tls"] else http.client.HTTPConnection
    return kind(PLAN["address"], PLAN["port"], timeout=PLAN["timeout"])


def ask(
    method: str = "GET", path: str = "", body: bytes | None = None
) -> tuple[int, bytes, str, float]:
    """Send a request on a connection of its own: status, body, what went wrong, seconds taken."""
    started = time.monotonic()
    connection = connect()
    try:
        connection.request(method, PLAN["path"] + path, body=body, headers=HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, content, "", time.monotonic() - started
    except (OSError, http.client.HTTPException) as error:
        return 0, b"", str(error) or type(error).__name__, time.monotonic() - started
    finally:
        connection.close()


def who(content: bytes) -> str:
    """Which backend an answer names; empty where it names none."""
    try:
        return str(json.loads(content)["backend"])
    except (ValueError, KeyError, TypeError):
        return ""


def count() -> None:
    """Send many requests, as far as the time goes; stop once many in a row get no answer."""
    lock, left, dead = threading.Lock(), PLAN["requests"], 0
    lines: list[list[object]] = []
    deadline = time.monotonic() + PLAN["seconds"]

    def work() -> None:
        nonlocal left, dead
        while True:
            with lock:
                if left <= 0 or dead >= PLAN["give_up"] or time.monotonic() > deadline:
                    return
                left -= 1
            status, content, detail, seconds = ask()
            with lock:
                dead = 0 if status else dead + 1
                lines.append([status, who(content), detail, round(1000 * seconds, 2)])

    threads = [threading.Thread(target=work) for _ in range(PLAN["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in lines:
        print(json.dumps(line))


def stream() -> None:
    """Tell when each piece of a streamed answer came, in seconds after the request."""
    started = time.monotonic()
    connection = connect()

    def say(text: str) -> None:
        print(json.dumps([round(time.monotonic() - started, 3), text]))

    try:
        connection.request("GET", PLAN["path"] + "/stream", headers=HEADERS)
        answer = connection.getresponse()
        say(f"status {answer.status}")
        while piece := answer.read1(65536):
            say(piece.decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        say(f"broke: {str(error) or type(error).__name__}")


def bodies() -> None:
    """Send a large body there, and get one back."""
    sent = os.urandom(PLAN["bytes"])
    status, content, detail, _ = ask("POST", "/sum", sent)
    try:
        seen = json.loads(content)
    except ValueError:
        seen = {}
    there = {
        "status": status,
        "detail": detail,
        "received": seen.get("bytes", 0),
        "same": seen.get("sha256") == hashlib.sha256(sent).hexdigest(),
    }
    status, content, detail, _ = ask("GET", f"/blob/{PLAN['bytes']}")
    wanted = bytes(range(256)) * (PLAN["bytes"] // 256)
    back = {
        "status": status,
        "detail": detail,
        "received": len(content),
        "same": content == wanted,
    }
    print(json.dumps({"sent": PLAN["bytes"], "there": there, "back": back}))


if __name__ == "__main__":
    {"count": count, "stream": stream, "bodies": bodies}[PLAN["do"]]()
